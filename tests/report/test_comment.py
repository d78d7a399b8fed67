"""The comment on a pull request, as GitHub's own renderer shows it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options

from sepconv.comparison import Detail, LeftOut, Outcome
from sepconv.report.comment import (
    LIMIT,
    MARK,
    QUIET_MARK,
    is_quiet,
    render_comment,
    render_failure,
)
from tests.report.compared import CASE, WORD, compared, comparison, many

HOSTILE = (
    "<img src=x onerror=alert(1)>|@everyone #12 !7 GH-3 `x` **y** $z$ [a](http://evil.example) "
    "</details> --> ``` :boom: www.evil.example ~~s~~ \x1b[31m\u202e"
)
SLOWER = compared(Outcome.SLOWER, 1.05)
SAME = compared(Outcome.SAME, 1.001, case=replace(CASE, in_channels=96, out_channels=96))


class Page(HTMLParser):
    """The tags and the texts of a rendered comment, each text apart."""

    def __init__(self, markdown):
        super().__init__()
        self.tags, self.links, self.texts, self.code = [], [], [], 0
        self.feed(
            cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
        )

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.code += tag in ("code", "a")
        self.links += [value for name, value in attrs if name == "href"]

    def handle_endtag(self, tag):
        self.code -= tag in ("code", "a")

    def handle_data(self, data):
        if not self.code:
            self.texts.append(data)

    @property
    def text(self):
        return "".join(self.texts)


def test_the_first_line_is_the_mark_and_the_second_the_verdict():
    lines = render_comment(comparison(SLOWER, SAME)).splitlines()

    assert lines[0] == MARK
    assert lines[2].startswith("### ❌ Slower: 1 case of 2, at most 5.0 % slower")


def test_what_could_not_be_measured_is_louder_than_a_regression():
    failed = compared(Outcome.FAILED, None, reason="head: crashed: SIGSEGV")

    told = render_comment(comparison(failed))
    slower = render_comment(comparison(SLOWER))

    assert "## 🛑 Could not measure" in told
    assert "[!CAUTION]" in told
    assert "SIGSEGV" in told
    assert "🛑" not in slower
    assert "[!CAUTION]" not in slower


@pytest.mark.parametrize(
    "told",
    [
        comparison(SAME, state="interrupted"),
        comparison(),
        comparison(compared(Outcome.NOT_COMPARABLE, None, reason="other torch")),
        comparison(compared(Outcome.NEW, None, reason="base: failed: no such conv type")),
    ],
    ids=["interrupted", "nothing", "not comparable", "only new"],
)
def test_nothing_decided_is_never_told_as_if_all_were_well(told):
    text = render_comment(told)

    assert "🛑 Could not measure" in text
    assert "✅" not in text


def test_a_slowdown_is_told_with_the_commands_that_explain_repeat_and_accept_it():
    text = render_comment(comparison(SLOWER, SAME))

    block = text.split("```sh\n")[1].split("```")[0].splitlines()
    assert block[1].startswith("sepconv compare main feature --explain standard-24-28x28")
    assert "--where 'conv_type=standard and channels=24'" in block[3]
    assert block[5].startswith(f"sepconv acknowledge c0c0c0c0c0c0 {CASE.label} --reason")


def test_what_is_acknowledged_is_shown_with_author_and_reason_and_is_no_alarm():
    text = render_comment(comparison(replace(SLOWER, acknowledged=WORD), SAME))

    assert "### ✅ Slower, as acknowledged: 1 case of 2" in text
    assert "padding is exact now" in text
    assert "Ada" in text
    assert "sepconv acknowledge" not in text


def test_base_and_head_are_named_with_their_commits_and_why_base_was_chosen():
    told = comparison(SAME)
    noted = replace(told, base=replace(told.base, note="where feature left main"))

    text = render_comment(noted)

    assert "main (ba5eba5eba) → feature (4ead4ead4e); where feature left main" in text


def test_exact_metrics_come_before_what_is_noisy_and_any_change_is_told():
    changed = replace(SLOWER, metrics={"params": (576.0, 577.0), "macs": (4e6, 4e6)})
    text = render_comment(comparison(replace(changed, details=(Detail.WORKLOAD_CHANGED,)), SAME))

    place = text.index("**The workload changed** in 1 case")
    assert "576 → 577" in text
    assert place < text.index("mean change")
    assert "equal in all 2 cases" in render_comment(comparison(SLOWER, SAME))


def test_every_conv_type_has_a_row_with_its_outcomes_mean_and_range():
    other = replace(CASE, conv_type="depthwise_separable")
    cases = [
        SLOWER,
        compared(Outcome.SLOWER, 1.10),
        compared(Outcome.FASTER, 0.9, case=other),
        compared(Outcome.UNDECIDED, None, case=other),
    ]

    rows = [line for line in render_comment(comparison(*cases)).splitlines() if line[0:1] == "|"]

    assert rows[0] == "| conv type | cases | slower | undecided | faster | mean change | range |"
    assert rows[2] == "| standard | 2 | 2 | – | – | +7.5 % | +5.0 to +10.0 % |"
    assert rows[3].startswith("| depthwise separable | 2 | – | 1 | 1 | -10.0 %")


def test_the_worst_are_those_furthest_beyond_their_noise():
    noisy = replace(compared(Outcome.SLOWER, 1.2), low=1.05, high=1.35)
    clear = compared(Outcome.SLOWER, 1.06, case=SAME.head)

    text = render_comment(comparison(noisy, clear))

    rows = [line for line in text.splitlines() if "1.00 ms →" in line]
    assert ["6.0 % slower" in row for row in rows] == [True, False]


def test_rows_link_into_the_page_and_a_hostile_address_ends_no_link():
    page = Page(render_comment(comparison(SLOWER), "https://ci.example/a b/>)|x"))

    assert all(link.startswith("https://ci.example/a%20b/%3E)%7Cx") for link in page.links)
    assert f"#case-{CASE.identity[:12]}" in page.links[0]


def test_new_missing_failed_undecided_and_left_out_are_counted():
    cases = [
        SAME,
        compared(Outcome.UNDECIDED),
        compared(Outcome.NEW, None, reason="base: unsupported: no such mode"),
        compared(Outcome.MISSING, None, reason="gone"),
    ]
    text = render_comment(comparison(*cases, left_out=[LeftOut(CASE, "there was no time for it")]))

    row = next(line for line in text.splitlines() if line.startswith("| standard | 4"))
    assert row.split(" | ")[2:6] == ["1", "1", "1", "1"]
    assert "left out: 1 case: there was no time for it" in text
    assert "no such mode" in text


def test_the_last_lines_say_how_it_was_measured_and_where():
    text = render_comment(comparison(SAME))

    assert "base and head in turns on one core, 8 passes" in text
    assert "odds of a false alarm in all cases together ≤ 1.0 %" in text
    assert "base against itself: within 0.40 %" in text
    assert "a change of 2.0 % would have shown" in text
    assert "Some CPU" in text
    assert "torch 2.13.0" in text


@pytest.mark.slow
@pytest.mark.parametrize("count", [1_000, 10_000])
@pytest.mark.parametrize("outcome", [Outcome.SLOWER, Outcome.SAME])
def test_ten_thousand_cases_fit_into_one_comment_and_those_left_out_are_counted(count, outcome):
    told = comparison(*many(count, outcome))

    text = render_comment(told, "https://ci.example/" + "x" * 200)

    assert len(text) <= LIMIT < 65_536
    assert len(text.encode("utf-16-le")) / 2 < 65_536
    shown = len(re.findall(r"#case-", text))
    left = int(re.search(r"… and (\d+) more cases", text)[1])
    assert shown > 50
    assert shown + left == count


def test_a_comment_without_rows_beyond_the_limit_stays_below_it():
    hostile = compared(Outcome.FAILED, None, reason=HOSTILE * 1000)
    told = comparison(
        *[hostile] * 300, left_out=[LeftOut(CASE, f"{n} {HOSTILE}") for n in range(900)]
    )

    assert len(render_comment(told)) <= LIMIT


def test_hostile_texts_are_shown_and_do_nothing():
    told = comparison(
        replace(
            SLOWER, head=replace(CASE, conv_type=HOSTILE), base=replace(CASE, conv_type=HOSTILE)
        ),
        compared(Outcome.FAILED, None, reason=HOSTILE),
        replace(SAME, acknowledged=replace(WORD, author=HOSTILE, reason=HOSTILE)),
    )
    named = replace(
        told,
        base=replace(told.base, label=HOSTILE, note=HOSTILE),
        head=replace(told.head, label=HOSTILE),
        machine=replace(told.machine, cpu_model=HOSTILE),
        conditions={"asked": [HOSTILE]},
    )

    markdown = render_comment(named)

    page = Page(markdown)
    assert set(page.tags) <= {
        *("h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "sub", "strong", "br"),
        *("details", "summary", "pre", "code", "blockquote"),
    }
    assert page.links == []
    assert "<img src=x onerror=alert(1)>" in page.text
    assert not [text for text in page.texts if re.search(r"[@#!]\w|GH-\d|www\.|:\w+:|://", text)]
    assert not any(char in markdown for char in "\x1b\u202e")


@pytest.mark.parametrize(
    ("told", "quiet"),
    [
        (comparison(SAME), True),
        (comparison(SAME, compared(Outcome.UNDECIDED)), True),
        (comparison(unchanged=["standard"]), True),
        (comparison(SLOWER, SAME), False),
        (comparison(compared(Outcome.FASTER, 0.9)), False),
        (comparison(replace(SAME, details=(Detail.ALLOCATES_MORE,))), False),
        (comparison(compared(Outcome.MISSING, None), SAME), False),
        (comparison(compared(Outcome.FAILED, None), SAME), False),
        (comparison(), False),
        (comparison(SAME, state="interrupted"), False),
    ],
)
def test_a_comment_is_quiet_only_where_nothing_changed_and_all_was_measured(told, quiet):
    assert is_quiet(told) is quiet
    assert render_comment(told).startswith(QUIET_MARK if quiet else MARK)


def test_a_failure_shows_the_end_of_its_error_and_what_to_type():
    text = render_failure("first\n" * 4000 + f"``` {HOSTILE}\nlast line", ["main", "a b"])

    page = Page(text)
    assert text.startswith(MARK)
    assert "🛑 Could not measure" in page.text
    assert "last line\n````" in text
    assert "sepconv compare main 'a b'" in text
    assert set(page.tags) == {"h2", "blockquote", "p", "pre", "code"}
    assert len(text) < 6_000
