"""What people read of a comparison: the verdict first, and never more than was shown."""

from dataclasses import replace

import pytest

from sepconv.case import Case
from sepconv.comparison import Compared, Comparison, Contender, Detail, LeftOut, Outcome
from sepconv.judge.track_record import track_record
from sepconv.report.verdict import (
    describe_gaps,
    describe_method,
    describe_verdict,
    explaining_command,
    format_change,
    format_details,
    reproducing_command,
)
from sepconv.run import Machine, Revision

CASE = Case(conv_type="standard", in_channels=8, out_channels=8, height=14, width=14)
REVISION = Revision("c0ffee" + "0" * 34, (), "2026-03-01T09:00:00+00:00", "", "Subject")
METHOD = {"screen_passes": 8, "alpha": 0.01, "margin": 0.01, "floor": 0.004}


def compared(outcome, ratio=1.0, low=0.99, high=1.01, ring=1, **fields):
    return Compared(
        ring, CASE, CASE, outcome, ratio=ratio, low=low, high=high, passes=8, detectable=0.02,
        **fields,
    )  # fmt: skip


def comparison(*outcomes, **fields):
    cases = [
        one if isinstance(one, Compared) else compared(one, ring=ring)
        for ring, one in enumerate(outcomes, 1)
    ]
    return Comparison(
        uid="u",
        suite="tiny",
        started_at="2026-03-01T10:00:00+00:00",
        machine=Machine("Some CPU", "x86_64", 2, 4, 16),
        base=Contender("main", REVISION, dirty=False),
        head=Contender("the working tree", REVISION, dirty=True),
        cases=cases,
        **{"state": "done", "method": METHOD} | fields,
    )


SLOWER = compared(Outcome.SLOWER, 1.051, 1.042, 1.060)


def test_the_first_line_says_how_much_slower_where_and_what_to_type():
    line = describe_verdict(
        comparison(SLOWER, Outcome.SAME, conditions={"asked": ["main", "--suite", "a b.toml"]})
    )

    assert line == (
        "Slower: 1 case of 2, at most 5.1 % slower [4.2, 6.0] (standard-8-14x14-k3-s1-b1-cpu). "
        "Why: sepconv compare main --suite 'a b.toml' --explain standard-8-14x14-k3-s1-b1-cpu"
    )


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([Outcome.SAME, Outcome.SAME], "The same: no change in any of 2 cases."),
        ([Outcome.SAME], "The same: no change in 1 case."),
        ([Outcome.SAME, Outcome.UNDECIDED], "No change was found in 2 cases (1 undecided)."),
        ([Outcome.UNDECIDED], "Nothing could be decided of 1 case (1 undecided)."),
        ([Outcome.NEW, Outcome.MISSING], "Nothing could be decided of 2 cases (1 new, 1 missing)."),
        ([], "Could not compare anything: no case was left."),
    ],
)
def test_without_a_change_it_says_what_was_shown_and_what_was_not(outcomes, said):
    assert describe_verdict(comparison(*outcomes)) == said


def test_what_could_not_be_measured_is_louder_than_what_is_faster():
    failed = compared(Outcome.FAILED, reason="head: crashed: killed by SIGSEGV\nmore")
    faster = compared(Outcome.FASTER, 0.8, 0.79, 0.81)

    line = describe_verdict(comparison(faster, failed))

    assert line == "Could not measure 1 case of 2: head: crashed: killed by SIGSEGV"


def test_a_slowdown_is_louder_than_what_could_not_be_measured():
    failed = compared(Outcome.FAILED, reason="head: failed")

    assert describe_verdict(comparison(failed, SLOWER)).startswith("Slower: 1 case of 2")


def test_an_interrupted_comparison_concludes_nothing():
    line = describe_verdict(comparison(SLOWER, state="interrupted"))

    assert line.startswith("Interrupted")
    assert "slower" not in line.lower()


def test_where_no_code_changed_it_says_of_which_conv_types():
    line = describe_verdict(comparison(unchanged=["standard", "depthwise_separable"]))

    assert line == "Nothing to compare: the code of standard, depthwise separable did not change."


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (SLOWER, "5.1 % slower [4.2, 6.0]"),
        (compared(Outcome.FASTER, 0.90, 0.88, 0.92), "10 % faster [8.0, 12.0]"),
        (compared(Outcome.SAME, 1.002, 0.995, 1.009), "+0.2 % [-0.5, +0.9]"),
        (compared(Outcome.UNDECIDED, 1.013, 1.002, 1.024), "+1.3 % [+0.2, +2.4]"),
        (compared(Outcome.UNDECIDED, 1.03, None, None), "+3.0 %"),
        (compared(Outcome.NEW, None, None, None), "–"),
    ],
)
def test_a_change_is_told_with_its_interval(case, said):
    assert format_change(case) == said


def test_details_are_words():
    case = replace(SLOWER, details=(Detail.TAIL_CHANGED, Detail.ALLOCATES_MORE))

    assert format_details(case) == "only some calls, not most; allocates more"


def test_the_method_names_the_odds_the_margin_and_what_no_change_looked_like():
    line = describe_method(comparison(SLOWER, Outcome.SAME, timing={"timed_s": 61.0}))

    assert "odds of a false alarm in all cases together ≤ 1.0 %" in line
    assert "alarm beyond 1.0 %" in line
    assert "base against itself: within 0.40 %" in line
    assert "a change of 2.0 % would have shown in half of the cases" in line
    assert line.endswith("1 min 1 s")


def test_several_threads_are_not_told_to_have_run_on_one_core():
    threads = replace(CASE, threads=2)
    several = comparison(replace(SLOWER, base=threads, head=threads))

    assert "in turns on the same cores" in describe_method(several)
    assert "in turns on one core" in describe_method(comparison(SLOWER))


def test_gaps_are_counted_by_their_reason():
    left = [LeftOut(CASE, "no time"), LeftOut(CASE, "no time"), LeftOut(CASE, "no such device")]

    lines = describe_gaps(comparison(SLOWER, left_out=left, unchanged=["depthwise_separable"]))

    assert lines == [
        "skipped, as the code did not change: depthwise separable",
        "left out: 2 cases: no time",
        "left out: 1 case: no such device",
    ]


def test_two_sides_of_the_same_code_are_told_so_unless_a_setting_differs():
    same = comparison(Outcome.SAME, conditions={"same_code": ["standard"]})
    setting = replace(same, head=replace(same.head, settings={"threads": "2"}))

    assert describe_gaps(same) == [
        "the code of any conv type here is the same on both sides (--changed skips it)"
    ]
    assert describe_gaps(setting) == []


def test_the_explaining_command_is_quoted_for_the_shell():
    own = replace(SLOWER, head=replace(CASE, conv_type="it's; rm -rf"))

    command = explaining_command(comparison(own), own)

    assert command.startswith("sepconv compare --explain ")
    assert "'it'\"'\"'s; rm -rf-8" in command


def test_a_row_is_measured_again_within_what_was_asked_for():
    stride = replace(SLOWER, ring=2, base=replace(CASE, stride=2), head=replace(CASE, stride=2))
    asked = ["main", "--where", "batch_size=1 or threads=2", "--budget", "60s", "--changed"]
    told = comparison(SLOWER, stride, conditions={"asked": asked})

    command = reproducing_command(told, stride)

    assert command == (
        "sepconv compare main --where "
        "'(batch_size=1 or threads=2) and conv_type=standard and stride=2'"
    )


def test_a_track_record_counts_what_was_decided_and_its_balance():
    faster = compared(Outcome.FASTER, 0.9, 0.89, 0.91)
    record = track_record(
        [
            comparison(SLOWER, Outcome.SAME, timing={"timed_s": 4.0}),
            comparison(faster, Outcome.UNDECIDED, method=METHOD | {"floor": 0.01}),
            comparison(Outcome.NEW, method={}),
            comparison(SLOWER, state="interrupted"),
        ]
    )

    assert (record.comparisons, record.interrupted, record.cases) == (3, 1, 5)
    assert (record.judged, record.red) == (4, 1)
    assert record.outcomes[Outcome.SLOWER] == record.outcomes[Outcome.FASTER] == 1
    assert (record.floor, record.worst_floor) == (0.007, 0.01)
    assert record.case_s == pytest.approx(4.0 / 5)


def test_the_record_of_nothing_is_empty():
    record = track_record([])

    assert (record.comparisons, record.floor, record.detectable, record.case_s) == (
        0,
        None,
        None,
        None,
    )
