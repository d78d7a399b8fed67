"""Both sides of a ring with code, interpreter and environment of their own, in real workers."""

import sys
from pathlib import Path
from shutil import copytree

import pytest

from sepconv.bench.comparison import Contest
from sepconv.bench.duel import Duel
from sepconv.bench.message import Inventory, InventoryOrder, Profile, ProfileOrder, Side
from sepconv.bench.plan import plan_ring
from sepconv.bench.supervisor import Supervisor
from sepconv.case import Case
from sepconv.comparison import Stage
from sepconv.errors import MeasuringFailed
from sepconv.ratio import Pair
from sepconv.record import BASE, HEAD, Status
from tests.bench.test_supervisor import Notes

pytestmark = pytest.mark.slow  # real contests, each of which starts servers

ROOT = Path(__file__).parents[2]
SUITES = ROOT / "benchmarks"
OWN = """
from pathlib import Path
from torch import nn
from neighbour import PADDING
def build(case):
    return nn.Conv2d(case.in_channels, case.out_channels, 3, padding=PADDING, bias=False)
CONV_TYPES = {"mine": build}
"""


def case_of(conv_type="standard", channels=8, **fields):
    arguments = {"height": 14, "width": 14} | fields
    return Case(conv_type=conv_type, in_channels=channels, out_channels=channels, **arguments)


def tree(folder: Path, *edits: tuple[str, str, str]) -> Path:
    """A copy of our layers, with text of some files replaced."""
    copytree(ROOT / "sepconv" / "convs", folder / "sepconv" / "convs")
    for name, old, new in edits:
        path = folder / "sepconv" / "convs" / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    return folder


def own_file(folder: Path, padding: str = "1") -> Side:
    folder.mkdir(exist_ok=True)
    (folder / "neighbour.py").write_text(f"PADDING = {padding}\n")
    (folder / "mine.py").write_text(OWN)
    return Side(conv_types=str(folder / "mine.py"), tree=str(folder))


@pytest.fixture(scope="module")
def server():
    """Without a say of its own in what is measured."""
    with Supervisor(SUITES, side=Side()) as supervisor:
        yield supervisor


def measure(server, base, head, *cases, case=None, passes=1):
    """What rings of these sides say, and what went wrong."""
    notes = Notes()
    rings = [
        plan_ring(one, one, 1e-3, 1e-3, number=number, block_s=0.02)
        for number, one in enumerate(cases or [case or case_of()], 1)
    ]
    for number in range(1, passes + 1):
        slots = [slot for ring in rings for slot in ring]
        server.run_pass(number, slots, notes, seed=0, sides=(base, head))
    return notes


def inventory(server, side, *samples):
    answer = server.ask(InventoryOrder(side, str(server.log.path), samples), 60.0)
    assert isinstance(answer, Inventory)
    return answer


def digests(found: Inventory) -> dict[str, str | None]:
    return {one.name: one.digest for one in found.conv_types}


def test_each_arm_runs_the_code_of_its_own_tree(server, tmp_path):
    slow = tree(
        tmp_path / "slow",
        (
            "standard.py",
            "return nn.Conv2d(",
            "return nn.Sequential(*[nn.Identity()] * 400, nn.Conv2d(",
        ),
        ("standard.py", "groups=case.groups)", "groups=case.groups))"),
    )
    base, head = Side(source=str(tree(tmp_path / "base"))), Side(source=str(slow))

    notes = measure(server, base, head)
    swapped = measure(server, head, base)

    assert notes.failures == swapped.failures == {}
    assert notes.pairs[0].cpu.trimmed_mean > 0.5
    assert swapped.pairs[0].cpu.trimmed_mean < -0.5


def test_the_server_that_forked_them_knows_neither_side(server, tmp_path):
    measure(server, Side(source=str(tree(tmp_path / "a"))), Side(source=str(tree(tmp_path / "b"))))

    assert not measure(server, Side(), Side()).failures


def test_a_failure_names_the_arm_that_failed(server, tmp_path):
    broken = tree(
        tmp_path / "broken", ("standard.py", "return nn", "raise OSError('no'); return nn")
    )
    heard = []

    class Listening(Notes):
        def keep_failure(self, case, status, error, arm=""):
            heard.append((arm, status, error.splitlines()[0]))

    for sides in [(Side(), Side(source=str(broken))), (Side(source=str(broken)), Side())]:
        slots = [*plan_ring(case_of(), case_of(), 1e-3, 1e-3, block_s=0.01)]
        server.run_pass(1, slots, Listening(), seed=0, sides=sides)

    assert heard == [(HEAD, Status.FAILED, "OSError: no"), (BASE, Status.FAILED, "OSError: no")]


def test_a_tree_without_layers_ends_the_pass_with_the_reason(server, tmp_path):
    with pytest.raises(MeasuringFailed, match="it has no sepconv/convs"):
        measure(server, Side(), Side(source=str(tmp_path)))


def test_an_inventory_has_every_conv_type_and_a_digest_of_what_it_is_made_of(server, tmp_path):
    base = inventory(server, Side(source=str(tree(tmp_path / "base"))))
    changed = tree(
        tmp_path / "changed", ("depthwise_separable.py", "def build", "# new\ndef build")
    )
    head = inventory(server, Side(source=str(changed)))

    assert set(digests(base)) == {"standard", "depthwise_separable", "spatially_separable"}
    assert all(digests(base).values())
    same = {name for name, digest in digests(base).items() if digests(head)[name] == digest}
    assert same == {"standard", "spatially_separable"}


def test_a_change_of_what_all_of_them_import_changes_all_digests(server, tmp_path):
    base = inventory(server, Side(source=str(tree(tmp_path / "base"))))
    changed = tree(
        tmp_path / "changed", ("geometry.py", "from __future__", "# new\nfrom __future__")
    )
    head = inventory(server, Side(source=str(changed)))

    assert not set(digests(base).items()) & set(digests(head).items())


def test_a_conv_type_that_cannot_be_imported_has_the_error_and_the_others_have_none(
    server, tmp_path
):
    broken = tree(tmp_path / "broken", ("standard.py", "from torch import nn", "import nowhere"))

    found = {one.name: one for one in inventory(server, Side(source=str(broken))).conv_types}

    assert "No module named 'nowhere'" in found["standard"].error
    assert found["spatially_separable"].error is None


def test_layers_that_cannot_be_loaded_at_all_are_one_error(server, tmp_path):
    broken = tree(tmp_path / "broken", ("__init__.py", "import torch\n", "import nowhere\n"))

    found = inventory(server, Side(source=str(broken)))

    assert "No module named 'nowhere'" in found.error
    assert found.conv_types == ()


def test_a_users_file_imports_from_its_own_tree_on_either_side(server, tmp_path):
    good, bad = own_file(tmp_path / "good"), own_file(tmp_path / "bad", "0")

    notes = measure(server, good, bad, case=case_of("mine"))

    assert notes.failures[8][0] is Status.FAILED
    assert "expected (1, 8, 14, 14)" in notes.failures[8][1]
    assert not measure(server, good, good, case=case_of("mine")).failures


def test_the_digest_of_a_users_conv_type_covers_what_its_file_imports(server, tmp_path):
    first = inventory(server, own_file(tmp_path / "first"), case_of("mine"))
    again = inventory(server, own_file(tmp_path / "again"), case_of("mine"))
    other = inventory(server, own_file(tmp_path / "other", "1 + 0"), case_of("mine"))

    assert digests(first)["mine"] == digests(again)["mine"] != digests(other)["mine"]


def test_a_variable_of_one_side_is_not_that_of_the_other(server, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import os\nfrom torch import nn\n"
        "def build(case):\n"
        "    assert os.environ.get('MODE') == 'fast', os.environ.get('MODE')\n"
        "    return nn.Conv2d(case.in_channels, case.out_channels, 3, padding=1)\n"
        "CONV_TYPES = {'mine': build}\n"
    )
    side = Side(conv_types=str(tmp_path / "mine.py"))
    fast = Side(conv_types=str(tmp_path / "mine.py"), environment=(("MODE", "fast"),))

    notes = measure(server, fast, side, case=case_of("mine"))
    twins = measure(server, fast, fast, case=case_of("mine"))

    assert notes.failures[8][1].startswith("AssertionError: None")
    assert len(twins.pairs) == 1


def test_an_interpreter_that_is_none_is_named(tmp_path):
    with (
        pytest.raises(MeasuringFailed, match=r"cannot start .*nowhere: No such file"),
        Supervisor(SUITES, side=Side(python=str(tmp_path / "nowhere"))),
    ):
        pass


def test_another_interpreter_measures_with_our_harness_and_its_own_packages(server, tmp_path):
    """A link to this interpreter outside its environment would not find torch: so a script."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexport THE_OTHER=1\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)

    notes = measure(server, Side(), Side(python=str(python)))

    assert notes.failures == {}
    assert len(notes.pairs) == 1


def test_a_profile_tells_operators_time_and_memory_of_a_call(server):
    order = ProfileOrder(Side(), str(server.log.path), case_of("depthwise_separable"), 0, ())

    profile = server.ask(order, 60.0)

    assert isinstance(profile, Profile)
    times = {each.name: each for each in profile.operators}
    assert times["aten::conv2d"].calls == 2
    assert 0 < sum(each.self_s for each in profile.operators) < 1
    assert 0 < profile.call_s < profile.first_call_s
    assert profile.facts.values["allocations"] >= 2


def test_a_profile_of_what_cannot_be_built_is_the_reason(server):
    order = ProfileOrder(Side(), str(server.log.path), case_of("nobodys"), 0, ())

    assert "unknown conv type 'nobodys'" in server.ask(order, 60.0).error


def test_a_question_that_kills_its_worker_is_answered_by_an_error(server, tmp_path):
    (tmp_path / "mine.py").write_text("import os\nos._exit(3)\n")
    side = Side(conv_types=str(tmp_path / "mine.py"))

    with pytest.raises(MeasuringFailed, match="its process ended"):
        server.ask(ProfileOrder(side, str(server.log.path), case_of("mine"), 0, ()), 60.0)
    assert "ended the process" in inventory(server, side).error


class Counting:
    """An umpire that wants so many passes of every ring, and notes what it is told."""

    def __init__(self, passes=2):
        self.planned, self.nulls, self.looks, self.failures, self.passes = [], [], [], [], []
        self.lost = []
        self._left = {Stage.SCREEN: passes, Stage.CONFIRM: passes}

    def keep_plan(self, slots, null_rings):
        self.planned, self.nulls = list(slots), list(null_rings)

    def keep_look(self, arm, case, facts):
        self.looks.append((arm, case, facts))

    def keep_failure(self, arm, case, status, error):
        self.failures.append((arm, case.conv_type, status))

    def keep_pass(self, stage, base, head):
        self.passes.append((stage, base, head))
        return True

    def lose(self, ring, reason):
        self.lost.append(ring)

    def next_pass(self, time_left):
        for stage, left in self._left.items():
            if left:
                self._left[stage] -= 1
                return stage, sorted({slot.ring for slot in self.planned})
        return None


def test_a_contest_looks_calibrates_and_measures_each_stage_in_a_server_of_its_own(tmp_path):
    cases = [case_of(), case_of("depthwise_separable")]
    broken = tree(
        tmp_path / "broken",
        ("depthwise_separable.py", "    options =", "    raise OSError\n    options ="),
    )
    umpire = Counting()
    with Supervisor(SUITES, side=Side()) as supervisor:
        contest = Contest(supervisor, umpire, (Side(), Side(source=str(broken))), seed=0)
        contest.plan({number: Duel(case, case) for number, case in enumerate(cases, 1)})
        contest.measure()

    assert umpire.failures == [(HEAD, "depthwise_separable", Status.FAILED)]
    assert [(arm, case.conv_type) for arm, case, _ in umpire.looks] == [
        (BASE, "standard"),
        (BASE, "depthwise_separable"),
        (HEAD, "standard"),
    ]
    facts = umpire.looks[0][2].values
    assert facts["params"] == 8 * 8 * 9
    assert facts["macs"] == 8 * 8 * 9 * 14 * 14
    assert facts["allocations"] >= 1
    assert "minor_faults_per_call" in facts
    assert [(slot.ring, slot.arm) for slot in umpire.planned] == [
        (1, BASE),
        (1, HEAD),
        (3, BASE),
        (3, HEAD),
    ]
    assert umpire.nulls == [3]
    assert len({(slot.calls, slot.rounds) for slot in umpire.planned}) == 1
    stages = [(stage, base.ring, base.server) for stage, base, _ in umpire.passes]
    assert stages == [
        (Stage.SCREEN, 1, 0), (Stage.NULL, 3, 0), (Stage.SCREEN, 1, 0), (Stage.NULL, 3, 0),
        (Stage.CONFIRM, 1, 1), (Stage.NULL, 3, 1), (Stage.CONFIRM, 1, 1), (Stage.NULL, 3, 1),
    ]  # fmt: skip
    assert all(isinstance(Pair.of(base, head), Pair) for _, base, head in umpire.passes)
    assert contest.timing.timed_s > 0


def test_a_budget_leaves_out_the_longest_calls_and_says_which():
    """However short it is, the case that shows most for its time is measured."""
    cases = [case_of("standard", 64, height=56, width=56), case_of("standard", 4)]
    cases.append(case_of("standard", 64, height=28, width=28))
    umpire = Counting(passes=1)
    with Supervisor(SUITES, side=Side()) as supervisor:
        contest = Contest(supervisor, umpire, (Side(), Side()), seed=0, budget_s=0.1)
        contest.plan({number: Duel(case, case) for number, case in enumerate(cases, 1)})

    assert {slot.case for slot in umpire.planned} == {cases[1]}
    assert contest.left_out == [cases[0], cases[2]]
    assert [case for _, case, _ in umpire.looks] == [cases[1]] * 2


MARKED = """
from pathlib import Path
from torch import nn

def build(case):
    if Path({marker!r}).exists():
        raise OSError("the marker is there")
    return nn.Conv2d(case.in_channels, case.out_channels, 3, padding=1, bias=False)

CONV_TYPES = {{"marked": build}}
"""


class Endless(Counting):
    """An umpire that wants every ring of its plan again, until it hears that it is gone."""

    def __init__(self, hears=True):
        super().__init__()
        self.gone, self._hears = set(), hears

    def keep_failure(self, arm, case, status, error):
        super().keep_failure(arm, case, status, error)
        if arm == BASE:
            self.gone |= {slot.ring for slot in self.planned if slot.case == case}
        rings = {slot.ring for slot in self.planned if (slot.arm, slot.case) == (arm, case)}
        self.gone |= rings - set(self.nulls)

    def keep_pass(self, stage, base, head):
        return super().keep_pass(stage, base, head) and self._hears

    def lose(self, ring, reason):
        super().lose(ring, reason)
        self.gone.add(ring)

    def next_pass(self, time_left):
        rings = sorted({slot.ring for slot in self.planned} - self.gone)
        if not rings:
            return None
        assert len(self.passes) < 60, "it goes on for ever"
        return Stage.SCREEN, rings


def test_a_case_that_fails_in_the_middle_ends_its_rings_and_no_other(tmp_path):
    """Standard is base of both rings, head of one: what fails as head is only that one."""
    marker = tmp_path / "marker"
    (tmp_path / "own.py").write_text(MARKED.format(marker=str(marker)))
    own = Side(conv_types=str(tmp_path / "own.py"))
    cases = case_of("marked"), case_of()
    umpire = Endless()
    with Supervisor(SUITES, side=Side()) as supervisor:
        contest = Contest(supervisor, umpire, (own, own), seed=0)
        contest.plan({1: Duel(cases[0], cases[0]), 2: Duel(cases[1], cases[1])})
        marker.touch()
        stop = umpire.next_pass

        def next_pass(time_left):
            seen = [base.ring for stage, base, _ in umpire.passes if stage is Stage.SCREEN]
            return None if seen.count(2) == 3 else stop(time_left)

        umpire.next_pass = next_pass
        contest.measure()

    assert {(conv_type, status) for _, conv_type, status in umpire.failures} == {
        ("marked", Status.FAILED)
    }
    assert {base.ring for stage, base, _ in umpire.passes if stage is Stage.SCREEN} == {2}


def test_a_failure_in_a_ring_of_base_against_base_is_bases(tmp_path):
    marker = tmp_path / "marker"
    (tmp_path / "own.py").write_text(MARKED.format(marker=str(marker)))
    umpire = Endless()
    with Supervisor(SUITES, side=Side()) as supervisor:
        sides = Side(conv_types=str(tmp_path / "own.py")), Side()
        contest = Contest(supervisor, umpire, sides, seed=0)
        contest.plan({1: Duel(case_of("marked"), case_of())})
        marker.touch()
        umpire.gone.add(1)
        contest.measure()

    assert umpire.nulls == [2]
    assert {(arm, conv_type) for arm, conv_type, _ in umpire.failures} == {(BASE, "marked")}


def test_a_ring_that_says_nothing_is_lost_after_a_while():
    umpire = Endless(hears=False)
    with Supervisor(SUITES, side=Side()) as supervisor:
        contest = Contest(supervisor, umpire, (Side(), Side()), seed=0)
        contest.plan({1: Duel(case_of(), case_of())})
        contest.measure()

    assert umpire.lost == [1, 2]
    assert len(umpire.passes) == 6


def test_sides_that_are_no_twins_are_measured_against_a_second_server_of_base():
    umpire = Counting(passes=1)
    other = Side(environment=(("ANY", "1"),))
    with Supervisor(SUITES, side=Side()) as supervisor:
        contest = Contest(supervisor, umpire, (Side(), other), seed=0)
        contest.plan({1: Duel(case_of(), case_of())})
        contest.measure()
        kinds = {launcher.side.replica for launcher in supervisor._launchers.values()}

    assert kinds == {0, 1}
    assert len(umpire.passes) == 4
