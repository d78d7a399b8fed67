"""Real servers and workers, that hang, die and are killed."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from sepconv.bench.stopwatch import RING_WARMUP_CALLS
from sepconv.bench.supervisor import Supervisor
from sepconv.case import Case
from sepconv.errors import InvalidConvTypes, MeasuringFailed
from sepconv.ratio import Pair
from sepconv.record import BASE, HEAD, Block, Facts, Slot, Status
from tests.fault_types import WAIT_S

SUITES = Path(__file__).parents[2] / "benchmarks"
FAULTS = Path(__file__).parents[1] / "fault_types.py"


def slot(
    channels: int,
    *,
    calls: int = 2,
    rounds: int = 3,
    visits: int = 1,
    ring: int | None = None,
    arm: str = "",
    **fields: object,
) -> Slot:
    """A slot of its own ring, which its channels number, unless told otherwise."""
    arguments = {"conv_type": "depthwise_separable", "height": 14, "width": 14} | fields
    case = Case(in_channels=channels, out_channels=channels, **arguments)
    number = channels if ring is None else ring
    return Slot(case, calls, rounds, call_s=1e-4, visits=visits, ring=number, arm=arm)


def ring_of_two(channels: int, head: str = "depthwise_separable", **fields: object) -> list[Slot]:
    """Standard and another conv type of one shape."""
    options = fields.pop("options", {})
    return [
        slot(channels, arm=BASE, conv_type="standard", **fields),
        slot(channels, arm=HEAD, conv_type=head, options=options, **fields),
    ]


def endless(channels: int) -> Slot:
    """A block that takes minutes."""
    return slot(channels, calls=1_000_000, rounds=100)


class Notes:
    """A keeper that remembers, and does something when a block comes."""

    def __init__(self, on_block=lambda: None) -> None:
        self.blocks: list[Block] = []
        self.pairs: list[Pair] = []
        self.visits: list[int] = []
        self.facts: dict[int, Facts] = {}
        self.failures: dict[int, tuple[Status, str]] = {}
        self.failed: list[Case] = []
        self._on_block = on_block

    def keep_visit(self, case: Case) -> None:
        self.visits.append(case.in_channels)

    def keep_facts(self, case: Case, facts: Facts) -> None:
        self.facts[case.in_channels] = facts

    def keep_blocks(self, *blocks: Block) -> None:
        self.blocks += blocks
        if len(blocks) == 2:
            self.pairs.append(Pair.of(*blocks))
        self._on_block()

    def keep_failure(self, case: Case, status: Status, error: str, arm: str = "") -> None:
        self.failures[case.in_channels] = (status, error)
        self.failed.append(case)

    @property
    def measured(self) -> list[int]:
        return [block.case.in_channels for block in self.blocks]


@pytest.fixture(scope="module")
def server():
    with Supervisor(SUITES) as supervisor:
        yield supervisor


@pytest.fixture(scope="module")
def faulty():
    """A server that has conv types which misbehave, with the usual limits."""
    with Supervisor(SUITES, conv_types=FAULTS) as supervisor:
        yield supervisor


def test_a_pass_gives_every_case_one_block_with_the_planned_rounds_in_order(server):
    notes = Notes()

    server.run_pass(3, [slot(8), slot(4, calls=5, rounds=7), slot(2)], notes, seed=0)

    assert notes.measured == [8, 4, 2]
    assert [len(block.rounds) for block in notes.blocks] == [3, 7, 3]
    assert [block.calls for block in notes.blocks] == [2, 5, 2]
    assert {block.pass_number for block in notes.blocks} == {3}
    assert not notes.failures


def test_the_visits_of_a_block_are_spread_over_the_pass_and_their_rounds_are_one_block(server):
    notes = Notes()

    server.run_pass(1, [slot(8, rounds=5, visits=2), slot(4), slot(2, visits=3)], notes, seed=0)

    assert notes.visits == [2, 8, 2]  # at 1/6, 1/4 and 1/2 of the pass
    assert notes.measured == [4, 8, 2]
    assert [len(block.rounds) for block in notes.blocks] == [3, 5, 3]


def test_a_pass_that_is_stopped_keeps_the_rounds_of_the_visits_it_made(server):
    notes = Notes()
    slots = [slot(8, rounds=4, visits=2), slot(4, rounds=4, visits=2)]

    server.run_pass(1, slots, notes, seed=0, deadline=lambda: len(notes.visits) == 1)

    assert notes.measured == [8, 4]
    assert [len(block.rounds) for block in notes.blocks] == [2, 2]


def test_a_case_that_fails_in_one_visit_is_not_visited_again(server):
    notes = Notes()

    server.run_pass(1, [slot(3, conv_type="imaginary", visits=3), slot(4)], notes, seed=0)

    assert notes.measured == [4]
    assert notes.visits == []
    assert list(notes.failures) == [3]


def test_a_block_has_both_clocks_its_first_call_and_its_disturbances(server):
    notes = Notes()

    server.run_pass(1, [slot(16, calls=20, rounds=10)], notes, seed=0)

    (block,) = notes.blocks
    assert all(r.wall_s > 0 and r.cpu_s > 0 for r in block.rounds)
    assert block.timed_s == pytest.approx(sum(r.wall_s for r in block.rounds))
    assert block.first_call_s > 0
    assert block.warmup_s >= block.first_call_s
    assert all(r.minor_faults is not None for r in block.rounds)


def test_both_directions_are_measured_by_one_pass_in_the_order_of_the_plan(server):
    notes = Notes()
    slots = [slot(4, direction="training"), slot(2), slot(3, direction="training")]

    server.run_pass(1, slots, notes, seed=0)

    assert notes.measured == [4, 2, 3]


def test_what_the_machine_cannot_measure_is_unsupported_with_the_reason(server):
    notes = Notes()
    slots = [slot(2, device="meta"), slot(4)]
    if "cuda" not in server.hello.devices:
        slots.append(slot(5, device="cuda"))

    server.run_pass(1, slots, notes, seed=0)

    assert notes.measured == [4]
    assert {status for status, _ in notes.failures.values()} == {Status.UNSUPPORTED}
    assert "computes nothing" in notes.failures[2][1]
    assert "no cuda device" in notes.failures.get(5, ("", "no cuda device"))[1]


def test_a_case_that_raises_fails_with_what_was_raised_and_costs_no_other_case(server):
    notes = Notes()

    server.run_pass(1, [slot(2), slot(3, conv_type="imaginary"), slot(4)], notes, seed=0)

    assert notes.measured == [2, 4]
    status, error = notes.failures[3]
    assert status is Status.FAILED
    assert "unknown conv type 'imaginary'" in error


def test_a_worker_that_is_killed_costs_its_case_and_one_restart(server):
    def kill_soon() -> None:
        if len(notes.blocks) == 1:
            (worker,) = server.workers
            threading.Timer(0.5, os.kill, (worker, signal.SIGSEGV)).start()

    notes = Notes(kill_soon)

    server.run_pass(1, [slot(2), endless(3), slot(4)], notes, seed=0)

    assert notes.measured == [2, 4]
    status, error = notes.failures[3]
    assert status is Status.CRASHED
    assert "SIGSEGV" in error


def test_a_worker_that_is_killed_between_two_cases_costs_none(server):
    asked = []

    def kill_at_the_second_question() -> bool:
        """The first is asked before the pass, the others while the worker waits for an answer."""
        asked.append(server.workers)
        if len(asked) == 2:
            os.kill(server.workers[0], signal.SIGKILL)
        return False

    notes = Notes()
    slots = [slot(2), slot(3), slot(4)]

    server.run_pass(1, slots, notes, seed=0, deadline=kill_at_the_second_question)

    assert notes.measured == [2, 3, 4]
    assert not notes.failures


def test_a_deadline_ends_a_pass_between_two_cases(server):
    notes = Notes()

    server.run_pass(
        1,
        [slot(2), slot(3), slot(4)],
        notes,
        seed=0,
        deadline=lambda: len(notes.blocks) == 1,  # when the second one comes
    )

    assert notes.measured == [2, 3]
    assert not notes.failures


def test_a_case_that_does_not_end_is_ended_and_leaves_no_process():
    with Supervisor(SUITES, case_timeout_s=2.0) as supervisor:
        notes = Notes()

        supervisor.run_pass(1, [slot(2), endless(3), slot(4)], notes, seed=0)

        assert notes.measured == [2, 4]
        status, error = notes.failures[3]
        assert status is Status.TIMED_OUT
        assert error.startswith("not done after 2 s")
        assert psutil.Process(supervisor.hello.pid).children() == []


def test_the_first_interrupt_finishes_the_case_in_hand_and_the_second_ends_at_once():
    with Supervisor(SUITES) as supervisor:
        once = Notes(lambda: len(once.blocks) == 1 and os.kill(os.getpid(), signal.SIGINT))
        supervisor.run_pass(1, [slot(2), slot(3), slot(4)], once, seed=0)
        server = supervisor.hello.pid

        assert supervisor.stopping
        assert once.measured == [2, 3]  # the second was in hand
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    assert not psutil.pid_exists(server)


def test_the_arms_of_a_ring_take_turns_and_their_blocks_are_kept_together(server):
    notes = Notes()

    server.run_pass(2, [*ring_of_two(4, rounds=6), *ring_of_two(8, rounds=5)], notes, seed=0)

    assert [(b.ring, b.arm, len(b.rounds)) for b in notes.blocks] == [
        (4, BASE, 6),
        (4, HEAD, 6),
        (8, BASE, 5),
        (8, HEAD, 5),
    ]
    assert [pair.count for pair in notes.pairs] == [6, 5]
    assert not notes.failures


def test_the_visits_of_a_ring_are_spread_like_those_of_a_case_alone(server):
    notes = Notes()
    slots = [*ring_of_two(4, rounds=6, visits=3), *ring_of_two(8, rounds=4), slot(2)]

    server.run_pass(1, slots, notes, seed=0)

    assert [(b.ring, len(b.rounds)) for b in notes.blocks[::2]] == [(8, 4), (4, 6), (2, 3)]
    assert notes.visits == [4, 4, 4, 4]


def test_an_arm_that_raises_breaks_its_ring_only_and_the_other_arm_has_not_failed(server):
    notes = Notes()
    broken = ring_of_two(3, head="imaginary", visits=2, rounds=4)

    server.run_pass(1, [*ring_of_two(2), *broken, *ring_of_two(4)], notes, seed=0)

    assert [pair.ring for pair in notes.pairs] == [2, 4]
    assert list(notes.failures) == [3]
    assert "imaginary" in notes.failures[3][1]


def test_the_first_round_of_every_visit_is_primed_whichever_arm_begins(faulty):
    """A call sleeps for 5 ms: what is made beside the rounds can be counted."""
    notes = Notes()
    wait = {"conv_type": "fault_wait", "calls": 1, "rounds": 12, "visits": 6}

    ring = [slot(4, arm=BASE, **wait), slot(4, arm=HEAD, **wait)]
    faulty.run_pass(1, ring, notes, seed=0)

    primed = 3 * 6  # in each visit, two for who begins and ends the quad, one for the other arm
    warm_up = 2 * RING_WARMUP_CALLS[0]
    assert sum(block.warmup_s for block in notes.blocks) >= (primed + warm_up) * WAIT_S


def test_the_same_case_may_be_both_arms(server):
    notes = Notes()

    server.run_pass(1, [slot(4, arm=BASE, rounds=8), slot(4, arm=HEAD, rounds=8)], notes, seed=0)

    (pair,) = notes.pairs
    assert pair.base == pair.head
    assert pair.cpu.standard_error is not None


def test_an_arm_whose_process_dies_costs_its_ring_and_one_restart(faulty):
    notes = Notes()
    dying = ring_of_two(3, head="fault_segfault")

    faulty.run_pass(1, [*ring_of_two(2), *dying, *ring_of_two(4)], notes, seed=0)

    assert [pair.ring for pair in notes.pairs] == [2, 4]
    assert notes.failures[3][0] is Status.CRASHED
    assert "SIGSEGV" in notes.failures[3][1]


def test_an_arm_that_hangs_is_accused_by_the_other_one_and_does_not_stall_the_ring():
    with Supervisor(SUITES, conv_types=FAULTS, case_timeout_s=2.0) as supervisor:
        notes = Notes()
        faulty = ring_of_two(3, head="fault_hang")

        supervisor.run_pass(1, [*faulty, *ring_of_two(4)], notes, seed=0)

        assert [pair.ring for pair in notes.pairs] == [4]
        status, error = notes.failures[3]
        assert status is Status.TIMED_OUT
        assert "2 s" in error
        assert psutil.Process(supervisor.hello.pid).children() == []


def test_both_arms_of_a_ring_stop_after_the_same_visit(server):
    notes = Notes()
    slots = [*ring_of_two(4, rounds=6, visits=3), *ring_of_two(8, rounds=6, visits=3)]

    server.run_pass(1, slots, notes, seed=0, deadline=lambda: len(notes.visits) >= 3)

    rounds = {
        (arm, ring): len(block.rounds)
        for block in notes.blocks
        for arm, ring in [(block.arm, block.ring)]
    }
    assert rounds[BASE, 4] == rounds[HEAD, 4] == 4
    assert rounds[BASE, 8] == rounds[HEAD, 8] == 2


@pytest.mark.slow
def test_who_is_killed_from_outside_is_not_to_blame_and_is_measured_again(server):
    def kill_once() -> None:
        if len(notes.blocks) == 1:
            (worker,) = server.workers
            threading.Timer(0.3, os.kill, (worker, signal.SIGKILL)).start()

    notes = Notes(kill_once)
    long = slot(3, calls=20_000, rounds=4)  # some seconds

    server.run_pass(1, [slot(2), long, slot(4)], notes, seed=0)

    assert notes.measured == [2, 3, 4]
    assert not notes.failures


def test_a_case_that_kills_itself_again_has_crashed(faulty):
    notes = Notes()

    faulty.run_pass(1, [slot(2), slot(3, conv_type="fault_kill"), slot(4)], notes, seed=0)

    assert notes.measured == [2, 4]
    assert notes.failures[3][0] is Status.CRASHED
    assert "SIGKILL" in notes.failures[3][1]


def test_a_process_that_a_crash_leaves_behind_does_not_hide_it():
    with Supervisor(SUITES, conv_types=FAULTS, case_timeout_s=15.0) as supervisor:
        notes = Notes()

        supervisor.run_pass(1, [slot(3, conv_type="fault_heir"), slot(4)], notes, seed=0)

        assert notes.measured == [4]
        assert notes.failures[3][0] is Status.CRASHED
        assert "SIGABRT" in notes.failures[3][1]


@pytest.mark.slow
def test_an_arm_that_hangs_before_the_first_turn_is_blamed_and_not_who_waits_for_it():
    with Supervisor(SUITES, conv_types=FAULTS, case_timeout_s=1.0) as supervisor:
        notes = Notes()
        hanging = ring_of_two(3, head="fault_hang_build")

        supervisor.run_pass(1, [*hanging, *ring_of_two(4)], notes, seed=0)

        assert [pair.ring for pair in notes.pairs] == [4]
        assert notes.failures[3][0] is Status.TIMED_OUT
        assert [case.conv_type for case in notes.failed] == ["fault_hang_build"]


def test_a_case_that_hangs_when_time_is_up_holds_nobody_up_and_is_not_judged():
    with Supervisor(SUITES, conv_types=FAULTS, case_timeout_s=300.0) as supervisor:
        notes = Notes()
        slots = [slot(2), slot(3, conv_type="fault_hang"), slot(4)]

        supervisor.run_pass(1, slots, notes, seed=0, deadline=lambda: bool(notes.blocks))

        assert notes.measured == [2]
        assert not notes.failures


def test_an_arm_that_waits_for_one_that_was_told_to_stop_is_not_to_blame():
    """Base fails in two rings: in the second, only head is there to be told to stop."""
    with Supervisor(SUITES, conv_types=FAULTS, case_timeout_s=300.0) as supervisor:
        notes = Notes()
        failing = {"conv_type": "fault_forward", "arm": BASE}
        broken = [slot(3, ring=30, **failing), slot(3, ring=30, arm=HEAD)]
        broken_again = [slot(3, ring=31, **failing), slot(3, ring=31, arm=HEAD, bias=True)]
        slots = [*ring_of_two(2), *broken, *broken_again, *ring_of_two(4)]

        supervisor.run_pass(1, slots, notes, seed=0, deadline=lambda: bool(notes.failed))

        assert [pair.ring for pair in notes.pairs] == [2]
        assert list(notes.failures) == [3]


def test_what_failed_is_told_with_where_it_did_and_what_it_printed(faulty):
    notes = Notes()
    slots = [slot(2, conv_type="fault_talk"), slot(3, conv_type="fault_forward")]

    faulty.run_pass(1, slots, notes, seed=0)

    _, error = notes.failures[3]
    assert error.startswith("ValueError: the fault of this conv type has come")
    assert "fault_types.py" in error
    assert "fault_talk was called" not in error  # that was the other case
    assert "fault_talk was called" in faulty.log.tail()


def test_no_worker_outlives_a_server_that_is_killed():
    notes = Notes(lambda: os.kill(supervisor.hello.pid, signal.SIGKILL))
    with pytest.raises(MeasuringFailed, match="gone"), Supervisor(SUITES) as supervisor:
        supervisor.run_pass(1, [slot(2), endless(3)], notes, seed=0)

    assert notes.measured == [2]
    workers = [psutil.Process(pid) for pid in supervisor.workers if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(workers, 20)
    assert alive == []


def test_an_isolated_case_has_a_process_of_its_own():
    with Supervisor(SUITES, isolate=True) as supervisor:
        notes = Notes(lambda: workers.add(supervisor.workers))
        workers: set[tuple[int, ...]] = set()

        supervisor.run_pass(1, [slot(2), slot(3), *ring_of_two(4)], notes, seed=0)

        assert notes.measured == [2, 3, 4, 4]
        assert len(workers) == 3


def test_a_case_that_needs_more_memory_than_its_limit_is_out_of_memory():
    with Supervisor(SUITES, conv_types=FAULTS, memory_limit_bytes=512 << 20) as supervisor:
        notes = Notes()

        supervisor.run_pass(1, [slot(2), slot(3, conv_type="fault_memory")], notes, seed=0)

        assert notes.measured == [2]
        assert notes.failures[3][0] is Status.OUT_OF_MEMORY


def test_a_case_that_ends_pytest_itself_costs_that_case(faulty):
    notes = Notes()
    slots = [slot(2), slot(3, conv_type="fault_interrupt"), slot(4)]

    faulty.run_pass(1, slots, notes, seed=0)

    assert notes.measured == [2, 4]
    status, error = notes.failures[3]
    assert status is Status.CRASHED
    assert error.startswith("pytest broke down")


def test_cases_after_one_that_was_out_of_memory_have_all_of_theirs():
    with Supervisor(SUITES, conv_types=FAULTS, memory_limit_bytes=512 << 20) as supervisor:
        notes = Notes()
        greedy = slot(3, conv_type="fault_memory")
        others = [slot(channels) for channels in range(17, 49)]  # each wants code of its own

        supervisor.run_pass(1, [greedy, *others], notes, seed=0)

        assert {channels: status for channels, (status, _) in notes.failures.items()} == {
            3: Status.OUT_OF_MEMORY
        }
        assert notes.measured == [other.case.in_channels for other in others]


def test_a_library_that_fails_for_want_of_memory_is_out_of_memory_whatever_it_says():
    with Supervisor(SUITES, conv_types=FAULTS, memory_limit_bytes=512 << 20) as supervisor:
        notes = Notes()

        supervisor.run_pass(1, [slot(3, conv_type="fault_memory_kept"), slot(2)], notes, seed=0)

        assert notes.measured == [2]
        assert notes.failures[3][0] is Status.OUT_OF_MEMORY


def test_a_case_that_floods_its_output_is_measured_and_fills_no_disk(faulty):
    notes = Notes()

    faulty.run_pass(1, [slot(2, conv_type="fault_flood"), slot(3)], notes, seed=0)

    assert notes.measured == [2, 3]
    assert len(faulty.log.tail()) <= 4000


def test_a_case_that_fails_when_its_memory_is_looked_at_has_failed_as_in_any_other_call(faulty):
    notes = Notes()

    faulty.run_pass(0, [slot(3, conv_type="fault_profiled"), slot(4)], notes, seed=0)

    assert notes.measured == [4]
    assert notes.failures[3][0] is Status.FAILED
    assert "the fault of this conv type has come" in notes.failures[3][1]


def test_the_calibration_tells_what_memory_a_call_needs(server):
    notes = Notes()

    server.run_pass(0, [slot(8)], notes, seed=0)

    output_bytes = 4 * 8 * 14 * 14
    assert notes.facts[8].values["peak_memory_bytes"] >= output_bytes
    assert notes.facts[8].values["allocations"] >= 1


def test_a_file_of_conv_types_that_cannot_be_loaded_is_an_error_that_names_the_line(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("CONV_TYPES = {\n")

    with (
        Supervisor(SUITES, conv_types=path) as supervisor,
        pytest.raises(InvalidConvTypes) as error,
    ):
        supervisor.run_pass(1, [slot(2)], Notes(), seed=0)

    assert "line 1" in str(error.value)


def test_a_server_that_dies_is_an_error_that_says_so():
    with Supervisor(SUITES) as supervisor:
        os.kill(supervisor.hello.pid, signal.SIGKILL)

        with pytest.raises(MeasuringFailed, match="measuring process"):
            supervisor.run_pass(1, [slot(2)], Notes(), seed=0)


def test_suites_that_cannot_be_collected_are_an_error_with_what_pytest_said(tmp_path):
    (tmp_path / "test_broken.py").write_text("import a_module_that_is_nowhere\n")

    with (
        Supervisor(tmp_path) as supervisor,
        pytest.raises(MeasuringFailed, match="a_module_that_is_nowhere"),
    ):
        supervisor.run_pass(0, [slot(2)], Notes(), seed=0)


def test_the_environment_says_which_allocator_is_in_force(server):
    with Supervisor(SUITES, allocator="default") as untuned:
        assert untuned.hello.environment.allocator == "default"
        assert untuned.hello.environment.key != server.hello.environment.key


SUPERVISOR_PROGRAM = f"""
from pathlib import Path
from tests.bench.test_supervisor import Notes, endless
from sepconv.bench.supervisor import Supervisor
import threading, time

def tell():
    while not supervisor.workers:
        time.sleep(0.05)
    time.sleep(1)
    print(supervisor.hello.pid, *supervisor.workers, flush=True)

with Supervisor(Path({str(SUITES)!r})) as supervisor:
    threading.Thread(target=tell, daemon=True).start()
    supervisor.run_pass(1, [endless(3)], Notes(), seed=0)
"""


def test_nothing_outlives_a_supervisor_that_is_killed():
    root = str(SUITES.parent)
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR_PROGRAM], stdout=subprocess.PIPE, text=True, cwd=root
    ) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert all(psutil.pid_exists(pid) for pid in pids)

        process.kill()

    _, alive = psutil.wait_procs([psutil.Process(p) for p in pids if psutil.pid_exists(p)], 20)
    assert alive == []
