"""Any two runs in the browser: judged as Python judges them."""

import re
from dataclasses import replace
from random import Random

import pytest

from sepconv.judge.standing import count_outcomes, find_standings
from sepconv.judge.unpaired import divide_latencies
from sepconv.panel import Rounds
from sepconv.record import Estimate, Measurement, Status
from sepconv.report.dashboard.compare import compare_section
from sepconv.report.dashboard.overview import rows_by_run, sights_of
from sepconv.report.dashboard.page import render
from tests.report.dashboard.conftest import make_source
from tests.report.sample import ENVIRONMENT, HOSTILE, make_case, make_run, measure, sweep, trio

CASES = sweep()
ROWS = "document.querySelector('.rows').getAttribute('aria-rowcount') - 1"


def scaled(measurement: Measurement, by: float) -> Measurement:
    """The measurement, had everything taken `by` times as long."""
    values = dict(measurement.values)
    if latency := values.get("latency_s"):
        values["latency_s"] = Estimate(
            *(by * x for x in (latency.value, latency.low, latency.high))
        )
    return replace(measurement, values=values)


def stirred(seed: int = 1):
    """Two runs: a third slower, some faster, one new, one missing, one failed, one not tried."""
    random = Random(seed)
    before = measure(CASES, random, with_failures=False)
    after = [scaled(each, random.choice([0.6, 0.9, 1.0, 1.1, 1.6])) for each in before]
    after[5] = Measurement(CASES[5], Status.CRASHED, "it died")
    after[6] = Measurement(CASES[6], Status.SKIPPED, "no time")
    return [(make_run(0), [*before[:7], *before[8:]]), (make_run(1), [*after[:9], *after[10:]])]


def counts(page) -> dict[str, int]:
    """What the filters say."""
    texts = page.locator(".filters button").all_inner_texts()
    found = (re.fullmatch(r"\W*(\d+) (.*)", text.replace("\n", " ").strip()) for text in texts)
    return {match[2]: int(match[1]) for match in found}


def labels(page) -> list[str]:
    return page.locator(".rows tbody .pick").all_inner_texts()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_page_judges_every_case_as_python_does(open_dashboard, seed):
    history = stirred(seed)
    panel = make_source(history).panel
    rows = rows_by_run(panel)

    page = open_dashboard(history, "#view=compare")
    told = page.evaluate(
        "sepconv.compared.comparison(0, 1).then((rows) => rows.map((row) => "
        "[row.case, row.outcome, row.quotient && [row.quotient.ratio, row.quotient.low]]))"
    )

    found = find_standings(*(sights_of(panel, rows[run]) for run in (0, 1)))
    assert {case: outcome for case, outcome, _ in told} == {
        case: each.outcome and str(each.outcome) for case, each in found.items()
    }
    for case, _, numbers in told:
        quotient = found[case].quotient
        expected = [quotient.ratio, quotient.low] if quotient else None
        assert numbers == (pytest.approx(expected, rel=2e-4) if expected else None)
    assert count_outcomes(found.values()).keys() >= {"slower", "faster", "undecided"}


def test_the_script_divides_two_latencies_to_the_last_digit(open_dashboard):
    pairs = [
        (Estimate(1.0), Estimate(1.3)),
        (Estimate(2e-3, 1.9e-3, 2.1e-3), Estimate(2.5e-3, 2.4e-3, 2.6e-3)),
        (Estimate(5e-6, 4.9e-6, 5.2e-6), Estimate(4e-6, 3.9e-6, 4.2e-6)),
    ]
    levels = [0.01, 1e-3, 1e-6, 1e-12]

    page = open_dashboard(stirred(), "#view=compare")

    for base, head in pairs:
        for level in levels:
            sides = [{"value": e.value, "low": e.low, "high": e.high} for e in (base, head)]
            told = page.evaluate(
                "([base, head, level]) => sepconv.unpaired.divide(base, head, level)",
                [*sides, level],
            )
            found = divide_latencies(base, head, level)
            assert told["outcome"] == found.outcome
            assert [told[name] for name in ("ratio", "low", "high", "detectable")] == (
                pytest.approx([found.ratio, found.low, found.high, found.detectable], rel=1e-12)
            )


def test_the_rule_has_no_number_that_the_data_does_not_tell():
    section = compare_section(make_source([]), make_source([]).table)

    assert section["alpha"] == 0.01
    assert section["margin"] == 0.01
    assert section["drift_sd"] == 0.05


def test_filters_count_and_show_what_became_of_the_cases(open_dashboard):
    page = open_dashboard(stirred(), "#view=compare")
    told = counts(page)

    assert told["in all"] == len(CASES)
    assert (told["new"], told["missing"], told["failed"], told["not tried"]) == (1, 1, 1, 1)
    assert told["changed"] == told["slower"] + told["faster"] > 10

    page.click("[data-show=slower]")

    assert page.evaluate(ROWS) == told["slower"]
    assert set(page.locator(".rows tbody td:nth-child(3)").all_inner_texts()) == {"▲slower"}
    assert page.evaluate("document.activeElement.dataset.show") == "slower"


def test_a_link_leads_to_exactly_these_two_runs_and_this_filter(open_dashboard):
    history = [*stirred(), (make_run(2), measure(CASES, Random(9)))]
    page = open_dashboard(history, "#view=compare&base=run-0&head=run-1&show=faster")

    assert page.locator("[data-pick=base]").input_value() == "0"
    assert page.locator("[data-pick=head]").input_value() == "1"
    assert page.locator("[data-show=faster]").get_attribute("aria-pressed") == "true"
    assert page.evaluate("sepconv.link()").endswith("base=run-0&head=run-1&show=faster")


def test_unknown_runs_in_a_link_fall_back_to_the_newest_and_the_one_before(open_dashboard):
    page = open_dashboard(stirred(), "#view=compare&base=nobody&head=nowhere&show=nonsense")

    assert page.locator("[data-pick=base]").input_value() == "0"
    assert page.locator("[data-pick=head]").input_value() == "1"


def test_the_surest_change_comes_first_and_failures_before_it(open_dashboard):
    page = open_dashboard(stirred(), "#view=compare")

    surety = page.evaluate(
        "sepconv.compared.comparison(0, 1).then((rows) => rows.map(({ quotient }) => "
        "quotient && quotient.surety))"
    )

    assert surety[0] is None
    known = [each for each in surety if each is not None]
    assert known == sorted(known, reverse=True)
    assert labels(page)[0] == CASES[5].label


def test_other_machines_and_torch_versions_are_not_a_change_of_the_code(open_dashboard):
    (_, before), (run, after) = stirred()
    other = replace(run, environment=replace(ENVIRONMENT, torch="2.14.0"))
    page = open_dashboard(
        [(make_run(0), before), (other, after)], "#view=compare&base=run-0&head=run-1"
    )

    told = counts(page)
    assert "Not comparable" in page.inner_text(".kinship")
    assert page.inner_text(".kinship + .table-wrap tbody").split() == ["torch", "2.13.0", "2.14.0"]
    assert told["changed"] == 0
    assert told["not comparable"] > 30
    assert page.locator(".command").count() == 0


def test_the_same_commit_twice_is_said_to_be_noise(open_dashboard):
    history = stirred()
    twice = [(replace(run, revision=history[0][0].revision), own) for run, own in history]
    page = open_dashboard(twice, "#view=compare")

    assert "whatever differs is noise" in page.inner_text(".kinship")
    assert page.locator(".command").count() == 0


def test_what_to_type_for_a_paired_comparison_names_both_commits(open_dashboard):
    page = open_dashboard(stirred(), f"#view=compare&case={CASES[0].identity}")

    commits = [f"{make_run(number).commit:.10}" for number in (0, 1)]
    whole, one = page.locator(".command code").all_inner_texts()
    assert whole == f"sepconv compare {' '.join(commits)} --suite quick"
    assert one.startswith(f"{whole} --where '")


def test_one_run_alone_says_what_to_type_for_another(open_dashboard):
    page = open_dashboard([(make_run(), measure(CASES, Random(1)))], "#view=compare")

    assert "There is no run before this one" in page.inner_text("main")
    assert page.inner_text(".empty code") == "sepconv run quick"


def test_what_is_saved_is_what_is_shown(open_dashboard):
    page = open_dashboard(stirred(), "#view=compare&show=failed")

    with page.expect_download() as caught:
        page.click("text=CSV")
    lines = caught.value.path().read_text("utf-8").splitlines()

    assert lines[0] == "case,base / s,head / s,head ÷ base,low,high,outcome"
    assert lines[1].startswith(CASES[5].label)
    assert lines[1].endswith(",failed")
    assert len(lines) == 2


def test_arrow_keys_walk_the_table_and_show_each_case(open_dashboard):
    page = open_dashboard(stirred(), "#view=compare")

    page.focus(".scroll")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.wait_for_selector("section[aria-label='The chosen case'] h2")

    second = labels(page)[1]
    assert page.inner_text("section[aria-label='The chosen case'] h2") == second
    assert page.evaluate("document.activeElement.textContent") == second


def test_thousands_of_cases_make_few_points(open_dashboard):
    cases = [make_case(channels=8 + n, resolution=14) for n in range(700)]
    run = measure(cases, Random(1), with_failures=False)
    page = open_dashboard([(make_run(0), run), (make_run(1), run)], "#view=compare")

    assert page.locator(".view-compare .point").count() == 0
    assert page.locator(".view-compare .violins path").count() > 0
    assert page.evaluate("document.querySelectorAll('*').length") < 1000


def test_hostile_names_stay_texts(open_dashboard):
    case = make_case("mine." + HOSTILE, options={"mode": HOSTILE})
    own = measure([case], Random(1))
    runs = [make_run(n, suite=HOSTILE, branch=HOSTILE) for n in (0, 1)]
    page = open_dashboard([(run, own) for run in runs], f"#view=compare&case={case.identity}")

    assert page.evaluate("window.pwned") is None
    assert page.locator("main img").count() == 0
    assert HOSTILE.split("\u2028")[0] in page.inner_text("main")


def test_a_narrow_page_does_not_scroll_sideways(open_dashboard):
    page = open_dashboard(stirred(), "#view=compare", viewport={"width": 360, "height": 740})

    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def rounds_of(*blocks: tuple[int, int, int]) -> Rounds:
    """Blocks of the first case, by run, case and pass."""
    rounds = Rounds()
    for run, case, pass_number in blocks:
        rounds.run.append(run)
        rounds.case.append(case)
        rounds.pass_number.append(pass_number)
        rounds.ring.append(0)
        for share, column in rounds.quantiles.items():
            column.append(1e-3 * (1 + share))
    return rounds


def test_the_rounds_of_both_sides_are_drawn_block_by_block(open_html):
    blocks = [(run, 0, number) for run in (0, 1) for number in range(4)]
    source = make_source(stirred(), rounds=rounds_of(*blocks, (1, 3, 0)))
    chosen, other = (f"#view=compare&case={CASES[index].identity}" for index in (0, 3))

    page = open_html(render(source), chosen)
    boxes = page.locator("section[aria-label='The chosen case'] .boxlayer path.box")

    assert boxes.count() == 8
    page.evaluate(f"location.hash = '{other}'")
    page.wait_for_function(f"() => sepconv.state.case === {CASES.index(CASES[3])}")
    assert boxes.count() == 0  # base has none of it


@pytest.mark.browser
def test_a_link_to_a_base_that_the_page_lacks_says_so(open_dashboard):
    runs = [(make_run(number), trio()) for number in range(3)]
    page = open_dashboard(runs, "#view=compare&base=gone&head=run-2")

    assert page.inner_text("#caveats") == "the base of this link is not in this page"
