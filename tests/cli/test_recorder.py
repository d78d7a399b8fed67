"""The ledger of a sweep on a real store: what it says at any moment is what is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import exp
from pathlib import Path

import pytest

from sepconv.case import Case
from sepconv.cli.recorder import LEFT_OUT, NOT_REACHED, Recorder, Watcher
from sepconv.record import BASE, HEAD, Block, Facts, Measurement, Round, Slot, Status
from sepconv.run import Environment, Machine, Run
from sepconv.store import Store

RUN = Run(
    uid="a1b2c3d4" * 4,
    suite="quick",
    started_at="2026-03-01T10:00:00+00:00",
    machine=Machine("Some CPU", "x86_64", 2, 4, 16),
    environment=Environment("3.11", "2.13.0", (), "AVX2", "tuned"),
)
STANDARD = Case(conv_type="standard", in_channels=8, out_channels=8, height=14, width=14)
DEPTHWISE = replace(STANDARD, conv_type="depthwise_separable")
SPATIALLY = replace(STANDARD, conv_type="spatially_separable")
OWN = replace(STANDARD, conv_type="somebodys_own")
CASES = (STANDARD, DEPTHWISE, SPATIALLY, OWN)
PRECISION = 0.02


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.db") as store:
        assert store.begin_run(RUN) == 1
        yield store


def begin(store: Store, watcher: Watcher | None = None) -> Recorder:
    return Recorder.begin(store, 1, CASES, precision=PRECISION, watcher=watcher)


def block(
    case: Case, number: int, call_s: float, ring: int = 1, arm: str = "", **fields: object
) -> Block:
    """Four equal rounds of two calls."""
    rounds = (Round(2 * call_s, 2 * call_s, minor_faults=0),) * 4
    return Block(
        case, number, 2, rounds, call_s, call_s, "2026-03-01T10:00:01", ring=ring, arm=arm, **fields
    )


def ring(head: Case, number: int, speedup: float, ring: int = 1) -> tuple[Block, Block]:
    return (
        block(STANDARD, number, 1e-3, ring, BASE),
        block(head, number, 1e-3 / speedup, ring, HEAD),
    )


def stored(store: Store) -> dict[Case, Measurement]:
    return {each.case: each for each in store.measurements(1)}


def test_from_the_first_moment_every_case_says_what_it_lacks(store):
    begin(store)

    found = stored(store)
    assert set(found) == set(CASES)
    assert {(m.status, m.error) for m in found.values()} == {(Status.MISSING, NOT_REACHED)}
    assert found[DEPTHWISE].values["params"].value == 8 * 9 + 64
    assert found[OWN].values == {}


def test_a_pass_of_a_ring_is_stored_with_its_pair(store):
    recorder = begin(store)

    recorder.keep_blocks(*ring(DEPTHWISE, 1, speedup=4.0))

    [pair] = store.pairs(1)
    assert [b.arm for b in store.blocks(1)] == [BASE, HEAD]
    assert (pair.base, pair.head, pair.ring, pair.pass_number) == (STANDARD, DEPTHWISE, 1, 1)
    assert exp(-pair.cpu.trimmed_mean) == pytest.approx(4.0)


def test_a_case_alone_has_no_pair_and_no_speed_up(store):
    recorder = begin(store)

    recorder.keep_blocks(block(DEPTHWISE, 1, 1e-3))
    recorder.end_pass(1)

    assert store.pairs(1) == []
    assert "realised_speedup" not in stored(store)[DEPTHWISE].values


def test_standard_is_judged_by_all_its_rings_and_each_partner_by_its_own(store):
    recorder = begin(store)
    for number in (1, 2):
        recorder.keep_blocks(*ring(DEPTHWISE, number, 4.0, ring=1))
        recorder.keep_blocks(*ring(SPATIALLY, number, 2.0, ring=2))
        recorder.end_pass(number)

    found = stored(store)
    assert found == recorder_view(recorder)
    assert found[DEPTHWISE].values["realised_speedup"].value == pytest.approx(4.0)
    assert found[SPATIALLY].values["realised_speedup"].value == pytest.approx(2.0)
    assert "realised_speedup" not in found[STANDARD].values
    assert {case: m.passes for case, m in found.items()} == {
        STANDARD: 2,
        DEPTHWISE: 2,
        SPATIALLY: 2,
        OWN: 0,
    }


def recorder_view(recorder: Recorder) -> dict[Case, Measurement]:
    return {each.case: each for each in recorder.measurements.values()}


def test_a_case_beside_itself_has_no_speed_up(store):
    recorder = begin(store)

    recorder.keep_blocks(*ring(STANDARD, 1, speedup=1.0))
    recorder.end_pass(1)

    assert len(store.pairs(1)) == 1
    assert "realised_speedup" not in stored(store)[STANDARD].values


def test_facts_are_stored_at_once_and_survive_judging(store):
    recorder = begin(store)
    facts = Facts({"allocations": 3.0}, {"peak_memory_bytes": "not here"})

    recorder.keep_facts(DEPTHWISE, facts)
    before = stored(store)[DEPTHWISE]
    recorder.keep_blocks(*ring(DEPTHWISE, 1, 4.0))
    recorder.end_pass(1)
    after = stored(store)[DEPTHWISE]

    assert before.status is Status.MISSING
    for found in (before, after):
        assert found.values["allocations"].value == 3
        assert found.values["params"].value == 8 * 9 + 64
        assert found.unsupported == {"peak_memory_bytes": "not here"}
    assert "latency_s" in after.values


def test_counted_cost_gives_a_promise_and_never_overrules_arithmetic(store):
    recorder = begin(store)
    standard = stored(store)[STANDARD].values["macs"].value

    recorder.keep_facts(OWN, Facts({"macs": standard / 2}))
    recorder.keep_facts(DEPTHWISE, Facts({"macs": 1.0}))

    assert stored(store)[OWN].values["ideal_speedup"].value == pytest.approx(2.0)
    assert stored(store)[DEPTHWISE].values["macs"].value > 1


def test_what_failed_stays_failed_with_what_was_known_of_it(store):
    recorder = begin(store)
    recorder.keep_facts(DEPTHWISE, Facts({"allocations": 3.0}))
    recorder.keep_blocks(*ring(DEPTHWISE, 1, 4.0))
    recorder.end_pass(1)

    recorder.keep_failure(DEPTHWISE, Status.CRASHED, "it died")
    recorder.keep_blocks(block(DEPTHWISE, 2, 1e-3))
    recorder.end_pass(2)

    found = stored(store)[DEPTHWISE]
    assert (found.status, found.error) == (Status.CRASHED, "it died")
    assert found.values["allocations"].value == 3
    assert "latency_s" not in found.values


def test_the_least_precise_cases_come_first_and_the_precise_ones_not_at_all(store):
    recorder = begin(store)
    for number, spread in ((1, 1.0), (2, 1.2), (3, 0.9)):
        recorder.keep_blocks(*ring(DEPTHWISE, number, 4.0 * spread, ring=1))
        recorder.keep_blocks(*ring(SPATIALLY, number, 2.0 * spread**3, ring=2))
    recorder.keep_blocks(block(OWN, 1, 1e-3, ring=3))
    for number in (1, 2, 3):
        recorder.end_pass(number)

    assert list(recorder.unsettled()) == [OWN, SPATIALLY, DEPTHWISE]  # one pass: no interval


def test_a_case_that_was_throttled_says_how(store):
    recorder = begin(store)
    recorder.keep_blocks(block(OWN, 1, 1e-3, throttled="cpu quota"))
    recorder.keep_blocks(block(OWN, 2, 1e-3))
    recorder.end_pass(1)

    found = stored(store)[OWN]
    assert (found.status, found.error) == (Status.THROTTLED, "cpu quota")


@pytest.mark.parametrize(
    ("in_time", "status", "error"),
    [(True, Status.SKIPPED, LEFT_OUT), (False, Status.MISSING, NOT_REACHED)],
)
def test_the_end_says_why_a_case_has_no_value(store, in_time, status, error):
    recorder = begin(store)
    recorder.keep_failure(SPATIALLY, Status.FAILED, "it broke")

    measurements = recorder.conclude(in_time=in_time)

    found = stored(store)
    assert [m.case for m in measurements] == list(CASES)
    assert (found[STANDARD].status, found[STANDARD].error) == (status, error)
    assert found[SPATIALLY].status is Status.FAILED


def test_a_resumed_recorder_knows_all_that_the_first_one_did(store):
    first = begin(store)
    first.keep_plan([Slot(STANDARD, 2, 4, 1e-3, ring=1, arm=BASE)], 8)
    first.keep_facts(DEPTHWISE, Facts({"allocations": 3.0}, {"peak_memory_bytes": "not here"}))
    first.keep_failure(OWN, Status.TIMED_OUT, "too slow")
    for number in (1, 2):
        first.keep_blocks(*ring(DEPTHWISE, number, 4.0, ring=1))
        first.keep_blocks(*ring(SPATIALLY, number, 2.0, ring=2))
    first.end_pass(1)
    first.end_pass(2)
    told = stored(store)

    again = Recorder.resume(store, 1, precision=PRECISION)

    assert recorder_view(again) == told == stored(store)
    again.keep_blocks(*ring(DEPTHWISE, 3, 4.0, ring=1))
    again.end_pass(3)
    found = stored(store)[DEPTHWISE]
    assert found.passes == 3
    assert found.values["allocations"].value == 3
    assert found.unsupported == {"peak_memory_bytes": "not here"}
    assert stored(store)[OWN].status is Status.TIMED_OUT


def test_resuming_judges_what_was_stored_just_before_the_end(store):
    first = begin(store)
    first.keep_blocks(*ring(DEPTHWISE, 1, 4.0))  # killed before the pass ended

    Recorder.resume(store, 1, precision=PRECISION)

    assert stored(store)[DEPTHWISE].values["realised_speedup"].value == pytest.approx(4.0)


def test_the_plan_is_stored_with_its_passes_and_grows_without_them(store):
    recorder = begin(store)

    recorder.keep_plan([Slot(STANDARD, 2, 4, 1e-3, ring=1)], 8)
    recorder.keep_plan([Slot(DEPTHWISE, 2, 4, 1e-3, ring=2)], None)

    assert [slot.case for slot in store.plan(1)] == [STANDARD, DEPTHWISE]
    assert store.find_run("1").passes == 8


class Listing(Watcher):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def begin_pass(self, number: int, slots: Sequence[Slot]) -> None:
        self.seen.append(f"pass {number}")

    def keep_blocks(self, *blocks: Block) -> None:
        self.seen.append(f"{len(blocks)} blocks")

    def keep_failure(self, case: Case, status: Status, error: str) -> None:
        self.seen.append(error)


def test_who_watches_is_told_what_is_kept(store):
    watcher = Listing()
    recorder = begin(store, watcher)

    recorder.begin_pass(1, [])
    recorder.keep_visit(STANDARD)
    recorder.keep_blocks(*ring(DEPTHWISE, 1, 4.0))
    recorder.keep_failure(OWN, Status.FAILED, "it broke")

    assert watcher.seen == ["pass 1", "2 blocks", "it broke"]
