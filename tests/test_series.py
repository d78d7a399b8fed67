"""What an occasion is made of, and what a series gives to a detector."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sepconv.comparison import Contender
from sepconv.record import Status
from sepconv.run import Run
from sepconv.series import Occasion
from tests.judge.nights import ENVIRONMENT, MACHINE, night, revision_of, series_of


def test_the_occasion_of_a_run_is_its_time_place_and_commit() -> None:
    run = Run(
        uid="a1",
        suite="nightly",
        started_at="2026-11-03T02:00:00+00:00",
        machine=MACHINE,
        environment=ENVIRONMENT,
        revision=revision_of(3),
        branch="main",
        dirty=True,
        conditions={"kernel": "6.1"},
        id=7,
    )

    assert Occasion.of_run(run) == Occasion(
        uid="a1",
        number=7,
        started_at="2026-11-03T02:00:00+00:00",
        machine=MACHINE,
        environment=ENVIRONMENT,
        revision=revision_of(3),
        branch="main",
        dirty=True,
        reference=None,
        conditions={"kernel": "6.1"},
    )


def test_the_occasion_of_a_comparison_is_that_of_head_divided_by_base() -> None:
    done = night(5, {}, reference=revision_of(2), id=9, conditions={"kernel": "6.1"})

    found = Occasion.of_comparison(done)

    assert (found.uid, found.number, found.started_at) == (done.uid, 9, done.started_at)
    assert (found.revision, found.reference) == (revision_of(5), revision_of(2))
    assert (found.branch, found.dirty, found.environment) == ("main", False, ENVIRONMENT)
    assert (found.machine, found.conditions) == (MACHINE, {"kernel": "6.1"})


def test_a_comparison_that_never_knew_its_environment_is_no_occasion() -> None:
    killed = replace(night(5, {}), head=Contender("HEAD", revision_of(5)))

    with pytest.raises(ValueError, match=f"comparison {killed.uid} has no environment"):
        Occasion.of_comparison(killed)


def test_the_commit_of_an_occasion_is_that_of_its_revision_if_it_has_one() -> None:
    occasion = Occasion.of_comparison(night(5, {}))

    assert occasion.commit == revision_of(5).commit
    assert replace(occasion, revision=None).commit is None


def test_the_values_of_a_series_are_one_per_point() -> None:
    series = series_of([1.0, None, 1.2])

    assert series.values == (1.0, None, 1.2)
    assert series.points[1].status is Status.FAILED
