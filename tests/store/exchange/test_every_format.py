"""What holds for every format: a newcomer's is tested before they write a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sepconv.errors import InvalidExchange
from sepconv.metric import METRICS
from sepconv.record import Estimate
from sepconv.store.exchange import FORMATS
from sepconv.store.exchange.format import Reading, Writing
from sepconv.store.exchange.translation import Translation, translate

DOCUMENTATION = (Path(__file__).parents[3] / "docs" / "exchange.md").read_text()
WRITTEN = [name for name, each in FORMATS.items() if each.write]
READ = [name for name, each in FORMATS.items() if each.read]
HOSTILE = {
    "nothing": b"",
    "half of it": b'{"benchmarks": [',
    "another type": b"[1, 2]",
    "null": b"null",
    "no text": b"\xff\xfe\x00",
    "a bomb": b"[" * 10_000_000,
    "an object bomb": b'{"benchmarks":' * 200_000,
    "a long number": b'{"benchmarks": ' + b"9" * 5000 + b"}",
    "a pickle": b"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
}


def reader(name: str) -> Callable[[bytes, str], Reading]:
    read = FORMATS[name].read
    assert read is not None
    return read


def writer(name: str) -> Callable[[Writing], bytes]:
    write = FORMATS[name].write
    assert write is not None
    return write


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_reads_or_writes_and_says_who_else_does(name: str) -> None:
    found = FORMATS[name]

    assert found.name == name
    assert found.tool
    assert found.read or found.write
    assert found.metrics
    assert set(found.metrics) <= METRICS.keys()


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCUMENTATION


@pytest.mark.parametrize("name", WRITTEN)
def test_the_same_run_gives_the_same_bytes_with_every_case(name: str, writing: Writing) -> None:
    written = writer(name)(writing)

    assert written == writer(name)(writing)
    for measurement in writing.measurements:
        assert measurement.case.label in written.decode()


@pytest.mark.parametrize("name", WRITTEN)
def test_two_cases_with_one_label_do_not_become_one(name: str, writing: Writing) -> None:
    first = writing.measurements[0]
    case = replace(first.case, conv_type="mine", options={"a": 1})
    twin = replace(case, options={"a": "1"})  # printed like the other
    assert case.label == twin.label

    written = writer(name)(
        replace(writing, measurements=[replace(first, case=each) for each in (case, twin)])
    )

    assert f"{case.label}-{case.identity}" in written.decode()
    assert f"{case.label}-{twin.identity}" in written.decode()


@pytest.mark.parametrize("name", WRITTEN)
def test_hostile_names_stay_spelled_out(name: str, writing: Writing) -> None:
    first = writing.measurements[0]
    case = replace(first.case, conv_type='</script>\x1b[31m"\n\ud800')

    written = writer(name)(replace(writing, measurements=[replace(first, case=case)]))

    assert written.isascii()
    assert b"\x1b" not in written
    json.loads(written)


@pytest.mark.parametrize(
    ("name", "metric"), [(name, metric) for name in WRITTEN for metric in FORMATS[name].metrics]
)
def test_every_metric_that_a_format_takes_can_be_written(
    name: str, metric: str, writing: Writing
) -> None:
    first = writing.measurements[0]
    values = {**first.values, metric: Estimate(0.5, 0.25, 0.75)}

    written = writer(name)(Writing(writing.run, [replace(first, values=values)], metric=metric))

    json.loads(written)
    advice = FORMATS[name].advice(metric)
    assert advice is None or metric in advice


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_such_file_is_told_with_its_name(name: str, what: str) -> None:
    with pytest.raises(InvalidExchange, match=r"^mine\.json: ") as told:
        reader(name)(HOSTILE[what], "mine.json")

    assert len(str(told.value)) < 300


@pytest.mark.parametrize("name", [name for name in READ if name in WRITTEN])
def test_what_was_written_is_read_with_the_same_cases_and_values(
    name: str, writing: Writing
) -> None:
    reading = reader(name)(writer(name)(writing), "mine.json")

    translated = translate(reading.entries, Translation(), "mine.json")
    assert list(translated.measurements) == writing.measurements
    assert reading.exported_uid == writing.run.uid
