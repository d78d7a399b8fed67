"""What somebody has acknowledged, carried over to later comparisons of the same work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sepconv.comparison import Acknowledgement, Compared, Comparison

TOPIC = "topic"  # of a comparison's conditions: the pull request or branch that head is of


def carry_over(comparison: Comparison, earlier: Sequence[Comparison]) -> Comparison:
    """The comparison, with what was acknowledged in earlier ones of the same base and topic.

    The newest word about a case counts, be it a withdrawal. A change that has become larger
    than what was acknowledged is not covered: its whole interval lies above that one's. With
    another base nothing is carried over: then the change is part of base, or base is unknown.
    """
    words = [
        (one, case)
        for one in earlier
        if one.uid != comparison.uid and _is_same_work(one, comparison)
        for case in one.cases
        if case.acknowledged is not None
    ]
    cases = [replace(case, acknowledged=_covering(case, words)) for case in comparison.cases]
    return replace(comparison, cases=cases)


def _covering(
    case: Compared, words: Iterable[tuple[Comparison, Compared]]
) -> Acknowledgement | None:
    if not case.is_alarm:
        return case.acknowledged
    own = [
        (said.acknowledged, said, one.uid)
        for one, said in words
        if said.acknowledged is not None
        and (said.base.identity, said.head.identity) == (case.base.identity, case.head.identity)
    ]
    if not own:
        return None
    word, said, uid = max(own, key=lambda each: (each[0].at, each[0].carried_from is None))
    if word.is_withdrawn or _is_beyond(case, said):
        return None
    return replace(word, carried_from=word.carried_from or uid)


def _is_beyond(case: Compared, said: Compared) -> bool:
    return case.low is not None and said.high is not None and case.low > said.high


def _is_same_work(one: Comparison, other: Comparison) -> bool:
    """The same base, and the same pull request or branch; without a name, the same head."""
    if _commit(one, "base") is None or _commit(one, "base") != _commit(other, "base"):
        return False
    if any(
        getattr(one, side).settings != getattr(other, side).settings for side in ("base", "head")
    ):
        return False
    topic = other.conditions.get(TOPIC)
    if topic is None:
        return _commit(one, "head") == _commit(other, "head")
    return bool(one.conditions.get(TOPIC) == topic)


def _commit(comparison: Comparison, side: str) -> str | None:
    revision = getattr(comparison, side).revision
    return None if revision is None else str(revision.commit)
