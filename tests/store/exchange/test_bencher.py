from __future__ import annotations

import json
from dataclasses import replace

from sepconv.record import Estimate
from sepconv.store.exchange.bencher import NAME_LENGTH, write
from sepconv.store.exchange.format import Writing


def test_a_latency_is_in_nanoseconds_and_a_speedup_its_own_measure(writing: Writing) -> None:
    first, second = writing.measurements

    written = json.loads(write(writing))

    assert written == {
        first.case.label: {
            "latency": {"value": 2e6, "lower_value": 1.9e6, "upper_value": 2.1e6},
        },
        second.case.label: {
            "latency": {"value": 5e5},
            "realised-speedup": {"value": 4.0, "lower_value": 3.8, "upper_value": 4.2},
        },
    }


def test_throughput_is_benchers_own_measure_and_others_are_called_as_here(
    writing: Writing,
) -> None:
    second = writing.measurements[1]
    only = replace(writing, measurements=[second], metric="throughput_per_s")
    memory = replace(second, values={"peak_memory_bytes": Estimate(64.0)})

    assert json.loads(write(only))[second.case.label]["throughput"] == {"value": 2000.0}
    written = write(replace(only, measurements=[memory], metric="peak_memory_bytes"))
    assert json.loads(written) == {second.case.label: {"peak-memory-bytes": {"value": 64.0}}}


def test_a_name_is_no_longer_than_bencher_takes(writing: Writing) -> None:
    first = writing.measurements[0]
    long = replace(first, case=replace(first.case, conv_type="x" * 2000))

    [name] = json.loads(write(replace(writing, measurements=[long])))

    assert len(name) == NAME_LENGTH
    assert name.endswith(long.case.identity)
