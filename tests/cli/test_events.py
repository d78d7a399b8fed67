"""`sepconv events`: what is listed, what is said of it, and what a script can rely on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from sepconv.cli import cli, main
from sepconv.event import EventState
from sepconv.store import Store
from tests.judge.nights import cases as night_cases
from tests.judge.nights import noisy_nights, revisions
from tests.report.event_sample import CASES, changed, event, note, revision, upgrade, workload
from tests.report.sample import HOSTILE, make_case
from tests.store.test_sqlite import unprivileged

Sepconv = Callable[..., str]

SLOWER = event(uid="1" * 32, commits=[revision(3), revision(4)])
FASTER = event(changed(CASES[0], 0.9), uid="2" * 32, direction="faster")
SUSPICIOUS = event(uid="3" * 32, notes=[], sightings=1)
FIXED = event(uid="4" * 32, notes=[note(EventState.FIXED, "taken back by 0404040404")])
REFUTED = event(uid="5" * 32, notes=[note(EventState.REFUTED, "later nights do not show it")])
EVENTS = [SLOWER, FASTER, SUSPICIOUS, FIXED, REFUTED]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    with Store(path) as store:
        store.put_events(EVENTS)
    return path


@pytest.fixture
def sepconv(path: Path, capsys: pytest.CaptureFixture[str]) -> Sepconv:
    """Run `sepconv events …` on the store; what it prints, if it ends as expected."""

    def sepconv(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["events", *arguments, "--store", str(path)])
        printed = capsys.readouterr()
        assert ended.value.code == code, printed.err
        return printed.err if code > 1 else printed.out

    return sepconv


def listed(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"^ +(\d+)  ", text, re.MULTILINE)]


def keep(path: Path, *events: object) -> None:
    path.unlink()
    with Store(path) as store:
        store.put_events(events)  # type: ignore[arg-type]


def test_what_nobody_has_decided_about_is_listed_and_an_alarm_comes_first(
    sepconv: Sepconv,
) -> None:
    lines = sepconv(code=1)

    assert listed(lines) == [1, 3, 2]
    assert "slower by 5.0 % [4.0, 6.0 %] in 3 cases of depthwise separable" in lines
    assert "suspicious: seen in 1 night" in lines
    assert "confirmed so far: 2 slower, 1 faster; 1 alarm that nobody has spoken about" in lines
    assert lines.endswith("see it whole, and what to do: sepconv events show 1\n")


def test_all_of_them_are_listed_if_asked_the_decided_ones_last(sepconv: Sepconv) -> None:
    assert listed(sepconv("--all", code=1)) == [1, 3, 2, 4, 5]


def test_states_can_be_chosen(sepconv: Sepconv) -> None:
    assert listed(sepconv("--state", "fixed", "--state", "refuted", code=1)) == [4, 5]


def test_the_exit_code_is_0_as_soon_as_no_alarm_is_left(path: Path, sepconv: Sepconv) -> None:
    sepconv("acknowledge", "1", "--reason", "meant", "--author", "Ada")

    assert listed(sepconv()) == [3, 2]
    assert "0 alarms" in sepconv()


def test_a_faster_case_or_a_new_torch_is_no_alarm_and_changed_work_is(
    path: Path, sepconv: Sepconv
) -> None:
    keep(path, FASTER, upgrade())
    assert sorted(listed(sepconv())) == [1, 2]

    keep(path, workload())
    assert listed(sepconv(code=1)) == [1]


def test_json_has_the_balance_and_everything_that_is_listed(sepconv: Sepconv) -> None:
    plain = json.loads(sepconv("--format", "json", code=1))

    assert plain["alarms"] == 1
    assert plain["balance"] == {"slower": 2, "faster": 1}
    assert [each["event"] for each in plain["events"]] == [1, 3, 2]
    assert plain["events"][0]["members"][0]["label"] == CASES[0].label
    assert set(plain["events"][0]) == {
        *("event", "uid", "kind", "direction", "state", "is_alarm", "sentence", "region"),
        *("machine", "mean_ratio", "low", "high", "conv_types", "last_good", "first_bad"),
        *("commits", "last_good_at", "began_at", "first_seen_at", "last_seen_at", "sightings"),
        *("explanations", "members", "notes"),
    }


def test_markdown_is_a_table_with_the_balance_above(sepconv: Sepconv) -> None:
    lines = sepconv("--format", "markdown", code=1).splitlines()

    assert lines[0].startswith("confirmed so far: 2 slower, 1 faster")
    first_cells = [line.split("|")[1].strip() for line in lines if line.startswith("| ")]
    assert first_cells[:5] == ["event", "---", "1", "3", "2"]
    assert first_cells.count("case") == 3
    assert first_cells.count(f"`{CASES[0].label}`") == 3


def test_the_feed_has_what_was_confirmed_whatever_is_listed(sepconv: Sepconv) -> None:
    feed = ElementTree.fromstring(sepconv("--format", "atom", code=1).encode())

    ids = [each.text for each in feed.iter("{http://www.w3.org/2005/Atom}id")]
    assert set(ids[1:]) == {f"urn:sepconv:event:{each.uid}" for each in (SLOWER, FASTER)}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((), "type: sepconv nightly"), (("--update",), "type: sepconv nightly")],
)
def test_an_empty_store_says_what_to_type(
    path: Path, sepconv: Sepconv, arguments: tuple[str, ...], told: str
) -> None:
    keep(path)

    assert told in sepconv(*arguments)
    assert json.loads(sepconv(*arguments, "--format", "json"))["events"] == []
    assert "No event." in sepconv(*arguments, "--format", "markdown")


def test_a_history_that_was_never_looked_through_says_what_to_type(
    path: Path, sepconv: Sepconv
) -> None:
    fill(path, nights=8)

    assert "look through its history with: sepconv events --update" in sepconv()


def fill(path: Path, *, nights: int, step: float = 1.0) -> None:
    """A store of so many nights; all cases change by `step` in the middle."""
    path.unlink(missing_ok=True)

    def truth(number: int, _case: object) -> float:
        return step if number > nights // 2 else 1.0

    with Store(path) as store:
        store.keep_revisions(revisions(nights))
        for one in noisy_nights(nights, night_cases(6), truth):
            store.finish_comparison(store.begin_comparison(one), one)


def test_updating_looks_through_the_history_and_stores_what_it_finds(
    path: Path, sepconv: Sepconv
) -> None:
    fill(path, nights=40, step=1.08)

    first = sepconv("--update", code=1)

    assert listed(first) == [1]
    assert re.search(r"slower by [78]\.\d % \[.*\] in 6 cases of", first)
    assert sepconv(code=1) == first


def test_a_history_without_events_says_how_much_was_looked_at(path: Path, sepconv: Sepconv) -> None:
    fill(path, nights=20)

    assert "no event in the 6 series of" in sepconv("--update")


def test_what_is_decided_alone_leaves_nothing_to_list(path: Path, sepconv: Sepconv) -> None:
    keep(path, FIXED)

    assert sepconv() == (
        "no event is listed; confirmed so far: 1 slower, 0 faster; 0 alarms that nobody has "
        "spoken about; all of them: sepconv events --all\n"
    )


def test_an_event_is_shown_with_its_commits_cases_notes_and_what_to_type(
    sepconv: Sepconv,
) -> None:
    text = sepconv("show", "1")

    assert text.startswith("event 1: slower by 5.0 % [4.0, 6.0 %] in 3 cases")
    for line in (
        "uid           " + "1" * 32,
        "before        2026-11-02 02:00 UTC, 0202020202 2026-11-02 Make it",
        "  0404040404 2026-11-04 Make it “better",
        "depthwise_separable-64-56x56-k3-s2-b1-cpu   ratio to reference  +5.0 % [+4.0, +6.0 %]",
        "  2026-11-04 02:00 UTC  confirmed: seen in 2 nights",
        "find the commit            sepconv bisect 1",
        "measure it again           sepconv compare 0202020202 0404040404 --where "
        "'conv_type=depthwise_separable and channels=128'",
        "it is meant                sepconv events acknowledge 1 --reason TEXT",
    ):
        assert line in text


def test_the_suite_of_the_nights_is_named_for_measuring_again(path: Path, sepconv: Sepconv) -> None:
    fill(path, nights=40, step=1.08)
    sepconv("--update", code=1)

    assert "--suite nightly --where 'conv_type=" in sepconv("show", "latest")


def test_many_cases_are_shown_by_the_largest_changes_and_the_rest_is_counted(
    path: Path, sepconv: Sepconv
) -> None:
    cases = [make_case(channels=channels) for channels in range(8, 38)]
    ratios = [1.02 + number / 1000 for number in range(30)]
    keep(path, event(*map(changed, cases, ratios)))

    text = sepconv("show", "1")

    shown = re.findall(r"^standard-(\d+)-", text, re.MULTILINE)
    assert [int(channels) for channels in shown] == list(range(37, 17, -1))
    assert "and 10 more: --limit 30" in text
    assert "--limit" not in sepconv("show", "1", "--limit", "30")


@pytest.mark.parametrize(
    ("one", "has", "lacks"),
    [
        (upgrade(), "sepconv compare --base-python OLD", "sepconv bisect"),
        (workload(), "events acknowledge", "measure it again"),
        (FIXED, "events reopen", "events acknowledge"),
        (REFUTED, "sepconv bisect", "events reopen"),
        (event(first_bad=None, commits=()), "sepconv bisect", "measure it again"),
    ],
    ids=["environment", "workload", "decided", "refuted", "no commit"],
)
def test_what_to_type_fits_the_event(
    path: Path, sepconv: Sepconv, one: object, has: str, lacks: str
) -> None:
    keep(path, replace(one, commits=[revision(3), revision(4)]))  # type: ignore[type-var]

    text = sepconv("show", "1")

    assert has in text
    assert lacks not in text


def test_a_known_commit_need_not_be_found(path: Path, sepconv: Sepconv) -> None:
    keep(path, event())

    assert "sepconv bisect" not in sepconv("show", "1")


def test_one_event_as_data_and_as_markdown(sepconv: Sepconv) -> None:
    plain = json.loads(sepconv("show", "1" * 8, "--format", "json"))

    assert (plain["event"], plain["uid"]) == (1, "1" * 32)
    assert plain["commands"]["find the commit"] == "sepconv bisect 1"
    assert "<details>" in sepconv("show", "1", "--format", "markdown")


@pytest.mark.parametrize(
    ("word", "state"),
    [("acknowledge", "acknowledged"), ("fixed", "fixed"), ("ignore", "ignored")],
)
def test_somebody_decides_with_a_reason_and_it_is_kept(
    path: Path, sepconv: Sepconv, word: str, state: str
) -> None:
    said = sepconv(word, "1", "--reason", "it\nis  meant", "--author", "Ada")

    assert said.startswith("event 1: slower by 5.0 %")
    assert said.endswith(f"; {state} by Ada: it is meant\n")
    with Store(path) as store:
        notes = store.find_event("1").notes
    assert [str(each.state) for each in notes] == ["confirmed", state]
    assert (notes[-1].author, notes[-1].reason) == ("Ada", "it is meant")


def test_several_events_are_decided_about_at_once(path: Path, sepconv: Sepconv) -> None:
    plain = json.loads(sepconv("ignore", "1", "3" * 6, "--reason", "x", "--format", "json"))

    assert [(each["event"], each["state"]) for each in plain] == [(1, "ignored"), (3, "ignored")]


def test_none_is_decided_about_if_one_is_not_known(path: Path, sepconv: Sepconv) -> None:
    told = sepconv("ignore", "1", "99", "--reason", "x", code=2)

    assert "'99': expected the number of an event" in told
    with Store(path) as store:
        assert store.find_event("1").state is EventState.CONFIRMED


def test_an_id_that_several_events_begin_with_is_refused(path: Path, sepconv: Sepconv) -> None:
    keep(path, replace(SLOWER, uid="a" * 32), replace(SLOWER, uid="a" * 31 + "b"))

    assert "2 events begin so" in sepconv("fixed", "aaaaaa", "--reason", "x", code=2)


@pytest.mark.parametrize("reason", [[], ["--reason", " \n "]])
def test_a_reason_is_asked_for(sepconv: Sepconv, reason: list[str]) -> None:
    assert "--reason is missing" in sepconv("acknowledge", "1", *reason, code=2)


@pytest.mark.parametrize("author", ["", "sepconv"])
def test_nobody_and_sepconv_itself_decide_nothing(sepconv: Sepconv, author: str) -> None:
    told = sepconv("ignore", "1", "--reason", "x", "--author", author, code=2)

    assert "expected the name of a person or a job" in told


def test_a_decision_is_taken_back_to_what_was_known_before(path: Path, sepconv: Sepconv) -> None:
    for number in ("1", "3"):
        sepconv("ignore", number, "--reason", "x", "--author", "Ada")

    sepconv("reopen", "1", "3", "--reason", "after all", "--author", "Bob")

    with Store(path) as store:
        states = [store.find_event(number).state for number in ("1", "3")]
    assert states == [EventState.CONFIRMED, EventState.SUSPICIOUS]
    assert listed(sepconv(code=1)) == [1, 3, 2]


def test_what_is_open_cannot_be_opened_again(sepconv: Sepconv) -> None:
    told = sepconv("reopen", "3", "--reason", "x", code=2)

    assert "event 3 is suspicious: nothing was decided about it" in told


def test_the_last_word_counts_even_if_an_earlier_one_has_a_later_time(
    path: Path, sepconv: Sepconv
) -> None:
    ahead = replace(note(EventState.CONFIRMED), at="2199-01-01T00:00:00+00:00")
    keep(path, replace(SLOWER, notes=[ahead]))

    sepconv("ignore", "1", "--reason", "x", "--author", "Ada")
    sepconv("reopen", "1", "--reason", "y", "--author", "Ada")
    sepconv("fixed", "1", "--reason", "z", "--author", "Ada")

    with Store(path) as store:
        assert store.find_event("1").state is EventState.FIXED


def test_the_author_is_whoever_started_the_job(
    path: Path, sepconv: Sepconv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", "octo")

    assert "ignored by octo: x" in sepconv("ignore", "1", "--reason", "x")


def test_an_option_before_the_command_is_refused_as_it_would_mean_the_list(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["events", "--store", str(path), "ignore", "1", "--reason", "x"])

    assert ended.value.code == 2
    assert "--store stands before 'ignore'" in capsys.readouterr().err


def test_a_store_that_is_not_there_is_bad_input(path: Path, sepconv: Sepconv) -> None:
    path.unlink()

    assert "there is no store at" in sepconv(code=2)
    assert not path.exists()


def test_a_store_that_may_only_be_read_lists_and_says_why_it_cannot_be_decided_about(
    path: Path,
) -> None:
    def invoke(*arguments: str) -> str:
        command = ["events", *arguments, "--store", str(path)]
        result = CliRunner().invoke(cli, command, standalone_mode=False)
        return f"{result.return_value} {result.output}{result.exception}"

    invoke()  # everything is imported by somebody who may
    for folder in (path.parent, *path.parents):
        if folder != Path("/") and folder.owner() != "nobody":
            folder.chmod(folder.stat().st_mode | 0o755)
    path.chmod(0o444)
    path.parent.chmod(0o555)

    assert unprivileged(invoke).startswith("1 event")
    told = unprivileged(lambda: invoke("ignore", "1", "--reason", "x", "--author", "Ada"))
    assert "it may only be read; check who may write the file and its folder" in told


@pytest.mark.parametrize("output_format", ["terminal", "markdown", "json", "atom"])
def test_hostile_texts_are_inert_in_every_format(
    path: Path, sepconv: Sepconv, output_format: str
) -> None:
    text = HOSTILE + "\x1b[2J\x9b31m\u202e[bold]:smile:[/]"
    bad = replace(revision(3), subject=text)
    keep(
        path,
        event(
            changed(make_case("mine" + text)),
            commits=[bad],
            explanations=[text],
            machine=text,
            notes=[note(EventState.CONFIRMED, text, author=text)],
        ),
    )

    printed = sepconv("--format", output_format, code=1)
    if output_format in ("terminal", "markdown"):
        printed += sepconv("show", "1", "--format", output_format)

    assert not {"\x1b", "\x9b", "\u202e"} & set(printed)
    if output_format == "terminal":
        assert "[bold]:smile:[/]" in printed


def test_listing_needs_neither_torch_nor_scipy_nor_pandas_nor_plotly(path: Path) -> None:
    code = (
        "import sys\n"
        "from sepconv.cli import main\n"
        "try:\n"
        f"    main(['events', '--format', 'markdown', '--store', {str(path)!r}])\n"
        "finally:\n"
        "    heavy = {'torch', 'scipy', 'pandas', 'plotly', 'numpy'}\n"
        "    print(sorted(heavy & set(sys.modules)))\n"
    )

    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=Path.cwd()
    )

    assert finished.stdout.splitlines()[-1] == "[]"
