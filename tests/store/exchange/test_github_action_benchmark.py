from __future__ import annotations

import json
from dataclasses import replace

from sepconv.store.exchange.format import Writing
from sepconv.store.exchange.github_action_benchmark import advise, write


def test_an_entry_has_what_the_action_shows(writing: Writing) -> None:
    first, second = writing.measurements

    written = json.loads(write(writing))

    assert written[0] == {
        "name": first.case.label,
        "unit": "ns/iter",
        "value": 2e6,
        "range": "± 100000",
        "extra": "status: ok\npasses: 8\nlatency: 1.90 ms to 2.10 ms (95 %)\n"
        f"machine: {writing.run.machine.label}\nenvironment: {writing.run.environment.label}",
    }
    assert "range" not in written[1]
    assert "speed-up over standard: 4.0×" in written[1]["extra"]
    assert written[1]["name"] == second.case.label


def test_another_metric_has_its_own_unit_and_advice(writing: Writing) -> None:
    only = replace(writing, measurements=[writing.measurements[1]], metric="realised_speedup")

    [entry] = json.loads(write(only))

    assert (entry["unit"], entry["value"], entry["range"]) == ("realised_speedup", 4.0, "± 0.2")
    assert advise("latency_s") is None
    assert "customBiggerIsBetter" in (advise("realised_speedup") or "")
    assert "mean nothing" in (advise("macs_are_counted") or "")


def test_counts_are_shown_as_people_read_them(writing: Writing) -> None:
    first = writing.measurements[0]
    counted = replace(first, values={**first.values, "flops": first.values["macs"]})

    [entry] = json.loads(write(replace(writing, measurements=[counted])))

    assert "FLOPs: 1.10 T" in entry["extra"]
