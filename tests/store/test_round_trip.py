from __future__ import annotations

import json
from dataclasses import replace
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sepconv.case import Case
from sepconv.ratio import LogRatio, Pair
from sepconv.record import Block, Estimate, Measurement, Round, Status
from sepconv.run import Run
from sepconv.store import Store
from sepconv.store.text import ERROR_LIMIT, clean_error, clean_text, json_text, utc_text

anything = st.text(st.characters(exclude_categories=[]))  # NUL and lone surrogates too
nanoseconds = st.integers(0, 10**13)
seconds = nanoseconds.map(lambda ns: ns / 1e9)
counters = st.none() | st.integers(0, 2**50)  # their sum has to fit into 64 bits
rounds = st.builds(Round, seconds, seconds, st.none() | seconds, counters, counters)
finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | finite | anything
cases = st.builds(
    Case,
    conv_type=anything.filter(str.strip),
    in_channels=st.integers(1, 10**9),
    out_channels=st.integers(1, 10**9),
    height=st.integers(9, 512),
    width=st.integers(9, 512),
    kernel_size=st.sampled_from([1, 3, (3, 1)]),
    padding=st.sampled_from(["auto", "valid", 1, (1, 0)]),
    options=st.dictionaries(anything, scalars, max_size=3),
)
blocks = st.builds(
    Block,
    case=cases,
    pass_number=st.integers(0, 2**31),
    calls=st.integers(1, 10**6),
    rounds=st.lists(rounds, min_size=1, max_size=40).map(tuple),
    first_call_s=seconds,
    warmup_s=seconds,
    started_at=st.datetimes().map(lambda time: time.isoformat() + "+00:00"),
    ring=st.integers(0, 9),
    throttled=st.none() | anything.map(clean_text),
    arm=anything.map(clean_text),
)
estimates = st.builds(Estimate, finite, st.none() | finite, st.none() | finite)
measurements = st.builds(
    Measurement,
    case=cases,
    status=st.sampled_from(Status),
    error=st.none() | anything,
    values=st.dictionaries(anything.map(clean_text), estimates, max_size=4),
    passes=st.integers(0, 99),
)
ratios = st.builds(LogRatio, finite, st.none() | finite, finite, finite)
pairs = st.builds(
    Pair,
    ring=st.integers(0, 9),
    pass_number=st.integers(0, 2**31),
    base=cases,
    head=cases,
    count=st.integers(1, 10**6),
    cpu=ratios,
    wall=ratios,
    server=st.integers(0, 9),
)
on_every_store = settings(
    max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
uids = count()


@on_every_store
@given(block=blocks)
def test_a_block_comes_back_exactly(store: Store, run: Run, block: Block) -> None:
    number = store.begin_run(replace(run, uid=f"block {next(uids)}"))

    store.add_block(number, block)

    [found] = store.blocks(number)
    assert found.rounds == block.rounds
    assert found.summary == block.summary()
    assert found.case.identity == block.case.identity
    assert (found.started_at, found.arm, found.ring) == (block.started_at, block.arm, block.ring)


@on_every_store
@given(pair=pairs)
def test_a_pair_comes_back_exactly(store: Store, run: Run, pair: Pair) -> None:
    number = store.begin_run(replace(run, uid=f"pair {next(uids)}"))

    store.add_block(number, pair=pair)

    [found] = store.pairs(number)
    assert found.base.identity == pair.base.identity
    assert found.head.identity == pair.head.identity
    assert found == replace(pair, base=found.base, head=found.head)


@on_every_store
@given(measurement=measurements)
def test_a_measurement_comes_back_but_for_what_no_database_keeps(
    store: Store, run: Run, measurement: Measurement
) -> None:
    number = store.begin_run(replace(run, uid=f"measurement {next(uids)}"))

    store.put_measurements(number, [measurement])

    [found] = store.measurements(number)
    assert found.case.identity == measurement.case.identity
    assert found == replace(measurement, case=found.case, error=clean_error(measurement.error))


@given(error=anything, length=st.integers(0, 3 * ERROR_LIMIT))
def test_an_error_is_cut_from_the_front(error: str, length: int) -> None:
    long = "x" * length + error

    kept = clean_error(long)

    assert kept is not None
    assert len(kept.encode()) <= ERROR_LIMIT
    assert "\0" not in kept
    assert clean_text(long).endswith(kept.removeprefix("…"))
    assert clean_error(kept) == kept


@given(
    plain=st.recursive(
        scalars | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(anything, inner)
    )
)
def test_json_never_holds_what_a_database_refuses(plain: object) -> None:
    text = json_text(plain)

    assert "\\u0000" not in text.replace("\\\\", "")
    assert text.encode()
    assert json.dumps(json.loads(text), allow_nan=False)


def test_times_are_stored_in_utc() -> None:
    assert utc_text("2026-03-01T12:00:00+02:00") == "2026-03-01T10:00:00+00:00"
    assert utc_text("2026-03-01T12:00:00Z") == "2026-03-01T12:00:00+00:00"
    assert utc_text("2026-03-01T12:00:00") == "2026-03-01T12:00:00+00:00"
    assert utc_text("a while ago") == "a while ago"
