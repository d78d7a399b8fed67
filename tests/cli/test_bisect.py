"""`sepconv bisect`: ranges of real repositories, made-up machines, and whole searches."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from random import Random

import pytest

from sepconv import Store
from sepconv.case import Case
from sepconv.cli.commit_range import CommitRange, find_range, merged_range
from sepconv.cli.finding import (
    Ending,
    Limits,
    candidate_rows,
    describe_finding,
    finding_plain,
)
from sepconv.cli.hunt import Hunt
from sepconv.cli.quarry import Quarry, is_event, quarry_of_cases, quarry_of_event, suite_of
from sepconv.cli.step import ALL, Step, Trouble
from sepconv.cli.suite_file import find_suite, suite_names
from sepconv.comparison import Compared, Comparison, Contender, Outcome, Purpose
from sepconv.errors import InvalidRevision, InvalidSelection, MeasuringFailed
from sepconv.event import Changed, Event, EventKind, EventState, Note
from sepconv.judge.culprit import Span
from sepconv.run import Machine, Revision
from tests.repository import commit, git, init, state

CASE = Case(conv_type="depthwise_separable", in_channels=8, out_channels=8, height=14, width=14)
MACHINE = Machine("some CPU", "x86_64", 2, 2, 8)
TYPES = """
from torch import nn

class Work(nn.Module):
    def __init__(self, case, extra):
        super().__init__()
        self.conv = nn.Conv2d(case.in_channels, case.out_channels, 3, padding=1, bias=False)
        self.extra = extra

    def forward(self, x):
        y = self.conv(x)
        for _ in range(self.extra):
            y = y + 1.0
        return y

CONV_TYPES = {"work": lambda case: Work(case, EXTRA)}
"""
SUITE = """
name = "tiny"
[axes]
conv_type = ["work"]
channels = [8]
resolution = [14]
"""
LABEL = "work-8-14x14-k3-s1-b1-cpu"


def revision(place, subject=None, parents=None):
    return Revision(
        commit=f"{place:040x}",
        parents=(f"{place - 1:040x}",) if parents is None else parents,
        committed_at=f"2026-01-{place + 1:02d}T00:00:00+00:00",
        authored_at=f"2026-01-{place + 1:02d}T00:00:00+00:00",
        subject=subject or f"Number {place}",
    )


def line_of(tmp_path, count, **changes):
    commits = [revision(place) for place in range(count + 1)]
    for place, change in changes.items():
        number = int(place.removeprefix("at"))
        commits[number] = replace(commits[number], **change)
    return CommitRange(tmp_path, commits[0], tuple(commits[1:]))


class Laboratory:
    """Where commits are compared without a machine: each has a level, or cannot be measured."""

    def __init__(self, commits, steps, broken=(), sd=0.01, cases=(CASE,)):
        self.commits = commits
        self.compared = []
        self.told = []
        self._steps = steps
        self._broken = dict(broken)
        self._cases = cases
        self._sd = sd
        self._coin = Random(1)

    def say(self, text):
        self.told.append(text)

    def renew(self):
        self.say("fresh servers")

    def compare(self, base, head, suite, where=None):
        self.compared.append((base, head))
        for place in (base, head):
            if place in self._broken:
                return Step(base, head, {}, {ALL: Trouble(place, self._broken[place])})
        change = sum(own for place, own in self._steps.items() if base < place <= head)
        cases = self._cases if where or suite.name != "bisect" else suite.expand()
        logs = {
            case.identity: {number: self._coin.gauss(change, self._sd) for number in range(1, 9)}
            for case in cases
        }
        compared = [Compared(n, case, case, Outcome.UNDECIDED) for n, case in enumerate(cases, 1)]
        side = Contender("a side")
        done = Comparison("u", "tiny", "2026-01-01", MACHINE, side, side, cases=compared)
        return Step(base, head, logs, comparison=done, took_s=5.0)


def hunt(laboratory, quarry=None, **limits):
    return Hunt(laboratory, quarry or Quarry(suite_of([CASE])), Limits(**limits)).run()


def test_the_commit_is_found_and_told_with_its_change_and_its_chance(tmp_path):
    laboratory = Laboratory(line_of(tmp_path, 20), {13: 0.05})

    found = hunt(laboratory)
    lines = describe_finding(found)
    plain = finding_plain(found)

    assert found.ending is Ending.FOUND
    assert lines[0].startswith("000000000000"[:10])
    assert "“Number 13” made it slower: +5." in lines[0]
    assert plain["culprits"][0]["commit"] == f"{13:040x}"
    assert plain["culprits"][0]["before"] == f"{12:040x}"
    assert plain["culprits"][0]["chance"] >= 0.99
    assert plain["comparisons"] == len(laboratory.compared) <= 12
    assert "20 commits, about 7 comparisons" in laboratory.told
    assert laboratory.compared.count((12, 13)) >= 1
    assert laboratory.told.count("fresh servers") == 1  # before that check


def test_what_it_will_cost_is_told_once_good_and_bad_were_compared(tmp_path):
    laboratory = Laboratory(line_of(tmp_path, 20), {13: 0.05})

    hunt(laboratory)

    assert "about 6 comparisons more, 30 s" in laboratory.told


def test_without_a_change_nothing_is_searched(tmp_path):
    laboratory = Laboratory(line_of(tmp_path, 20), {})

    found = hunt(laboratory)

    assert found.ending is Ending.NO_CHANGE
    assert set(laboratory.compared) == {(0, 20)}
    assert 2 <= len(laboratory.compared) <= 4
    assert describe_finding(found)[0].startswith("No change to find: 0000000000 and 0000000000")
    assert candidate_rows(found) == []


def test_steps_that_are_used_up_leave_candidates_with_their_chances(tmp_path):
    found = hunt(Laboratory(line_of(tmp_path, 16), {13: 0.05}), most_steps=3)

    rows = candidate_rows(found)
    plain = finding_plain(found)

    assert found.ending is Ending.UNCLEAR
    assert describe_finding(found)[0] == "Not found after 3 comparisons"
    assert len(rows) == 10
    assert sum(each["chance"] for each in plain["candidates"]) == pytest.approx(1, abs=0.02)
    likely = {each["commit"] for each in plain["candidates"] if each["chance"] > 0.1}
    assert likely == {f"{place:040x}" for place in range(13, 17)}


def test_both_of_two_steps_are_found_and_the_larger_one_is_told_first(tmp_path):
    laboratory = Laboratory(line_of(tmp_path, 40), {8: 0.04, 30: 0.07}, sd=0.004)

    found = hunt(laboratory, most_steps=60)
    lines = describe_finding(found)

    assert found.ending is Ending.FOUND
    assert [each.span for each in found.culprits] == [Span(29, 30), Span(7, 8)]
    assert lines[0] == "2 commits changed it, the largest step first"


def test_a_part_for_which_there_were_no_steps_left_is_named(tmp_path):
    laboratory = Laboratory(line_of(tmp_path, 40), {8: 0.04, 30: 0.07}, sd=0.004)

    whole = hunt(laboratory, most_steps=60)
    first = next(n for n in range(6, 60) if hunt_again(tmp_path, n).culprits)
    part = hunt_again(tmp_path, first)

    assert len(whole.culprits) == 2
    assert (part.ending, len(part.culprits)) == (Ending.FOUND, 1)
    assert part.unsearched
    assert any("not searched for another step: --good" in line for line in describe_finding(part))


def hunt_again(tmp_path, steps):
    laboratory = Laboratory(line_of(tmp_path, 40), {8: 0.04, 30: 0.07}, sd=0.004)
    return hunt(laboratory, most_steps=steps)


def test_commits_that_cannot_be_measured_are_passed_over_with_their_reason(tmp_path):
    broken = {5: "it does not build\nat all", 6: "nor this"}
    laboratory = Laboratory(line_of(tmp_path, 10), {8: 0.05}, broken)

    found = hunt(laboratory)

    assert found.culprits[0].span == Span(7, 8)
    assert found.skipped[5] == "it does not build"
    assert "0000000000 cannot be measured: it does not build" in describe_finding(found)


def test_if_it_lies_among_those_all_of_them_are_named(tmp_path):
    broken = {5: "broken", 6: "broken"}
    found = hunt(Laboratory(line_of(tmp_path, 10), {6: 0.05}, broken))

    assert found.culprits[0].span == Span(4, 7)
    assert describe_finding(found)[0].startswith("one of 3 commits: ")
    assert len(finding_plain(found)["culprits"][0]["commits"]) == 3


@pytest.mark.parametrize(("place", "which"), [(0, "good"), (10, "bad")])
def test_without_a_good_or_a_bad_one_there_is_no_search(tmp_path, place, which):
    laboratory = Laboratory(line_of(tmp_path, 10), {6: 0.05}, {place: "no such module"})

    with pytest.raises(MeasuringFailed, match=f"the {which} commit .* no such module; name"):
        hunt(laboratory)


def test_of_many_cases_the_clearest_are_followed_and_measured_anew(tmp_path):
    cases = [replace(CASE, in_channels=channels) for channels in (8, 9, 10, 11, 12)]
    laboratory = Laboratory(line_of(tmp_path, 4), {3: 0.05}, cases=cases)

    found = hunt(laboratory, Quarry(find_suite("quick"), "channels=8"))

    assert len(found.cases) == 3
    assert laboratory.compared[:2] == [(0, 4), (0, 4)]
    assert found.culprits[0].span == Span(2, 3)
    assert found.culprits[0].change.count == 8 * laboratory.compared.count((2, 3))


def test_an_earlier_search_is_taken_up(tmp_path):
    commits = line_of(tmp_path, 20)
    laboratory = Laboratory(commits, {13: 0.05})
    before = [
        laboratory.compare(0, head, suite_of([CASE])) for head in (20, 10, 15, 12, 14, 13, 12)
    ]
    laboratory.compared.clear()
    again = Hunt(laboratory, Quarry(suite_of([CASE])), Limits())

    again.recall(before)
    found = again.run()

    assert found.culprits[0].span == Span(12, 13)
    assert len(laboratory.compared) <= 3


def test_a_subject_cannot_break_a_terminal_or_a_table(tmp_path):
    commits = line_of(tmp_path, 4, at3={"subject": "evil \x1b[31m | <b>" + 500 * "x"})

    (first, *_) = describe_finding(hunt(Laboratory(commits, {3: 0.05})))

    assert len(first) < 200


def test_good_and_bad_make_a_range_oldest_first(tmp_path):
    code = init(tmp_path / "code")
    hashes = [commit(code, f"Number {number}") for number in range(4)]

    found = find_range(code, hashes[0], "main")

    assert [each.commit for each in found.commits] == hashes[1:]
    assert found.at(0).commit == hashes[0]
    assert found.places == {each: place for place, each in enumerate(hashes)}


def test_ends_that_are_no_range_are_refused_with_what_to_do(tmp_path):
    code = init(tmp_path / "code")
    first = commit(code, "first")
    second = commit(code, "second")
    git(code, "switch", "-q", "-c", "side", first)
    aside = commit(code, "aside")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{code}", str(clone))

    for good, bad, said in (
        (second, "main", "are the same commit"),
        (second, first, "--good is the older one"),
        (aside, second, f"they parted at {first[:10]}"),
        ("nowhere", "main", "see `git log"),
        ("--all", "main", "expected a commit"),
    ):
        with pytest.raises(InvalidRevision, match=said):
            find_range(code, good, bad)
    with pytest.raises(InvalidRevision, match="this clone is shallow: `git fetch --unshallow`"):
        find_range(clone, first, "HEAD")


def test_a_merge_leads_to_the_commits_that_it_brought_in(tmp_path):
    code = init(tmp_path / "code")
    first = commit(code, "first")
    git(code, "switch", "-q", "-c", "side")
    brought = [commit(code, "one", a__py="1"), commit(code, "two", a__py="2")]
    git(code, "switch", "-q", "main")
    commit(code, "meanwhile", b__py="1")
    git(code, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
    whole = find_range(code, first, "main")

    inside = merged_range(code, whole.bad)
    found = hunt(Laboratory(whole, {2: 0.05}))

    assert [each.subject for each in whole.commits] == ["meanwhile", "Merge side"]
    assert inside is not None
    assert inside.good.commit == first
    assert [each.commit for each in inside.commits] == brought
    assert merged_range(code, whole.commits[0]) is None
    ends = f"--good {first[:10]} --bad {brought[1][:10]}"
    assert any(
        f"brought in 2 commits: search them with {ends}" in line for line in describe_finding(found)
    )


@pytest.mark.parametrize("cores", [1, 2, 96], ids=lambda cores: f"{cores} cores")
@pytest.mark.parametrize("name", suite_names())
def test_every_case_is_found_by_its_label_whatever_machine_it_was_measured_on(name, cores):
    case = find_suite(name).expand(logical_cores=cores)[-1]

    (found,) = quarry_of_cases(case.label, name, has_own=False).suite.expand()

    assert found.identity == case.identity


def test_a_case_is_a_label_or_a_selection_and_an_event_is_neither():
    selected = quarry_of_cases("channels=96 and stride=2", None, has_own=False)

    assert (selected.suite.name, selected.where) == ("pull-request", "channels=96 and stride=2")
    assert is_event("3")
    assert is_event("latest")
    assert is_event("c0ffee12")
    assert not is_event("stride=2")
    assert not is_event(CASE.label)
    with pytest.raises(InvalidSelection, match="a case of pull-request, allocator"):
        quarry_of_cases("standard-1-1x1-k3-s1-b1-cpu", None, has_own=False)
    with pytest.raises(InvalidSelection, match="an event, a case as it is printed, or an axis"):
        quarry_of_cases("nonsense", None, has_own=False)


def event_of(**changes):
    members = [
        Changed(replace(CASE, height=height), "ratio_to_reference", ratio, low, high)
        for height, ratio, low, high in (
            (10, 1.05, 1.01, 1.09),
            (11, 1.05, 1.04, 1.06),
            (12, 1.02, 1.01, 1.03),
            (13, 1.09, 1.08, 1.10),
        )
    ]
    event = Event(
        uid="e" * 32,
        kind=EventKind.LATENCY,
        direction="slower",
        machine="x86_64 AVX2",
        last_good=revision(0),
        first_bad=revision(9),
        began_at="2026-01-10T00:00:00+00:00",
        last_good_at="2026-01-01T00:00:00+00:00",
        first_seen_at="2026-01-10T00:00:00+00:00",
        last_seen_at="2026-01-12T00:00:00+00:00",
        members=members,
    )
    return replace(event, **changes)


def test_of_an_event_its_commits_and_its_clearest_cases_are_taken():
    quarry = quarry_of_event(event_of())

    assert [case.height for case in quarry.suite.expand()] == [13, 11, 12]
    assert (quarry.good, quarry.bad) == (f"{0:040x}", f"{9:040x}")


def test_an_event_without_a_commit_to_blame_is_refused():
    with pytest.raises(InvalidRevision, match="came with the environment"):
        quarry_of_event(event_of(kind=EventKind.ENVIRONMENT))
    with pytest.raises(InvalidRevision, match="no commit lies between"):
        quarry_of_event(event_of(first_bad=revision(0)))


def command(*arguments):
    return [sys.executable, "-m", "sepconv", "bisect", *map(str, arguments)]


def sepconv(*arguments, cwd):
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=os.environ | {"SEPCONV_STORE": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def types(extra, note="", *, broken=False):
    text = TYPES.replace("EXTRA", str(extra)) + f"# {note}\n"
    return text + ("import nowhere\n" if broken else "")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Seven commits, of which the fifth takes longer and the third cannot be loaded; and changes
    that nobody has committed."""
    folder = tmp_path_factory.mktemp("project")
    code = init(folder / "code")
    for number in range(7):
        extra = 1 if number < 5 else 9
        commit(code, f"Number {number}", forms__py=types(extra, number, broken=number == 3))
    (code / "forms.py").write_text("my own work")
    (folder / "tiny.toml").write_text(SUITE)
    return folder


def test_bad_usage_is_said_before_anything_is_measured(project):
    own = ("--conv-types", "code/forms.py", "--suite", "tiny.toml")
    for arguments, said in (
        ([LABEL, *own], "--good is missing"),
        ([LABEL, *own, "--good", "nowhere"], "expected a commit, branch or tag"),
        ([LABEL, *own, "--good", "HEAD"], "are the same commit"),
        (["nonsense", *own, "--good", "HEAD~6"], "an event, a case as it is printed"),
        (["7", *own], "no event begins so"),
    ):
        with Store(project / "results" / "sepconv.db"):
            answer = sepconv(*arguments, cwd=project)

        assert answer.returncode == 2, answer.stderr
        assert said in answer.stderr


@pytest.mark.slow
def test_the_commit_of_an_event_is_found_stored_and_nothing_is_touched(project):
    hashes = git(project / "code", "log", "--reverse", "--format=%H").split()
    case = replace(CASE, conv_type="work")
    member = Changed(case, "ratio_to_reference", 1.3, 1.25, 1.35)
    ends = {
        "last_good": replace(revision(0), commit=hashes[0]),
        "first_bad": replace(revision(9), commit=hashes[6]),
    }
    seen = Note(EventState.SUSPICIOUS, "sepconv", "seen", "2026-01-10T00:00:00+00:00")
    event = event_of(members=[member], notes=[seen], **ends)
    store_path = project / "event.db"
    with Store(store_path) as store:
        (number,) = store.put_events([event])
    before = state(project / "code")

    answer = sepconv(
        *(number, "--conv-types", "code/forms.py", "--store", store_path, "--format", "json"),
        cwd=project,
    )

    told = json.loads(answer.stdout)
    with Store(store_path, read_only=True) as store:
        stored = store.find_event(str(number))
        comparisons = store.comparisons(purposes={Purpose.BISECT})
    assert answer.returncode == 0, answer.stderr
    assert told["culprits"][0]["commit"] == hashes[5]
    assert told["culprits"][0]["ratio"] > 1.1
    assert state(project / "code") == before
    assert stored.state is EventState.CONFIRMED
    assert [each.commit for each in stored.commits] == [hashes[5]]
    assert (stored.last_good.commit, stored.first_bad.commit) == (hashes[4], hashes[5])
    assert stored.notes[-1].author == "sepconv"
    assert stored.notes[-1].reason.startswith(f"bisect: {hashes[5][:10]} Number 5, +")
    assert len(comparisons) == told["comparisons"]
    assert {len(each.cases) for each in comparisons} == {1}


@pytest.mark.slow
def test_steps_that_are_used_up_are_taken_up_with_resume(project):
    asked = (
        LABEL,
        "--passes",
        "6",
        "--conv-types",
        "code/forms.py",
        "--suite",
        "tiny.toml",
        "--good",
        "HEAD~6",
    )
    store = ("--store", project / "resumed.db")

    begun = sepconv(*asked, *store, "--most-steps", "2", cwd=project)
    resumed = sepconv(*asked, *store, "--resume", "--format", "json", cwd=project)

    told = json.loads(resumed.stdout)
    assert begun.returncode == 3
    assert begun.stdout.startswith("Not found after 2 comparisons")
    assert "the same command with --resume goes on" in begun.stdout
    assert "2 comparisons are there already" in resumed.stderr or told["skipped"]
    assert resumed.returncode == 0
    assert told["culprits"][0]["subject"] == "Number 5"


@pytest.mark.slow
def test_ctrl_c_tells_what_is_known_so_far(project):
    asked = (
        LABEL,
        "--passes",
        "6",
        "--conv-types",
        "code/forms.py",
        "--suite",
        "tiny.toml",
        "--good",
        "HEAD~6",
    )
    process = subprocess.Popen(
        command(*asked, "--store", project / "stopped.db", "--format", "json"),
        cwd=project,
        env=os.environ | {"SEPCONV_STORE": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "→" in line:
            break
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)

    told = json.loads(out)
    assert process.returncode == 130
    assert told["ending"] == "interrupted"
    assert told["effect"]["ratio"] > 1.1
    assert len(told["candidates"]) > 1


@pytest.mark.slow
def test_within_a_merge_the_commit_of_the_branch_is_found(tmp_path):
    code = init(tmp_path / "code")
    commit(code, "first", forms__py=types(1))
    git(code, "switch", "-q", "-c", "side")
    commit(code, "harmless", forms__py=types(1, "harmless"))
    commit(code, "guilty", forms__py=types(9))
    git(code, "switch", "-q", "main")
    commit(code, "meanwhile", readme="text")
    git(code, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
    (tmp_path / "tiny.toml").write_text(SUITE)
    asked = (
        LABEL,
        "--passes",
        "6",
        "--conv-types",
        "code/forms.py",
        "--suite",
        "tiny.toml",
        "--good",
        "HEAD~2",
    )

    answer = sepconv(*asked, "--into-merges", "--format", "json", cwd=tmp_path)

    told = json.loads(answer.stdout)
    assert answer.returncode == 0, answer.stderr
    assert (told["culprits"][0]["subject"], told["culprits"][0]["is_merge"]) == ("Merge side", True)
    assert told["within"][0]["culprits"][0]["subject"] == "guilty"


@pytest.mark.slow
def test_where_nothing_has_changed_that_is_said_and_nothing_is_searched(project):
    asked = (LABEL, "--passes", "6", "--conv-types", "code/forms.py", "--suite", "tiny.toml")

    answer = sepconv(
        *asked, "--good", "HEAD~6", "--bad", "HEAD~5", "--format", "markdown", cwd=project
    )

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("**No change to find: ")
