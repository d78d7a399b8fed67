"""The order of a history: that of its commits, whatever the clocks say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sepconv.judge.timeline import Timeline, main_history
from sepconv.run import Revision
from sepconv.series import Occasion
from tests.judge.nights import ENVIRONMENT, MACHINE, START, commit_of, revision_of, revisions


def dated(number: int, day: int, parents: list[int] | None = None) -> Revision:
    """A commit whose clock says another day than its number."""
    at = (START + timedelta(days=day)).isoformat(timespec="seconds")
    return replace(revision_of(number, parents), committed_at=at)


def measured(
    revision: Revision | None,
    day: int | None = None,
    *,
    branch: str | None = "main",
    dirty: bool | None = False,
    uid: str | None = None,
) -> Occasion:
    """An occasion on that day; on the day of its commit unless another is named."""
    number = int(revision.commit, 16) if revision else 0
    day = number if day is None else day
    at = (START + timedelta(days=day)).isoformat(timespec="seconds")
    own = uid or f"night {day} of {number}"
    return Occasion(own, None, at, MACHINE, ENVIRONMENT, revision, branch, dirty)


def order_of(history: list[Occasion]) -> list[int]:
    return [int(each.commit, 16) if each.commit else -1 for each in history]


@st.composite
def graphs(draw: st.DrawFn) -> list[Revision]:
    """Commits, each with any older ones as parents, some of which are not known; any clocks."""
    count = draw(st.integers(1, 25))
    found = []
    for number in range(count):
        parents = draw(st.lists(st.integers(0, number - 1), max_size=3)) if number else []
        found.append(dated(number, draw(st.integers(0, 30)), parents))
    kept = draw(st.lists(st.sampled_from(found), unique=True, min_size=1))
    return draw(st.permutations(kept))


@given(graphs())
def test_of_any_graph_parents_come_before_children_and_every_commit_has_its_place(
    known: list[Revision],
) -> None:
    ranks = Timeline(known).ranks

    assert sorted(ranks.values()) == list(range(len(known)))
    assert set(ranks) == {each.commit for each in known}
    for child in known:
        for parent in child.parents:
            assert parent not in ranks or ranks[parent] < ranks[child.commit]


@given(graphs(), st.randoms())
def test_the_order_is_the_same_in_whatever_order_the_commits_become_known(
    known: list[Revision], chance: object
) -> None:
    shuffled = list(known)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    assert Timeline(shuffled).ranks == Timeline(known).ranks


@given(graphs())
def test_what_leads_to_a_commit_is_told_as_far_as_it_is_known(known: list[Revision]) -> None:
    timeline = Timeline(known)
    by_commit = {each.commit: each for each in known}

    for tip in known:
        chain = timeline.first_parents(tip.commit)
        assert chain[0] == tip
        assert all(child.parents[0] == parent.commit for child, parent in pairwise(chain))
        assert not chain[-1].parents or chain[-1].parents[0] not in by_commit
        ancestors = timeline.ancestors(tip.commit)
        assert {each.commit for each in chain} <= ancestors <= set(by_commit)


@given(graphs())
def test_what_comes_from_a_commit_is_what_has_it_among_its_ancestors(
    known: list[Revision],
) -> None:
    timeline = Timeline(known)

    for base in known:
        assert timeline.descendants([base.commit]) == {
            each.commit for each in known if base.commit in timeline.ancestors(each.commit)
        }
        assert timeline.descendants([base.commit], by_first_parents=True) == {
            each.commit for each in known if base in timeline.first_parents(each.commit)
        }


def test_clocks_that_lie_do_not_change_the_order_of_commits() -> None:
    known = [dated(number, 100 - number) for number in range(5)]

    assert list(Timeline(known).ranks) == [commit_of(number) for number in range(5)]


def test_a_clock_decides_between_commits_of_which_neither_comes_from_the_other() -> None:
    known = [dated(0, 0), dated(1, 5, [0]), dated(2, 3, [0]), dated(3, 4, [1, 2])]

    assert list(Timeline(known).ranks) == [commit_of(number) for number in (0, 2, 1, 3)]


def test_a_merge_comes_after_all_that_it_brings_in_though_a_parent_is_named_twice() -> None:
    known = [revision_of(0), dated(1, 9, [0]), dated(2, 1, [0]), dated(3, 2, [2, 1, 2])]

    assert list(Timeline(known).ranks) == [commit_of(number) for number in (0, 2, 1, 3)]


def test_what_lies_behind_a_gap_is_ordered_by_the_clock() -> None:
    known = [revision_of(1, []), revision_of(2), revision_of(6), revision_of(7)]

    assert list(Timeline(known).ranks) == [commit_of(number) for number in (1, 2, 6, 7)]


def test_first_parents_and_ancestors_of_an_unknown_commit_are_none() -> None:
    timeline = Timeline(revisions(2))

    assert timeline.first_parents(commit_of(9)) == []
    assert timeline.ancestors(commit_of(9)) == set()


def test_the_range_between_two_commits_is_told_oldest_first() -> None:
    timeline = Timeline(revisions(6))

    found = timeline.between(commit_of(2), commit_of(5))

    assert [each.subject for each in found] == ["commit 3", "commit 4", "commit 5"]


def test_between_two_commits_a_merge_stands_for_what_it_brought_in() -> None:
    known = [*revisions(3), revision_of(4, [2]), revision_of(5, [3, 4])]
    timeline = Timeline(known)

    found = timeline.between(commit_of(2), commit_of(5))

    assert [each.subject for each in found] == ["commit 3", "commit 5"]


def test_between_a_commit_and_itself_or_an_unknown_one_lies_nothing() -> None:
    timeline = Timeline(revisions(3))

    assert timeline.between(commit_of(2), commit_of(2)) == []
    assert timeline.between(commit_of(2), commit_of(9)) == []


def test_where_the_graph_does_not_lead_there_only_the_later_commit_is_known() -> None:
    shallow = Timeline([revision_of(1), revision_of(5), revision_of(6)])

    assert shallow.between(commit_of(1), commit_of(6)) == [revision_of(6)]
    assert shallow.between(commit_of(6), commit_of(1)) == [revision_of(1)]


def test_old_commits_that_were_measured_later_take_their_place() -> None:
    known = revisions(6)
    nights = [measured(known[1]), measured(known[5]), measured(known[3], 20, branch=None)]

    assert order_of(main_history(nights, Timeline(known))) == [1, 3, 5]


def test_several_nights_of_one_commit_are_in_the_order_of_the_clock() -> None:
    known = revisions(3)
    nights = [measured(known[2], 9), measured(known[3], 8), measured(known[2], 4)]

    found = main_history(nights, Timeline(known))

    assert [each.uid for each in found] == ["night 4 of 2", "night 9 of 2", "night 8 of 3"]


def test_trees_with_changes_that_were_not_committed_are_left_out() -> None:
    known = revisions(3)
    nights = [measured(known[1], dirty=None), measured(known[2], dirty=True), measured(known[3])]

    assert order_of(main_history(nights, Timeline(known))) == [1, 3]


def test_side_branches_are_left_out_also_once_they_were_merged() -> None:
    known = [*revisions(4), revision_of(5, [2]), revision_of(6, [4, 5]), revision_of(7, [3])]
    nights = [
        *(measured(known[number]) for number in (1, 2, 3, 4)),
        measured(known[5], branch="feature"),  # merged by commit 6
        measured(known[6]),
        measured(known[7], branch=None),  # never merged
    ]

    assert order_of(main_history(nights, Timeline(known))) == [1, 2, 3, 4, 6]


def test_the_default_branch_is_the_one_that_is_usually_called_so() -> None:
    """A feature branch has the newest commit; the nights of main are the history."""
    known = [*revisions(3), revision_of(9, [3])]
    nights = [measured(known[2]), measured(known[3]), measured(known[4], branch="feature")]

    assert order_of(main_history(nights, Timeline(known))) == [2, 3]


def test_a_branch_as_a_clone_names_it_is_the_same_one() -> None:
    known = [*revisions(3), revision_of(9, [3])]
    nights = [
        measured(known[2], branch="origin/master"),
        measured(known[3], branch="master"),
        measured(known[4], branch="origin/feature"),
    ]

    assert order_of(main_history(nights, Timeline(known))) == [2, 3]


def test_where_no_branch_is_called_so_the_newest_commit_tells_the_history() -> None:
    known = [*revisions(3), revision_of(4, [2])]
    nights = [measured(each, branch="work") for each in known]

    assert order_of(main_history(nights, Timeline(known))) == [0, 1, 2, 4]


def test_detached_heads_are_told_apart_by_the_graph_alone() -> None:
    """As a continuous integration checks them out: nobody says which branch it is."""
    known = [*revisions(3), dated(4, 1, [1]), revision_of(5, [3, 4])]
    nights = [measured(each, branch=None) for each in known]

    assert order_of(main_history(nights, Timeline(known))) == [0, 1, 2, 3, 5]


def test_detached_heads_that_are_built_on_the_branch_go_on_with_its_history() -> None:
    """Somebody tried it on main, then the continuous integration took over."""
    known = [*revisions(5), revision_of(6, [1])]
    nights = [
        measured(known[2], branch="main"),
        *(measured(known[number], branch=None) for number in (3, 4, 5, 6)),
    ]

    assert order_of(main_history(nights, Timeline(known))) == [2, 3, 4, 5]


def test_where_every_clone_is_of_one_commit_alone_no_night_is_lost() -> None:
    """git says of the oldest commit of a shallow clone that it has no parents."""
    known = [revision_of(number, []) for number in range(5)]
    nights = [measured(each) for each in reversed(known)]

    assert order_of(main_history(nights, Timeline(known))) == [0, 1, 2, 3, 4]


def test_behind_the_gap_of_a_shallow_clone_the_name_of_the_branch_decides() -> None:
    known = [revision_of(1), revision_of(2), revision_of(8, []), revision_of(9)]
    nights = [
        measured(known[0]),
        measured(known[1], branch="feature"),
        measured(known[2]),
        measured(known[3]),
        measured(revision_of(4), branch=None),  # not even in the graph
    ]

    assert order_of(main_history(nights, Timeline(known))) == [4, 1, 8, 9]


def test_behind_a_gap_where_no_branch_has_a_name_all_is_kept() -> None:
    known = [revision_of(1), revision_of(8, []), revision_of(9)]
    nights = [measured(each, branch=branch) for each, branch in zip(known, "abc", strict=True)]

    assert order_of(main_history(nights, Timeline(known))) == [1, 8, 9]


def test_a_fork_of_a_shallow_clone_is_left_out_like_any_other() -> None:
    known = [revision_of(7), revision_of(8), revision_of(9, [7]), revision_of(10, [8])]
    nights = [measured(each, branch=None) for each in known]

    assert order_of(main_history(nights, Timeline(known))) == [7, 8, 10]


def test_what_main_was_before_it_was_pushed_by_force_is_left_out() -> None:
    known = [*revisions(5), dated(13, 13, [2]), dated(14, 14, [13])]
    nights = [measured(each) for each in known]

    assert order_of(main_history(nights, Timeline(known))) == [0, 1, 2, 13, 14]


def test_what_has_no_commit_is_where_the_clock_puts_it() -> None:
    known = revisions(3)
    nights = [
        measured(known[1]),
        measured(known[3]),
        measured(None, 5, uid="after all"),
        measured(None, 2, uid="between"),
        measured(None, 0, uid="before all"),
    ]

    found = main_history(nights, Timeline(known))

    assert [each.uid for each in found] == [
        "before all",
        "night 1 of 1",
        "between",
        "night 3 of 3",
        "after all",
    ]


def test_what_has_no_commit_does_not_follow_old_commits_that_were_measured_late() -> None:
    """The newest occasion stays the newest, whatever was measured of long ago."""
    known = revisions(5)
    nights = [measured(known[1], 9, branch=None), measured(known[4]), measured(known[5])]

    found = main_history([*nights, measured(None, 10), measured(None, 4)], Timeline(known))

    assert order_of(found) == [1, 4, -1, 5, -1]


def test_without_git_the_clock_alone_tells_the_order() -> None:
    nights = [measured(None, day, branch=None, dirty=None) for day in (3, 1, 2)]

    found = main_history(nights, Timeline([]))

    assert [each.uid for each in found] == ["night 1 of 0", "night 2 of 0", "night 3 of 0"]


def test_of_nothing_the_history_is_empty() -> None:
    assert main_history([], Timeline([])) == []
    assert Timeline([]).ranks == {}


def test_of_commits_that_the_graph_does_not_know_the_newest_night_tells_the_history() -> None:
    nights = [measured(revision_of(number), 10 - number, branch=None) for number in (3, 7)]

    assert order_of(main_history(nights, Timeline([]))) == [7, 3]
