from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.errors import StoreError
from sepconv.record import Round
from sepconv.store.pack import pack_rounds, unpack_rounds

PACKED = pack_rounds([Round(0.001, 0.0009, None, 3, 0), Round(0.002, 0.001, 1e-6, None, 1)])


def test_the_layout_of_version_1_is_still_read() -> None:
    packed = bytes.fromhex(
        "01" "02000000"
        "01" "40420f0000000000" "04" "00000000" "40420f00"  # wall: 1 ms, 2 ms
        "01" "a0bb0d0000000000" "04" "00000000" "a0860100"  # CPU: 0.9 ms, 1 ms
        "02" "02" "e803000000000000" "01" "00"  # queue: none, 1 µs
        "02" "01" "0300000000000000" "01" "00"  # faults: 3, none
        "01" "0000000000000000" "01" "0001"  # switches: 0, 1
    )  # fmt: skip

    assert unpack_rounds(packed) == unpack_rounds(PACKED)
    assert unpack_rounds(packed)[0] == Round(0.001, 0.0009, None, 3, 0)


def test_thirty_usual_rounds_take_less_than_ten_bytes_each() -> None:
    rounds = [
        Round(0.0005 + 7919 * i % 30011 / 1e9, 0.0005 + 104729 * i % 30011 / 1e9, 0.0, 0, i % 2)
        for i in range(30)
    ]

    assert len(pack_rounds(rounds)) < 300


@pytest.mark.parametrize("size", range(len(PACKED)))
def test_a_cut_blob_is_an_error_that_says_so(size: int) -> None:
    with pytest.raises(StoreError, match="damaged"):
        unpack_rounds(PACKED[:size])


@given(packed=st.binary(max_size=60))
def test_no_bytes_at_all_make_it_fail_in_another_way(packed: bytes) -> None:
    for version in (b"", b"\1", b"\1\3\0\0\0", b"\2", b"\3"):
        try:
            found = unpack_rounds(version + packed)
        except StoreError:
            continue
        assert isinstance(found, tuple)
