"""`sepconv nightly`, in its parts and as its users type it: real repositories, processes, kills."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from sepconv import Store
from sepconv.bench.lock import DeviceLock
from sepconv.bench.machine import capture_machine
from sepconv.bench.revision import read_revision
from sepconv.cli.account import account
from sepconv.cli.agenda import Agenda, code_of, gravest
from sepconv.cli.configuration import LATEST_TAG
from sepconv.cli.confirmation import (
    MOST_CASES,
    MOST_TRIES,
    Bench,
    ChosenCases,
    confirm_events,
    most_affected,
    open_questions,
    settle,
)
from sepconv.cli.killed import KILLED, mark_killed
from sepconv.cli.night import Plan, Watch
from sepconv.cli.nightly import nightly
from sepconv.cli.reference import choose_reference
from sepconv.comparison import ComparedPass, Contender, Outcome, Purpose, Stage
from sepconv.errors import (
    DeviceBusy,
    InvalidRevision,
    MeasuringFailed,
    StoreError,
    StoreUnavailable,
)
from sepconv.event import Changed, Event, EventKind, EventState, Note
from sepconv.judge.history import RATIO
from sepconv.judge.triage import MEASURED_AGAIN
from sepconv.ratio import LogRatio, Pair
from sepconv.run import Run
from sepconv.suite import Suite
from tests.cli.test_compare import types, write_suite
from tests.cli.test_notification import listening
from tests.judge.nights import ENVIRONMENT, MACHINE, NEWER, OTHER_MACHINE, cases, night, revision_of
from tests.repository import commit, git, init

NOW = "2026-11-03T02:00:00+00:00"
CASE, OTHER, THIRD = cases(3)


def event_of(*members: Changed, good: int = 8, bad: int = 9, **fields: object) -> Event:
    plain = {
        "uid": "e" * 32,
        "kind": EventKind.LATENCY,
        "direction": "slower",
        "machine": "another class of machines",
        "last_good": revision_of(good),
        "first_bad": revision_of(bad),
        "began_at": NOW,
        "last_good_at": "2026-11-02T02:00:00+00:00",
        "first_seen_at": NOW,
        "last_seen_at": NOW,
        "members": members or [Changed(CASE, RATIO, 1.05, 1.04, 1.06)],
        "id": 7,
    }
    return Event(**(plain | fields))


# What is measured again, and what that says.


def test_what_the_gate_can_settle_is_suspicious_of_latency_and_between_two_commits():
    note = Note(EventState.CONFIRMED, "sepconv", "seen twice", NOW)
    asked = event_of()
    others = [
        event_of(notes=[note]),
        event_of(kind=EventKind.ENVIRONMENT),
        event_of(kind=EventKind.WORKLOAD),
        event_of(bad=8),
        event_of(last_good=None),
        event_of(first_bad=None),
    ]

    assert open_questions([*others, asked], []) == [asked]


def test_the_gravest_event_is_measured_first():
    small = event_of(Changed(CASE, RATIO, 1.02), uid="1" * 32)
    large = event_of(Changed(CASE, RATIO, 1.10), uid="2" * 32)
    wide = event_of(*(Changed(one, RATIO, 1.06) for one in cases(4)), uid="3" * 32)

    assert open_questions([small, large, wide], []) == [wide, large, small]


def test_an_event_that_stayed_undecided_twice_is_not_measured_every_night_for_ever():
    again = replace(
        night(9, {CASE: 1.01}, purpose=Purpose.CONFIRM),
        base=Contender("good", revision_of(8)),
        head=Contender("bad", revision_of(9)),
    )

    assert len(open_questions([event_of()], [again] * (MOST_TRIES - 1))) == 1
    assert open_questions([event_of()], [again] * MOST_TRIES) == []
    assert len(open_questions([event_of(good=7)], [again] * MOST_TRIES)) == 1


def test_the_cases_that_show_it_most_clearly_are_measured():
    vague = Changed(CASE, RATIO, 1.20, 0.90, 1.60)
    clear = Changed(OTHER, RATIO, 1.05, 1.049, 1.051)
    many = [Changed(one, RATIO, 1.05, 1.04, 1.06) for one in cases(40)]

    assert most_affected(event_of(vague, clear)) == [OTHER, CASE]
    assert most_affected(event_of(clear, replace(clear, metric="latency_s"))) == [OTHER]
    assert len(most_affected(event_of(*many))) == MOST_CASES


def test_a_suite_of_chosen_cases_has_exactly_those():
    suite = ChosenCases(name="event 7", axes={}, cases=(CASE, OTHER))

    assert suite.expand(devices=("cpu",), logical_cores=2, conv_types=("mine",)) == (CASE, OTHER)
    assert not suite.wants_devices


def compared(*outcomes: Outcome, ratio: float = 1.05):
    made = night(9, dict.fromkeys(cases(len(outcomes)), ratio), purpose=Purpose.CONFIRM)
    told = [
        replace(one, outcome=outcome) for one, outcome in zip(made.cases, outcomes, strict=True)
    ]
    return replace(made, cases=told, finished_at=NOW)


SLOWER, FASTER, SAME, UNDECIDED = (
    Outcome.SLOWER,
    Outcome.FASTER,
    Outcome.SAME,
    Outcome.UNDECIDED,
)


def test_one_case_that_the_gate_confirms_confirms_the_event_with_the_figures():
    note = settle(event_of(), compared(SAME, SLOWER, UNDECIDED))

    assert note is not None
    assert (note.state, note.author, note.at) == (EventState.CONFIRMED, "sepconv", NOW)
    assert note.reason.startswith(f"{MEASURED_AGAIN}: slower in 1 of 3 cases, +5.0% in the mean")
    assert "5.0 % slower [" in note.reason


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([SAME, SAME, UNDECIDED], EventState.REFUTED),
        ([SAME, FASTER, SAME], EventState.REFUTED),
        ([SAME, UNDECIDED], None),
        ([UNDECIDED, UNDECIDED, SAME], None),
        ([UNDECIDED], None),
        ([Outcome.FAILED], None),
        ([], None),
    ],
)
def test_an_event_is_refuted_only_if_most_of_its_cases_are_the_same(outcomes, state):
    note = settle(event_of(), compared(*outcomes))

    assert (note.state if note else None) is state
    assert note is None or note.reason.startswith(MEASURED_AGAIN)


def test_an_event_that_is_faster_is_confirmed_by_what_is_faster():
    event = event_of(direction="faster")

    assert settle(event, compared(SLOWER, ratio=1.05)) is None
    found = settle(event, compared(FASTER, ratio=0.95))
    assert found is not None
    assert found.state is EventState.CONFIRMED


# What was killed.


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store.db") as store:
        yield store


def begin(store, number=1, machine=None, **fields):
    """A night that is running, on this machine."""
    begun = night(number, {}, machine=machine or capture_machine(), state="running", **fields)
    return store.begin_comparison(begun)


def begin_run(store, uid="r", machine=None):
    run = Run(uid * 32, "nightly", NOW, machine or capture_machine(), ENVIRONMENT)
    return store.begin_run(run)


def test_a_night_that_nobody_is_measuring_was_killed_and_says_how_far_it_came(store):
    number = begin(store)
    for pass_number, ring, case in [(1, 1, CASE), (1, 2, OTHER), (2, 1, CASE)]:
        ratio = LogRatio(0.01, 0.001, 0.01, 0.01)
        pair = Pair(ring, pass_number, case, case, 4, ratio, ratio)
        store.add_compared_pass(number, ComparedPass(Stage.SCREEN, pair, 0.001, 0.001))

    (found,) = mark_killed(store, capture_machine(), now=NOW)

    assert str(found) == "the night of 2026-01-02 was killed in pass 2, after 1 of 2 cases"
    (stored,) = store.comparisons()
    assert (stored.state, stored.finished_at) == ("interrupted", NOW)
    assert stored.conditions[KILLED] == "in pass 2, after 1 of 2 cases"
    assert mark_killed(store, capture_machine(), now=NOW) == []


def test_a_sweep_that_nobody_is_measuring_was_killed_and_can_be_resumed(store):
    begin_run(store)

    (found,) = mark_killed(store, capture_machine(), now=NOW)

    assert str(found) == ("the sweep nightly of 2026-11-03 was killed before anything was measured")
    assert store.runs()[0].run.state == "interrupted"


def test_accelerators_do_not_make_it_another_machine_as_only_torch_could_tell(store):
    begin(store, machine=replace(capture_machine(), accelerators=("Some GPU",)))

    assert len(mark_killed(store, capture_machine(), now=NOW)) == 1


def test_what_has_ended_is_of_another_machine_or_is_a_gate_is_left_alone(store):
    begin(store, 1, machine=OTHER_MACHINE)
    begin(store, 2, purpose=Purpose.GATE)
    done = begin(store, 3)
    store.finish_comparison(done, night(3, {}, machine=capture_machine()))
    begin_run(store, machine=OTHER_MACHINE)

    assert mark_killed(store, capture_machine(), now=NOW) == []
    assert sorted(one.state for one in store.comparisons()) == ["done", "running", "running"]


HOLD = """
import sys
from sepconv.bench.lock import DeviceLock
with DeviceLock(["cpu"]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_what_is_being_measured_right_now_is_left_alone(store):
    begin(store)
    begin_run(store)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        before = mark_killed(store, capture_machine(), now=NOW)
        holder.communicate()
    after = mark_killed(store, capture_machine(), now=NOW)

    assert before == []
    assert len(after) == 2


def test_the_device_is_free_again_afterwards(store):
    begin(store)
    mark_killed(store, capture_machine(), now=NOW)

    with DeviceLock(["cpu"]) as lock:
        assert lock.devices == ["cpu"]


# What it is divided by.


@pytest.fixture
def repository(tmp_path):
    folder = init(tmp_path / "code")
    commit(folder, "first")
    git(folder, "tag", "v1")
    commit(folder, "second")
    return folder


def test_the_reference_that_is_asked_for_is_taken(repository):
    assert choose_reference(repository, "v1", []).name == "v1"
    assert choose_reference(repository, "v1", []).note is None
    assert choose_reference(repository, "release-2026.11", []).shown == "release-2026.11"


def test_the_latest_tag_is_the_newest_that_head_was_made_from(repository):
    git(repository, "tag", "-m", "annotated", "v2")
    git(repository, "switch", "-q", "-c", "side")
    commit(repository, "third")
    git(repository, "switch", "-q", "main")
    git(repository, "tag", "v9", "side")

    assert choose_reference(repository, LATEST_TAG, []).name == "v2"


def test_without_a_tag_the_latest_one_is_an_error_that_says_what_to_do(tmp_path):
    folder = init(tmp_path / "code")
    commit(folder, "first")

    with pytest.raises(InvalidRevision, match="found none; fetch the tags"):
        choose_reference(folder, LATEST_TAG, [])


def test_who_names_none_keeps_that_of_the_last_night_and_begins_with_head(repository):
    head = git(repository, "rev-parse", "HEAD")
    last = night(5, {CASE: 1.0}, reference=revision_of(3))

    assert choose_reference(repository, None, []).name == head
    assert choose_reference(repository, None, []).shown == head[:10]
    assert choose_reference(repository, None, [last]).name == revision_of(3).commit


def test_a_repository_without_a_commit_has_no_reference(tmp_path):
    with pytest.raises(InvalidRevision, match="has no commit yet"):
        choose_reference(init(tmp_path / "code"), None, [])


# What it adds up to.


def watch(*before, tonight=None):
    plan = Plan(Suite("nightly", {}), "sqlite://")
    kept = Watch(plan, Agenda(lambda _text: None))
    kept.before = before
    kept.comparison = tonight
    return kept


def test_another_machine_is_said_and_is_no_change_of_the_environment():
    last = night(1, {CASE: 1.0}, machine=MACHINE)
    told = account(watch(last, tonight=night(2, {CASE: 1.0}, machine=OTHER_MACHINE)))

    assert told.machine == (MACHINE.label, OTHER_MACHINE.label)
    assert told.environment == []
    assert not told.is_first


def test_another_torch_is_said():
    last = night(1, {CASE: 1.0})
    told = account(watch(last, tonight=night(2, {CASE: 1.0}, environment=NEWER)))

    assert told.machine is None
    assert told.environment == ["torch 2.13.0 → 2.14.0"]


def test_nights_of_another_suite_and_what_is_no_night_are_not_the_last_one():
    others = [
        night(1, {CASE: 1.0}, machine=OTHER_MACHINE, suite="mine"),
        night(2, {CASE: 1.0}, machine=OTHER_MACHINE, purpose=Purpose.CHAIN),
    ]
    told = account(watch(*others, tonight=night(3, {CASE: 1.0})))

    assert told.machine is None
    assert told.is_first


def test_cases_are_counted_by_what_became_of_them():
    tonight = night(1, {CASE: 1.0, OTHER: 1.1, THIRD: None})

    assert account(watch(tonight=tonight)).cases == {"measured": 2, "failed": 1}


@pytest.mark.parametrize(
    ("codes", "code"),
    [({0}, 0), ({0, 3}, 3), ({3, 4}, 4), ({4, 1, 3}, 1), ({1, 2, 3, 4}, 2), (set(), 0)],
)
def test_the_gravest_exit_code_counts(codes, code):
    assert gravest(codes) == code


def test_a_device_that_is_busy_was_not_measured_and_a_mistyped_commit_is_usage():
    assert code_of(DeviceBusy("cpu", "somebody")) == 3
    assert code_of(MeasuringFailed("no torch")) == 3
    assert code_of(InvalidRevision("no such commit")) == 2


def test_a_step_that_fails_is_told_and_the_next_one_goes_on(capsys):
    said: list[str] = []
    agenda = Agenda(said.append)
    with agenda.attempt("one"):
        raise StoreUnavailable("the disk\nis \x1b[31mfull")
    with agenda.attempt("two"):
        raise ZeroDivisionError
    with agenda.attempt("three"):
        agenda.tell("three", "fine")

    assert said == [
        "one: failed: the disk",
        "two: failed: this is a defect of sepconv, told above",
        "three: fine",
    ]
    assert [step.code for step in agenda.told] == [2, 3, 0]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_step_does_not_swallow_that_somebody_wants_it_to_end():
    with pytest.raises(KeyboardInterrupt), Agenda(lambda _text: None).attempt("one"):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--suite", "nowhere.toml"], "nowhere.toml"),
        (["--where", "stride"], "cannot read the selection"),
        (["--budget", "soon"], "expected a duration"),
        (["--conv-types", "nowhere.py"], "nowhere.py"),
    ],
)
def test_wrong_usage_measures_nothing(tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)

    answer = CliRunner().invoke(nightly, arguments)

    assert answer.exit_code == 2 or answer.exception is not None
    assert said in f"{answer.output}{answer.exception}"
    assert list(tmp_path.iterdir()) == []


# The whole, for real.

CONFIGURATION = """
store = "results/store.db"
[nightly]
suite = "tiny.toml"
conv_types = "forms.py"
budget = "6m"
"""


def project(folder, *names, **additions):
    """A repository with conv types of these names, a tiny suite, and a configuration."""
    init(folder)
    write_suite(folder, *names)
    (folder / ".gitignore").write_text("results/\n__pycache__/\n")
    (folder / "sepconv.toml").write_text(CONFIGURATION)
    work(folder, dict.fromkeys(names, 1) | additions, "first")
    return folder


def work(folder, additions, message):
    builders = {name: f"Work(case, {count})" for name, count in additions.items()}
    return commit(folder, message, forms__py=types(builders))


def command(*arguments):
    return [sys.executable, "-m", "sepconv", "nightly", *map(str, arguments)]


def variables(**others):
    kept = {name: text for name, text in os.environ.items() if not name.startswith("SEPCONV_STORE")}
    return kept | {"SEPCONV_WEBHOOK": "", "COLUMNS": "200"} | others


def spend(folder, *arguments, **others):
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=variables(**others),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def opened(folder):
    return Store(folder / "results" / "store.db", read_only=True)


def plain_of(folder):
    return json.loads((folder / "results" / "nightly" / "nightly.json").read_text())


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_a_first_night_needs_nothing_but_a_repository_and_leaves_everything_there(tmp_path):
    folder = project(tmp_path / "code", "steady")
    (folder / "forms.py").write_text("raise SystemExit('not committed')\n")
    git(folder, "commit", "-q", "--allow-empty", "-m", "second")
    head = git(folder, "rev-parse", "HEAD")

    answer = spend(folder, "--format", "json")

    assert answer.returncode == 0, answer.stderr
    assert "reference: " in answer.stderr
    assert "HEAD, as this is the first night" in answer.stderr
    assert "tree: uncommitted changes are left alone" in answer.stderr
    assert "sweep: left out: it would measure the uncommitted changes as well" in answer.stderr
    told = plain_of(folder)
    assert json.loads(answer.stdout) == told
    assert told["cases"] == {"measured": 1}
    assert told["commit"]["commit"] == told["reference"]["commit"] == head
    assert told["events"] == {"news": [], "open": [], "suspicious": 0, "triaged": 0}
    report = {path.name for path in (folder / "results" / "nightly").iterdir()}
    assert report == {"index.html", "nightly.md", "nightly.json", "events.atom"}
    with opened(folder) as store:
        (stored,) = store.comparisons()
        assert {each.commit for each in store.revisions()} >= {head}
    assert (stored.purpose, stored.state) == (Purpose.NIGHTLY, "done")
    assert (stored.head.branch, stored.head.dirty) == ("main", False)
    assert stored.cases[0].passes == 8


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_night_is_told_of_by_the_next_one_which_chains_the_reference_that_moved(
    tmp_path,
):
    folder = project(tmp_path / "code", "steady", "slowed")
    first = git(folder, "rev-parse", "HEAD")
    begun = subprocess.Popen(
        command("--no-sweep"),
        cwd=folder,
        env=variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with begun:
        wait_for_passes(folder, 3)
        begun.send_signal(signal.SIGKILL)
    second = work(folder, {"steady": 1, "slowed": 6}, "slow it down")

    answer = spend(folder, "--reference", second)

    assert answer.returncode == 0, answer.stderr
    today = datetime.now(UTC).date()
    assert "killed: the night of 202" in answer.stderr
    (killed,) = plain_of(folder)["killed"]
    assert str(today.year) in killed
    assert "was killed in pass" in killed
    assert f"chain: reference {first[:10]} → {second[:10]}: the series goes on" in answer.stderr
    assert "sweep: 2 measured" in answer.stderr
    with opened(folder) as store:
        chain, measured, dead = store.comparisons()
        (swept,) = store.runs()
    assert (dead.state, measured.state, chain.state) == ("interrupted", "done", "done")
    assert KILLED in dead.conditions
    assert chain.purpose is Purpose.CHAIN
    assert (chain.base.revision.commit, chain.head.revision.commit) == (first, second)
    assert {one.passes for one in chain.cases} == {16}
    slowed = next(one for one in chain.cases if one.head.conv_type == "slowed")
    assert slowed.ratio > 1.2
    assert swept.run.state == "done"


def wait_for_passes(folder, count):
    """Until a comparison has so many passes stored."""
    path = folder / "results" / "store.db"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(StoreError), Store(path, read_only=True) as store:  # it may not be made yet
            stored = store.comparisons()
            if stored and len(store.compared_passes(stored[0].id)) >= count:
                return
        time.sleep(0.05)
    pytest.fail("the night measured nothing")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_is_suspicious_is_measured_again_and_confirmed_or_refuted(tmp_path):
    folder = project(tmp_path / "code", "steady", "slowed")
    good = read_revision(folder, "HEAD")
    work(folder, {"steady": 1, "slowed": 6}, "slow it down")
    bad = read_revision(folder, "HEAD")
    assert good is not None
    assert bad is not None
    of = {name: tiny(name) for name in ("steady", "slowed")}
    (folder / "results").mkdir()
    with Store(folder / "results" / "store.db") as store:
        store.put_events(
            [
                event_of(
                    Changed(of[name], RATIO, 1.5, 1.4, 1.6),
                    uid=letter * 32,
                    last_good=good,
                    first_bad=first_bad,
                )
                for letter, name, first_bad in [
                    ("a", "slowed", bad),
                    ("b", "steady", bad),
                    ("c", "slowed", revision_of(9)),
                ]
            ]
        )

    answer = spend(folder, "--no-sweep", "--reference", good.commit)

    assert answer.returncode == 1, answer.stderr
    with opened(folder) as store:
        events = {event.uid[0]: event for event in store.events()}
        again = store.comparisons(purposes={Purpose.CONFIRM})
    assert events["a"].state is EventState.CONFIRMED
    assert events["c"].state is EventState.SUSPICIOUS
    assert events["a"].notes[-1].reason.startswith(MEASURED_AGAIN)
    assert "measured again: slower in 1 of 1 cases" in answer.stderr
    assert "cannot be measured again" in answer.stderr
    assert len(again) == 2
    told = plain_of(folder)
    assert [event["uid"][0] for event in told["events"]["open"]] == ["a"]
    assert told["exit_code"] == 1
    assert "Confirmed tonight" in (folder / "results" / "nightly" / "news.md").read_text()
    assert "❌ Slower: 1 open event" in (folder / "results" / "nightly" / "nightly.md").read_text()
    assert events["a"].uid in (folder / "results" / "nightly" / "events.atom").read_text()

    unchanged = events["b"]
    for _ in range(MOST_TRIES - 1):  # in a restless hour it is undecided: the next night asks again
        if unchanged.state is not EventState.SUSPICIOUS:
            break
        spend(folder, "--no-sweep", "--reference", good.commit)
        with opened(folder) as store:
            unchanged = store.find_event(unchanged.uid)
    assert unchanged.state in (EventState.REFUTED, EventState.SUSPICIOUS)  # never confirmed
    if unchanged.state is EventState.REFUTED:
        assert unchanged.notes[-1].reason.startswith(MEASURED_AGAIN)


def tiny(name):
    return replace(CASE, conv_type=name, in_channels=8, out_channels=8, height=14, width=14)


@pytest.mark.slow
def test_an_event_that_there_is_no_time_for_stays_suspicious(tmp_path):
    bench = Bench(f"sqlite:///{tmp_path}/store.db", budget_s=1.0)

    assert list(confirm_events([event_of()], bench)) == [
        "event 7: no time left to measure it again"
    ]


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_missed_nights_and_a_reference_that_is_gone_are_said(tmp_path):
    folder = project(tmp_path / "code", "steady")
    (folder / "results").mkdir()
    now = datetime.now(UTC)
    with Store(folder / "results" / "store.db") as store:
        for number, days in enumerate((6, 5, 4, 3), 1):
            at = (now - timedelta(days=days)).isoformat(timespec="seconds")
            old = night(number, {tiny("steady"): 1.0}, suite="tiny", started_at=at)
            store.finish_comparison(store.begin_comparison(old), old)

    answer = spend(folder, "--no-sweep", "--no-confirm", "--reference", "HEAD")

    assert answer.returncode == 0, answer.stderr
    missed = [(now - timedelta(days=days)).date().isoformat() for days in (2, 1)]
    assert plain_of(folder)["missed"] == missed
    said = " ".join(answer.stdout.split())
    assert f"missed {', '.join(missed)}" in said
    assert "the series begins anew" in answer.stderr
    assert "machine this machine is not that of last night: 'Some CPU" in said

    again = spend(folder, "--no-sweep", "--no-confirm", "--reference", "HEAD")

    assert plain_of(folder)["missed"] == []
    assert "begins anew" not in again.stderr


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_a_night_that_cannot_be_measured_tells_the_webhook_and_nobody_its_address(tmp_path):
    folder = project(tmp_path / "code", "steady")
    with (folder / "sepconv.toml").open("a") as file:
        file.write('webhook = "$HOOK"\nwebhook_format = "slack"\n')

    with listening(500, 200) as there:
        answer = spend(folder, "--reference", "no-such-tag", "--no-sweep", HOOK=there.address)

    assert answer.returncode == 2, answer.stderr
    assert "ratio: failed: 'no-such-tag': expected a commit, branch or tag" in answer.stderr
    assert answer.stderr.endswith("webhook: told\n")
    bodies = [json.loads(body) for _, _, body in there.received]
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert "could not measure" in bodies[0]["text"]
    summary = (folder / "results" / "nightly" / "nightly.md").read_text()
    assert "🛑 Could not measure" in summary
    kept = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    said = [answer.stdout.encode(), answer.stderr.encode()]
    assert not any(b"T0KEN" in each for each in [*kept, *said])


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_a_night_that_is_interrupted_keeps_what_it_has_and_ends_with_130(tmp_path):
    folder = project(tmp_path / "code", "steady", "slowed")
    begun = subprocess.Popen(
        command("--no-sweep"),
        cwd=folder,
        env=variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_passes(folder, 2)
    begun.send_signal(signal.SIGINT)
    said = begun.communicate(timeout=60)[1]

    assert begun.returncode == 130, said
    assert "interrupted: what was measured is stored" in said
    with opened(folder) as store:
        (stored,) = store.comparisons()
        assert stored.state == "interrupted"
        assert store.compared_passes(stored.id or 0)
    assert not (folder / "results" / "nightly" / "nightly.md").exists()


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_the_layers_of_another_repository_are_compared_and_not_swept(tmp_path):
    from tests.cli.test_compare import ROOT, copytree

    folder = init(tmp_path / "code")
    copytree(
        ROOT / "sepconv" / "convs",
        folder / "sepconv" / "convs",
        ignore=lambda *_: {"__pycache__"},
    )
    (folder / ".gitignore").write_text("results/\n")
    write_suite(folder, "depthwise_separable")
    commit(folder, "first")

    answer = spend(folder, "--suite", "tiny.toml", "--store", "results/store.db")

    assert answer.returncode == 0, answer.stderr
    assert "ratio: 1 measured" in answer.stderr
    assert "sweep: left out: it would measure the layers of the sepconv that runs" in answer.stderr


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_a_device_that_is_busy_costs_the_measuring_and_not_the_report(tmp_path):
    folder = project(tmp_path / "code", "steady")
    with DeviceLock(["cpu"]):
        answer = spend(folder, "--no-wait")

    assert answer.returncode == 3, answer.stderr
    assert "ratio: failed: cpu is being measured by another sweep" in answer.stderr
    assert "sweep: failed: cpu is being measured by another sweep" in answer.stderr
    assert "🛑 Could not measure" in (folder / "results" / "nightly" / "nightly.md").read_text()
