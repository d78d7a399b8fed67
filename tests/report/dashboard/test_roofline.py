"""Roofline: the section that Python makes, and the view, opened."""

import pytest

from sepconv.cost import cost_of
from sepconv.record import Estimate, Measurement, Status
from sepconv.report.dashboard.page import render
from sepconv.report.dashboard.roofline import roofline_section
from sepconv.run import Peak
from tests.report.dashboard.conftest import make_source
from tests.report.sample import ENVIRONMENT, HOSTILE, MACHINE, make_case, make_run, measurement

WHEN = "2026-03-01T09:00:00+00:00"
PLACE = (MACHINE.key, ENVIRONMENT.key)
SEPARABLE = make_case("depthwise_separable", 64, 28)
TRACES = "document.querySelector('.figure').data.map(t => ({...t, symbol: t.marker?.symbol}))"


def peaks(flops: float = 100e9, threads: int = 1, device: str = "cpu") -> list[Peak]:
    rates = {"matmul_flop_per_s": flops, "memory_bytes_per_s": 10e9, "cache_bytes_per_s": 50e9}
    return [Peak(name, device, "float32", threads, rate, WHEN) for name, rate in rates.items()]


def timed(case, latency: float = 1e-3) -> Measurement:
    return measurement(case, latency_s=(latency, latency / 1.28, latency * 1.25))


def section(*measured: Measurement, known: dict | None = None) -> dict:
    history = [(make_run(), list(measured))]
    source = make_source(history, peaks=known or {})
    return roofline_section(source, source.table)


@pytest.fixture
def open_roofline(open_html):
    """Opens the view of one run on a machine with these peaks."""

    def open_run(measured, place="", *, known=(), **more):
        source = make_source([(make_run(), measured)], peaks={PLACE: known}, **more)
        return open_html(render(source), f"#view=roofline{place}")

    return open_run


def test_the_work_of_a_case_is_that_of_the_cost_model():
    cost = cost_of(SEPARABLE)

    found = section(timed(SEPARABLE))

    assert found["flops"] == [pytest.approx(cost.flops, rel=1e-4)]
    assert found["bytes_unfused"] == [pytest.approx(cost.bytes_unfused, rel=1e-4)]
    assert found["bytes_fused"] == [pytest.approx(cost.bytes_fused, rel=1e-4)]


def test_a_conv_type_without_a_closed_form_has_no_work():
    found = section(timed(make_case("mine")))

    assert found["flops"] == found["bytes_fused"] == [None]


def test_the_roofs_are_those_of_the_runs_machine_and_environment():
    known = {PLACE: peaks(), ("another machine", ENVIRONMENT.key): peaks(5e9)}

    (roof,) = section(timed(SEPARABLE), known=known)["roofs"]

    assert (roof["class"], roof["flop_per_s"], roof["ridge"]) == (0, 100e9, 10)


@pytest.mark.browser
def test_a_point_is_its_flops_per_byte_and_per_second(open_roofline):
    cost = cost_of(SEPARABLE)
    page = open_roofline([timed(SEPARABLE)], known=peaks())

    (point,) = [trace for trace in page.evaluate(TRACES) if trace["symbol"] == "circle"]

    assert point["x"] == [pytest.approx(cost.intensity_unfused, rel=1e-3)]
    assert point["y"] == [pytest.approx(cost.flops / 1e-3, rel=1e-3)]


@pytest.mark.browser
def test_a_case_is_measured_by_the_roof_above_it(open_roofline):
    memory, arithmetic = make_case("depthwise_separable", 8, 28), make_case("standard", 256, 28)
    limit_s = cost_of(memory).bytes_unfused / 10e9
    page = open_roofline(
        [timed(memory, 2 * limit_s), timed(arithmetic, cost_of(arithmetic).flops / 80e9)],
        known=peaks(),
    )

    rows = page.locator(".rows tbody tr[data-row]").all_inner_texts()

    assert [text.split("\t")[-2:] for text in rows] == [
        ["50 % [40, 64]", "memory"],
        ["80 % [64, 100]", "arithmetic"],
    ]
    assert "memory is the limit of 1 and arithmetic that of 1" in page.inner_text(".sentence")
    assert "ridge at 10.0 FLOP/B" in page.inner_text(".roofs")


@pytest.mark.browser
def test_fusing_moves_a_case_to_the_right(open_roofline):
    page = open_roofline([timed(SEPARABLE)], "&traffic=fused", known=peaks())

    (point,) = [trace for trace in page.evaluate(TRACES) if trace["symbol"] == "circle"]

    assert point["x"] == [pytest.approx(cost_of(SEPARABLE).intensity_fused, rel=1e-3)]
    assert point["x"][0] > cost_of(SEPARABLE).intensity_unfused


@pytest.mark.browser
@pytest.mark.parametrize(
    ("device", "command"), [("cpu", "sepconv doctor"), ("cuda", "sepconv doctor --device cuda")]
)
def test_without_peaks_the_page_says_what_to_type(open_roofline, device, command):
    page = open_roofline([timed(make_case(device=device))])

    assert page.inner_text(".empty code") == command
    assert page.locator(".figure .points path").count() == 1
    assert "the best one reaches" in page.inner_text(".sentence")


@pytest.mark.browser
def test_every_number_of_threads_has_a_panel_and_a_roof_of_its_own(open_roofline):
    measured = [timed(make_case(threads=threads)) for threads in (1, 2)]
    page = open_roofline(measured, known=[*peaks(), *peaks(180e9, threads=2)])

    titles = page.evaluate(
        "document.querySelector('.figure').layout.annotations.map(each => each.text)"
    )
    assert titles == ["cpu · 1 thread · float32", "cpu · 2 threads · float32"]
    assert "180 GFLOP/s" in page.inner_text(".roofs")


@pytest.mark.browser
def test_beyond_what_can_be_told_apart_an_axis_is_held_and_the_page_says_so(open_roofline):
    cases = [
        make_case("standard", channels, resolution, batch_size=batch)
        for channels in range(1, 41)
        for resolution in range(5, 13)
        for batch in (1, 2)
    ]
    page = open_roofline([timed(case) for case in cases], known=peaks())

    assert page.locator(".figure .points path").count() == 320
    assert "Of 640 points only those with batch size 1 are drawn" in page.inner_text(".note")


@pytest.mark.browser
def test_a_click_leads_to_the_case(open_roofline):
    page = open_roofline([timed(SEPARABLE)], known=peaks())

    page.locator(".figure .points path").last.hover(force=True)
    page.locator(".figure .points path").last.click(force=True)

    assert page.evaluate("[sepconv.state.view, sepconv.state.case]") == ["case", 0]


@pytest.mark.browser
def test_a_run_without_latencies_says_what_to_type(open_roofline):
    page = open_roofline(
        [Measurement(make_case(), Status.CRASHED, HOSTILE), timed(make_case("mine" + HOSTILE))]
    )

    assert page.inner_text(".empty code") == "sepconv quick"
    assert page.evaluate("window.pwned") is None


@pytest.mark.browser
def test_without_an_interval_a_rate_says_so(open_roofline):
    bare = Measurement(SEPARABLE, Status.NOISY, values={"latency_s": Estimate(1e-3)}, passes=1)
    page = open_roofline([bare], known=peaks())

    assert "GFLOP/s (no interval)" in page.inner_text(".rows tbody")


@pytest.mark.browser
def test_a_choice_that_no_case_is_says_so_and_can_be_taken_back(open_roofline):
    measured = [
        timed(make_case("standard", 32)),
        timed(make_case("standard", 64)),
        timed(make_case("depthwise_separable", 32)),
    ]
    page = open_roofline(measured, known=peaks())

    page.select_option("[data-pick=form]", label="depthwise separable")
    page.select_option("[data-pick=channels]", label="64")
    page.wait_for_selector("html[data-ready]", state="attached")
    said = page.inner_text("main")
    page.select_option("[data-pick=channels]", label="32")
    page.wait_for_selector(".figure .point")

    assert "No case of this run is all of these" in said
    assert page.locator("tbody tr[data-row]").count() == 1


@pytest.mark.browser
def test_a_rate_that_needs_no_letter_has_its_unit_and_three_digits(open_roofline):
    page = open_roofline([timed(make_case(channels=8, resolution=4), 1e4)])

    assert "1.84 FLOP/s [1.47, 2.36]" in page.inner_text("tbody tr[data-row]")
