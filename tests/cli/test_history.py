"""`sepconv history` over a made-up history whose truth is known."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sepconv.cli import main
from sepconv.cli.sample import Truth, write_history
from sepconv.record import Measurement, Status
from sepconv.store import Store
from tests.judge.nights import cases, night, revision_of
from tests.report.sample import HOSTILE, make_case, make_run, trio

Sepconv = Callable[..., str]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    path = tmp_path_factory.mktemp("history") / "sample.db"
    with Store(path) as store:
        return path, write_history(store, cases=12, runs=60, seed=3)


@pytest.fixture
def truth(sample: tuple[Path, Truth]) -> Truth:
    return sample[1]


@pytest.fixture
def sepconv(
    sample: tuple[Path, Truth], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Sepconv:
    """Run `sepconv history …`; what it prints, if it ends as expected."""

    def sepconv(*arguments: str, code: int = 0, path: Path = sample[0]) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["history", *arguments, "--store", str(path)])
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return printed.err if code else printed.out

    return sepconv


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Three nights of two cases and three runs of three others, one of which lost one each."""
    path = tmp_path / "small.db"
    one, other = cases(2)
    with Store(path) as store:
        store.keep_revisions([revision_of(number) for number in range(4)])
        for number in (1, 2, 3):
            made = night(number, {one: 1.0, other: None if number == 2 else 1.0})
            compared = [
                replace(each, reason="RuntimeError: no kernel\x1b[31m")
                if each.ratio is None
                else each
                for each in made.cases
            ]
            made = replace(made, cases=compared)
            store.finish_comparison(store.begin_comparison(made), made)
            measurements = trio()
            if number == 2:
                measurements[0] = Measurement(
                    measurements[0].case, Status.CRASHED, "killed by signal 11"
                )
            store.put_measurements(
                store.begin_run(make_run(number, revision=revision_of(number))), measurements
            )
    return path


def test_every_case_has_a_row_with_its_ratio_to_the_reference(
    sepconv: Sepconv, truth: Truth
) -> None:
    lines = sepconv().splitlines()

    rows = [line for line in lines if re.match(r"[a-z_]+-\d+-", line)]
    assert {row.split()[0] for row in rows} == {case.label for case in truth.cases}
    assert all(re.search(r"[▁-█]{20}", row) for row in rows)
    assert lines[-1].startswith(f"{len(truth.cases)} series, ")


def test_what_was_put_into_the_history_is_what_has_changed(sepconv: Sepconv, truth: Truth) -> None:
    changed = {case.label for change in truth.changes for case in change.cases}

    plain = json.loads(sepconv("--changed", "--format", "json"))

    found = {each["label"] for each in plain["series"]}
    assert found >= changed
    by_label = {each["label"]: each for each in plain["series"]}
    for change in truth.changes:
        for case in change.cases:
            ratios = [each["ratio"] for each in by_label[case.label]["changes"]]
            assert min(abs(ratio - change.ratio) for ratio in ratios) < 0.02


def test_a_selection_leaves_its_cases(sepconv: Sepconv, truth: Truth) -> None:
    plain = json.loads(sepconv("--where", "conv_type=standard", "--format", "json"))

    wanted = {case.label for case in truth.cases if case.conv_type == "standard"}
    assert {each["label"] for each in plain["series"]} == wanted


def test_one_case_is_told_night_by_night(sepconv: Sepconv, truth: Truth) -> None:
    change = truth.changes[0]

    text = sepconv("--case", change.cases[0].label)

    assert text.startswith(f"ratio_to_reference of {change.cases[0].label}, measured on x86_64")
    nights = re.findall(r"^(\d{4}-\d\d-\d\d)", text, re.MULTILINE)
    assert len(nights) == len(truth.nights)
    assert nights == sorted(nights)
    for date in truth.missed:
        assert date in text or re.search(r"missed: \S+ to \S+", text)
    assert "new level: " in text
    assert "the reference moved to" in text
    assert "torch 2.12.0 → 2.13.0" in text
    assert "machine synthetic CPU A" in text
    assert "interrupted" in text


def test_one_case_is_found_by_the_beginning_of_its_identity(sepconv: Sepconv, truth: Truth) -> None:
    case = truth.cases[3]

    assert f"ratio_to_reference of {case.label}," in sepconv("--case", case.identity[:8])


def test_absolute_values_have_a_series_for_each_machine_and_environment(
    sepconv: Sepconv, truth: Truth
) -> None:
    case = truth.cases[0]

    plain = json.loads(sepconv("--metric", "latency_s", "--case", case.label, "--format", "json"))

    assert plain["metric"] == "latency_s"
    assert len({each["machine"] for each in plain["series"]}) == 2
    assert len({each["environment"] for each in plain["series"]}) == 2
    text = sepconv("--metric", "latency_s", "--case", case.label)
    assert text.count("latency_s of ") == len(plain["series"]) == 3
    assert "synthetic CPU B" in sepconv("--metric", "latency_s").splitlines()[4]


def test_exact_metrics_have_a_history_without_changes(sepconv: Sepconv, truth: Truth) -> None:
    assert ", 0 with a change of level" in sepconv("--metric", "macs")
    assert "changed its level" in sepconv("--metric", "macs", "--changed")


def test_only_what_was_measured_since_a_date_is_told(sepconv: Sepconv, truth: Truth) -> None:
    half = truth.nights[len(truth.nights) // 2]

    plain = json.loads(sepconv("--since", half[:10], "--format", "json"))

    starts = [point["started_at"] for each in plain["series"] for point in each["points"]]
    assert min(starts) >= half[:10]
    assert max(starts) == max(truth.nights)
    for each in plain["series"]:
        for change in each["changes"]:
            assert each["points"][change["index"]]["commit"] == change["commit"]


def test_a_number_of_days_counts_from_now(sepconv: Sepconv, truth: Truth) -> None:
    first = datetime.fromisoformat(truth.nights[0])
    days = (datetime.now(UTC) - first) // timedelta(days=1) + 2

    assert len(truth.cases) == sepconv("--since", f"{days}d").count("-cpu ")
    assert "none of" in sepconv("--since", "2199-01-01")


def test_spreadsheets_get_every_point_and_markdown_a_table(sepconv: Sepconv, truth: Truth) -> None:
    rows = list(csv.DictReader(io.StringIO(sepconv("--format", "csv"))))
    lines = sepconv("--format", "markdown").splitlines()

    assert {row["label"] for row in rows} == {case.label for case in truth.cases}
    assert {"started_at", "commit", "value", "low", "high", "status"} <= set(rows[0])
    assert lines[0] == "| case | points | history | newest | last change | changes |"
    assert len(lines) == 2 + len(truth.cases)


def test_a_case_that_could_not_be_run_says_why(sepconv: Sepconv, small: Path) -> None:
    one, other = cases(2)

    text = sepconv("--case", other.label, path=small)

    assert "–  failed: RuntimeError: no kernel[31m" in text
    assert "failed" not in sepconv("--case", one.label, path=small)


def test_a_crash_in_a_run_says_why(sepconv: Sepconv, small: Path) -> None:
    standard = trio()[0].case

    text = sepconv("--case", standard.label, "--metric", "latency_s", path=small)

    assert "–  crashed: killed by signal 11" in text
    assert text.count("2.10 ms ± 4.8 %") == 2


def test_what_has_no_ratio_is_told_by_its_latency(sepconv: Sepconv, small: Path) -> None:
    plain = json.loads(sepconv("--format", "json", path=small))

    metrics = {(each["label"], each["metric"]) for each in plain["series"]}
    assert len(metrics) == 5
    assert {metric for _, metric in metrics} == {"ratio_to_reference", "latency_s"}
    assert "  latency_s  " in sepconv(path=small)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--case", "nothing"), "0 answer to it"),
        (("--case", "standard"), "0 answer to it"),
        (("--where", "channels=7"), "no case with a history is left by --where"),
        (("--where", "nonsense"), "cannot read the selection"),
        (("--since", "yesterday"), "expected a date or a number of days"),
        (("--metric", "speed"), "'speed' is not one of"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    sepconv: Sepconv, arguments: tuple[str, ...], told: str
) -> None:
    assert told in sepconv(*arguments, code=2)


def test_an_empty_store_says_what_to_type(sepconv: Sepconv, tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    Store(empty).close()

    for arguments in ((), ("--metric", "macs")):
        assert "type: sepconv nightly" in sepconv(*arguments, code=3, path=empty)


def test_a_store_without_that_metric_says_so(sepconv: Sepconv, small: Path) -> None:
    assert "has macs" in sepconv("--metric", "macs", code=3, path=small)


def test_hostile_texts_are_inert(sepconv: Sepconv, tmp_path: Path) -> None:
    text = HOSTILE + "\x1b[2J\x9b31m\u202e[bold]"
    case, path = make_case("mine" + text), tmp_path / "hostile.db"
    with Store(path) as store:
        for number in (1, 2):
            commit = replace(revision_of(number), subject=text)
            made = night(number, {case: None}, commit=commit, conditions={"killed": text})
            environment = replace(made.head.environment, torch=f"{number}{text}")
            made = replace(
                made,
                head=replace(made.head, environment=environment),
                cases=[replace(made.cases[0], reason=text)],
                state="interrupted",
            )
            store.finish_comparison(store.begin_comparison(made), made)

    for output_format in ("terminal", "markdown", "json", "csv"):
        printed = sepconv("--format", output_format, path=path)

        assert not {"\x1b", "\x9b", "\u202e"} & set(printed)
        if output_format == "markdown":
            assert "<img" not in printed
        if output_format == "terminal":
            assert "[bold]" in printed
