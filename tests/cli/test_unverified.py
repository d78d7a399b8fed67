import pytest

from sepconv.case import Case
from sepconv.cli.sweep import unverified_devices
from sepconv.run import Selfcheck

CASES = [
    Case(conv_type="standard", in_channels=8, out_channels=8, height=14, width=14, device=device)
    for device in ("cpu", "cuda", "cuda:1", "cuda")
]


def check(device: str, passed: bool) -> Selfcheck:
    return Selfcheck(device, "2026-01-01T00:00:00+00:00", passed, {})


@pytest.mark.parametrize(
    ("checks", "unverified"),
    [
        ([], ["cuda", "cuda:1"]),
        ([check("cuda", passed=False), check("cpu", passed=True)], ["cuda", "cuda:1"]),
        ([check("cuda", passed=True)], ["cuda:1"]),
        ([check("cuda", passed=True), check("cuda:1", passed=True)], []),
        ([check("cuda", passed=False), check("cuda", passed=True)], ["cuda", "cuda:1"]),
    ],
)
def test_a_cuda_clock_is_verified_if_the_newest_selfcheck_of_its_device_has_passed(
    checks, unverified
):
    assert unverified_devices(CASES, checks) == unverified
