import pytest

from sepconv.bench.nvml import Clocks, read_clocks, reasons_of, why_unavailable


def test_a_machine_without_nvml_has_no_clocks_but_a_reason():
    if why_unavailable() is None:
        pytest.skip("NVML answers here")

    assert read_clocks(0) is None
    assert "NVML" in why_unavailable() or "pip install" in why_unavailable()


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        (0x0, ()),
        (0x1, ()),  # idle
        (0x2, ()),  # set to a clock by its owner
        (0x4, ("power cap",)),
        (0x48, ("hardware slowdown", "heat (hardware)")),
    ],
)
def test_only_what_holds_a_device_back_is_a_reason(bits, words):
    assert reasons_of(bits) == words


@pytest.mark.parametrize(
    ("sm_mhz", "is_idle", "is_low"),
    [(1980, False, False), (1500, False, False), (1400, False, True), (345, True, False)],
)
def test_a_clock_is_low_below_three_quarters_of_the_default_unless_idle(sm_mhz, is_idle, is_low):
    clocks = Clocks(sm_mhz, 1980, is_idle=is_idle)

    assert clocks.is_low == is_low
    assert (clocks.trouble is not None) == is_low


def test_trouble_is_told_with_its_reason():
    clocks = Clocks(1700, 1980, ("power cap",))

    assert clocks.trouble == "the device runs at 1700 of 1980 MHz because of power cap"
