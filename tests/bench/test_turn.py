"""Two real threads with a real socket between them, as two workers have."""

import socket
import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.bench.turn import ARMS, Baton, RingBroken, schedule
from sepconv.record import BASE, HEAD


@given(st.integers(1, 60), st.integers(0, 2**32))
def test_both_arms_warm_up_and_then_get_the_same_number_of_rounds(rounds, seed):
    order = schedule(rounds, seed)

    assert sorted(order[:2]) == sorted(ARMS)
    assert Counter(order[2:]) == {BASE: rounds, HEAD: rounds}


@given(st.integers(1, 30), st.integers(0, 2**32))
def test_every_quad_is_balanced_so_that_a_drift_within_it_cancels(quads, seed):
    turns = schedule(2 * quads, seed)[2:]

    for start in range(0, len(turns), 4):
        quad = turns[start : start + 4]
        places = {arm: sum(i for i, other in enumerate(quad) if other == arm) for arm in ARMS}
        assert places[BASE] == places[HEAD]


def test_which_arm_begins_a_visit_is_a_coin_that_the_seed_decides():
    first = [schedule(2, seed)[2] for seed in range(100)]

    assert schedule(40, 7) == schedule(40, 7)
    assert 25 < first.count(BASE) < 75


@pytest.fixture
def sockets():
    pair = socket.socketpair()
    yield pair
    for end in pair:
        end.close()


def batons(sockets, timeout_s: float = 5.0, accuse=lambda ring: None) -> list[Baton]:
    """One for each arm."""
    return [
        Baton(end, arm, timeout_s=timeout_s, accuse=accuse)
        for end, arm in zip(sockets, ARMS, strict=True)
    ]


def take_turns(baton: Baton, done: list[str], rounds: int, failing: int | None = None) -> None:
    turns = baton.visit(1, 0, rounds=rounds, seed=3)
    turns.meet()
    for place in range(rounds + 1):
        turns.await_turn()
        if place == failing:
            baton.give_up(1, 0)
            return
        done.append(baton.arm)
        turns.pass_on()


def test_the_arms_run_in_the_order_of_the_schedule(sockets):
    base, head = batons(sockets)
    done: list[str] = []
    other = threading.Thread(target=take_turns, args=(head, done, 20))
    other.start()

    take_turns(base, done, 20)

    other.join()
    assert tuple(done) == schedule(20, hash((3, 1, 0)))


def test_an_arm_that_gives_up_breaks_the_other_ones_visit(sockets):
    base, head = batons(sockets)
    other = threading.Thread(target=take_turns, args=(head, [], 20, 5))
    other.start()

    with pytest.raises(RingBroken):
        take_turns(base, [], 20)

    other.join()


def test_what_was_said_of_an_earlier_visit_is_not_taken_for_this_one(sockets):
    base, head = batons(sockets)
    head.give_up(1, 0)
    head.give_up(2, 0)
    second = threading.Thread(target=lambda: head.visit(1, 1, rounds=2, seed=0).meet())
    second.start()

    base.visit(1, 1, rounds=2, seed=0).meet()

    second.join()


def test_an_arm_that_waits_too_long_accuses_the_other_one(sockets):
    accused: list[int] = []
    waits = threading.Event()

    class Accused(Exception):
        pass

    def accuse(ring: int) -> None:
        accused.append(ring)
        waits.set()
        raise Accused

    base, head = batons(sockets, timeout_s=0.1, accuse=accuse)
    other = threading.Thread(target=lambda: head.visit(4, 0, rounds=2, seed=0).meet())
    other.start()
    turns = base.visit(4, 0, rounds=2, seed=0)
    turns.meet()
    other.join()

    with pytest.raises(Accused):
        base.expect(b"g", 4, 0)

    assert accused == [4]
