"""Events in words: every number in a sentence is one of the event."""

import html
import json
import re
from dataclasses import replace
from math import exp, log

import pytest

from sepconv.event import EventKind, EventState
from sepconv.report.change import format_ratio_change, format_signed, pooled_interval
from sepconv.report.event import (
    balance,
    describe_balance,
    describe_event,
    describe_state,
    event_plain,
    events_markdown,
    in_order,
)
from sepconv.report.occurrence import describe_change, region
from sepconv.report.region import describe_region
from tests.report.event_sample import (
    CASES,
    changed,
    commit,
    event,
    note,
    revision,
    upgrade,
    workload,
)
from tests.report.sample import HOSTILE, make_case

ESCAPES = "\x1b[2J\x9b31m\u202e\nnext"


def test_an_event_is_one_line_with_size_place_commit_day_and_state():
    assert describe_event(event()) == (
        "slower by 5.0 % [4.0, 6.0 %] in 3 cases of depthwise separable, channels 64–256, "
        "resolution 56, stride 2, since 0303030303 “Make it “better” on 2026-11-03; "
        "confirmed: seen in 2 nights"
    )


def test_faster_is_told_without_a_sign_and_its_interval_ascends():
    found = describe_change(event(changed(CASES[0], 0.9), direction="faster"))

    assert found.startswith("faster by 10.0 % [9.0, 11.0 %] in 1 case of")


def test_an_interval_that_reaches_beyond_no_change_says_so():
    assert "slower by 1.2 % [−0.8, 3.2 %]" in describe_change(
        event(changed(CASES[0], 1.012, half=0.02))
    )


def test_the_mean_of_equal_members_has_their_interval():
    members = [changed(case, 1.05, half=0.02) for case in CASES]

    low, high = pooled_interval(members)

    assert (low, high) == pytest.approx((1.03, 1.07))


def test_the_interval_of_a_mean_holds_the_mean_and_is_as_wide_as_its_members_in_the_mean():
    members = [changed(CASES[0], 1.02, half=0.01), changed(CASES[1], 1.10, half=0.05)]

    low, high = pooled_interval(members)

    assert low < event(*members).mean_ratio < high
    widths = [log(m.high / m.low) for m in members]
    assert log(high / low) == pytest.approx(sum(widths) / 2)
    assert low == pytest.approx(exp((log(1.01) + log(1.05)) / 2))


def test_without_the_interval_of_every_member_there_is_none():
    members = [changed(CASES[0]), changed(CASES[1], half=None)]

    assert pooled_interval(members) is None
    assert "slower by 5.0 % in 2 cases" in describe_change(event(*members))


def test_a_range_of_commits_can_be_given_to_git():
    commits = [revision(number) for number in (3, 4, 5)]

    found = describe_change(event(commits=commits))

    assert found.endswith("since one of the 3 commits 0202020202..0505050505, on 2026-11-03")


@pytest.mark.parametrize("parents", [(commit(8),), ()], ids=["others", "none, as if shallow"])
def test_where_the_graph_has_a_gap_no_commit_is_accused(parents):
    lonely = replace(revision(9), parents=parents)

    found = describe_change(event(commits=[lonely]))

    assert found.endswith("between 0202020202 and 0909090909, on 2026-11-03")
    assert "Make it" not in found


def test_a_history_without_commits_is_told_by_its_day():
    nothing = event(last_good=None, first_bad=None, commits=())
    no_bad = event(first_bad=None, commits=())

    assert describe_change(nothing).endswith("stride 2, on 2026-11-03")
    assert describe_change(no_bad).endswith("stride 2, after 0202020202, on 2026-11-03")


def test_what_else_changed_there_is_told():
    found = describe_change(event(explanations=["torch 2.12 → 2.13", "kernel 6.1 → 6.2"]))

    assert found.endswith("on 2026-11-03, also there: torch 2.12 → 2.13; kernel 6.1 → 6.2")


def test_changed_work_has_a_sentence_of_its_own():
    assert describe_event(workload()) == (
        "the workload changed: multiply-adds +3.9 % in 3 cases of depthwise separable, "
        "channels 64–256, resolution 56, stride 2, since 0303030303 “Make it “better” on "
        "2026-11-03; confirmed: exact: any change of it is one"
    )


def test_several_exact_metrics_are_told_with_the_range_of_their_changes():
    members = [
        changed(CASES[0], 1.02, half=None, metric="params"),
        changed(CASES[0], 1.01, half=None, metric="macs"),
        changed(CASES[1], 0.98, half=None, metric="macs"),
    ]

    found = describe_change(workload(*members))

    assert "parameters +2.0 % in 1 case and multiply-adds −2.0 % to +1.0 % in 2 cases of" in found


def test_a_change_of_environment_is_told_by_conv_type_and_accuses_no_commit():
    found = describe_event(upgrade())

    assert found == (
        "torch 2.12 → 2.13: depthwise separable +3.1 %, standard −0.5 % in 4 cases, "
        "on 2026-11-03; confirmed: seen in 2 nights"
    )


def test_a_change_without_any_cause_says_so():
    odd = event(kind=EventKind.ENVIRONMENT, explanations=())

    assert describe_change(odd).startswith("nothing known changed, not even the code: depthwise")


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        ([], "suspicious: seen in 2 nights"),
        ([note(EventState.REFUTED, "later nights do not show it")], "refuted: later nights do"),
        ([note(EventState.ACKNOWLEDGED, "more exact", author="Ada")], "acknowledged by Ada: more"),
        ([note(EventState.IGNORED, "", author="Ada")], "ignored by Ada"),
    ],
)
def test_the_newest_note_tells_the_state_who_says_so_and_why(notes, told):
    assert describe_state(event(notes=notes)).startswith(told)


def test_a_region_names_what_all_have_in_common_and_the_ends_of_the_rest():
    cases = [
        make_case("standard", channels, 14, kernel_size=5, stride=stride, dtype="float16")
        for channels in (16, 32, 64)
        for stride in (1, 2)
    ]

    assert describe_region(cases) == (
        "standard, channels 16–64, resolution 14, kernel size 5, stride 1 and 2, dtype float16"
    )


def test_a_region_leaves_out_what_everybody_expects():
    assert describe_region([make_case()]) == "standard, channels 64, resolution 56, stride 1"


def test_a_region_of_words_lists_two_and_counts_more():
    two = [make_case(dtype=dtype) for dtype in ("float16", "float32")]
    three = [make_case(dtype=dtype) for dtype in ("float16", "float32", "bfloat16")]

    assert describe_region(two).endswith("dtype float16 and float32")
    assert describe_region(three).endswith("dtype of 3 kinds")


def test_a_region_says_bias_and_compilation_by_themselves():
    assert describe_region([make_case(bias=True, compiled=True)]).endswith("with bias, compiled")


def test_the_conv_types_of_a_region_come_with_the_most_frequent_first():
    cases = [make_case("b"), make_case("b", 32), make_case("a")]
    many = [make_case(name) for name in "abcd"]

    assert describe_region(cases).startswith("b and a, ")
    assert describe_region(many).startswith("4 conv types, ")


def test_a_pair_of_channels_stands_where_its_size_is():
    cases = [make_case(channels=8), make_case(channels=16, out_channels=64), make_case(channels=99)]

    assert "channels 8–99" in describe_region(cases)


@pytest.mark.parametrize(
    ("ratio", "told"),
    [(1.052, "+5.2 %"), (0.995, "−0.5 %"), (1.0, "0.0 %"), (0.9999, "0.0 %"), (3.5, "+250 %")],
)
def test_a_ratio_is_told_as_a_signed_change(ratio, told):
    assert format_signed(ratio) == told


def test_a_change_is_told_with_its_interval_where_there_is_one():
    assert format_ratio_change(1.05, 1.0, 1.1) == "+5.0 % [0.0, +10.0 %]"
    assert format_ratio_change(1.05, None, None) == "+5.0 %"


def test_alarms_come_first_and_what_is_nothing_last():
    alarm = event(uid="1")
    newer_alarm = event(uid="2", began_at="2026-11-05T02:00:00+00:00")
    faster = event(changed(CASES[0], 0.9), uid="3", direction="faster")
    meant = event(uid="4", notes=[note(EventState.ACKNOWLEDGED)])
    nothing = event(uid="5", notes=[note(EventState.REFUTED)])

    found = in_order([nothing, meant, alarm, faster, newer_alarm])

    assert [each.uid for each in found] == ["2", "1", "3", "4", "5"]


def test_the_balance_counts_latencies_that_were_ever_confirmed():
    events = [
        event(),
        event(changed(CASES[0], 0.9), direction="faster"),
        event(notes=[note(EventState.FIXED)]),
        event(notes=[]),
        event(notes=[note(EventState.REFUTED)]),
        upgrade(),
        workload(),
    ]

    assert balance(events) == {"slower": 2, "faster": 1}
    assert describe_balance(events) == (
        "confirmed so far: 2 slower, 1 faster; 2 alarms that nobody has spoken about"
    )


def test_alarms_that_are_all_on_one_side_are_doubted():
    assert "all are on one side" in describe_balance([event()] * 5)
    assert "one side" not in describe_balance([event()] * 4)
    assert "one side" not in describe_balance([event()] * 9 + [event(direction="faster")])


def test_the_plain_event_survives_json_and_has_everything():
    plain = json.loads(json.dumps(event_plain(event(id=7)), allow_nan=False))

    assert plain["event"] == 7
    assert (plain["state"], plain["is_alarm"]) == ("confirmed", True)
    assert plain["mean_ratio"] == pytest.approx(1.05)
    assert (plain["low"], plain["high"]) == pytest.approx((1.04, 1.06))
    assert plain["commits"][0]["commit"] == commit(3)
    assert plain["last_good"]["commit"] == commit(2)
    assert plain["members"][0]["identity"] == CASES[0].identity
    assert plain["members"][0]["case"]["stride"] == 2
    assert plain["notes"][0] == {
        "state": "confirmed",
        "author": "sepconv",
        "reason": "seen in 2 nights",
        "at": "2026-11-04T02:00:00+00:00",
    }
    assert event_plain(event(first_bad=None, commits=()))["first_bad"] is None
    assert event_plain(workload())["low"] is None


def test_the_region_of_an_event_is_that_of_its_cases():
    assert region(event()) == describe_region(CASES)


def test_markdown_has_a_row_for_each_event_and_folds_the_details_of_open_ones():
    meant = event(id=2, uid="4", notes=[note(EventState.ACKNOWLEDGED, "meant", author="Ada")])

    text = events_markdown([meant, event(id=1)])

    rows = [line for line in text.splitlines() if re.match(r"\| \d", line)]
    assert [row.split("|")[1].strip() for row in rows] == ["1", "2"]
    assert "**confirmed: seen in 2 nights**" in rows[0]
    assert "acknowledged by Ada: meant |" in rows[1]
    assert text.count("<details>") == text.count("</details>") == 1
    assert "sepconv events acknowledge 1 --reason TEXT" in text
    assert "- `0303030303` Make it" in text
    assert "| `depthwise_separable-64-56x56-k3-s2-b1-cpu` | ratio to reference | +5.0 %" in text


def test_markdown_of_nothing_says_so():
    assert events_markdown([]) == "No event.\n"


def test_markdown_counts_the_commits_and_cases_that_it_leaves_out():
    cases = [make_case(channels=channels) for channels in range(8, 33)]
    commits = [revision(number) for number in range(3, 28)]

    text = events_markdown([event(*map(changed, cases), commits=commits)])

    assert "- 15 earlier ones" in text
    assert "| and 15 more |" in text


def test_markdown_keeps_to_its_limit_and_never_ends_in_the_middle_of_something():
    events = [event(id=number, uid=f"{number:032x}") for number in range(200)]

    text = events_markdown(events, limit=5_000)

    assert len(text) < 5_000
    hidden = int(re.search(r"(\d+) more are not shown", text)[1])
    assert hidden + len(re.findall(r"^\| \d+ \|", text, re.MULTILINE)) == 200
    assert text.count("<details>") == text.count("</details>")


def hostile():
    case = make_case("mine" + HOSTILE + ESCAPES, options={"mode": HOSTILE})
    bad = replace(revision(3), subject="@everyone |x| [a](http://b) `c`<i>" + ESCAPES)
    return event(
        changed(case),
        commits=[replace(revision(1), subject="x"), bad],
        explanations=[HOSTILE + ESCAPES],
        notes=[note(EventState.ACKNOWLEDGED, HOSTILE + ESCAPES, author="@a|" + ESCAPES)],
        machine=HOSTILE,
    )


def test_hostile_texts_are_on_one_line_and_without_escapes():
    for one in (hostile(), replace(hostile(), commits=[hostile().first_bad])):
        found = describe_event(one)

        assert found.isprintable()
        assert len(found) < 2_000


def test_hostile_texts_are_inert_in_markdown():
    cmarkgfm = pytest.importorskip("cmarkgfm")
    from cmarkgfm.cmark import Options

    text = events_markdown([replace(hostile(), notes=[]), replace(hostile(), uid="4" * 32)])

    page = cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE)
    tags = set(re.findall(r"<(\w+)", page))
    assert tags <= {"table", "thead", "tbody", "tr", "th", "td", "p", "ul", "li", "code"} | {
        "strong",
        "details",
        "summary",
    }
    assert "http://b" in html.unescape(re.sub("<[^>]+>|<!-- -->", "", page))
    assert not re.search(r"@everyone", re.sub("<code>.*?</code>", "", page))
