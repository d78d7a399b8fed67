from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from math import exp

import pytest

from sepconv.bench.clock_check import ClockTest
from sepconv.bench.host import Condition
from sepconv.bench.selfcheck import Trial as Ring
from sepconv.bench.selfcheck import Tried, slowed, slowed_more, usual_cases
from sepconv.cli import main
from sepconv.cli.diagnosis import (
    Diagnosis,
    conclude_clock,
    conclude_trials,
    judge_trial,
    resolution,
)
from sepconv.cli.prescription import (
    describe_resolution,
    describe_selfcheck,
    format_peak,
    print_diagnosis,
)
from sepconv.record import BASE, HEAD, Block, Round
from sepconv.run import Environment, Machine, Peak
from sepconv.store import Store

BASE_CASE = slowed(usual_cases()[0], 0)
AT = "2026-03-01T10:00:00+00:00"
PEAK = Peak("memory_bytes_per_s", "cpu", "float32", 1, 12.5 * 2**30, AT)
RIGHT = ClockTest("a long round", "1 ± 5%", "1.002", True)
WRONG = ClockTest("a long round", "1 ± 5%", "0.017", False)
FOUND = Diagnosis(
    device="cpu",
    conditions=[
        Condition("load", "7.0 on 2 cores", "bad", "others take the core", "end them"),
        Condition("swap", "none", "good", "pages come back slowly"),
    ],
    machine=Machine("Some CPU", "x86_64", 2, 4, 16),
    environment=Environment("3.11", "2.13.0", (), "AVX2", "tuned"),
    peaks=[PEAK],
)


def tried(ratio, *, injected=0.0, passes=8, spread=0.001, case=BASE_CASE):
    """A ring whose head takes `ratio` times as long, ± `spread` from pass to pass."""
    head = slowed_more(case, 100) if injected else case
    blocks = [
        (block(case, BASE, number, 1e-3), block(head, HEAD, number, 1e-3 * ratio * wobble))
        for number in range(1, passes + 1)
        for wobble in [exp(spread if number % 2 else -spread)]
    ]
    return Tried(Ring(1, case, head, injected), blocks)


def block(case, arm, number, cpu_s):
    """Rounds whose wall time says the opposite of their CPU time."""
    rounds = tuple(Round(wall_s=1e-6 / cpu_s, cpu_s=cpu_s) for _ in range(20))
    return Block(case, number, 1, rounds, 1e-3, 1e-3, AT, ring=1, arm=arm)


def judged(*outcomes):
    """Trials by their (injected, ratio)."""
    return [judge_trial(tried(ratio, injected=injected)) for injected, ratio in outcomes]


def test_a_ring_is_judged_by_cpu_time_on_the_cpu_and_by_the_wall_elsewhere():
    case = replace(usual_cases()[0], device="cuda")

    assert judge_trial(tried(1.05, injected=0.05)).verdict.outcome == "slower"
    assert judge_trial(tried(1.05, injected=0.05, case=case)).verdict.outcome == "faster"


def test_a_trial_is_shown_as_the_convolution_that_it_is_made_from():
    assert judge_trial(tried(1.0)).case == usual_cases()[0]
    assert judge_trial(tried(1.0, case=usual_cases()[2])).case == usual_cases()[2]


def test_a_ring_without_blocks_says_why_instead_of_a_verdict():
    ring = Tried(Ring(1, BASE_CASE, BASE_CASE), error="crashed: its process ended")

    trial = judge_trial(ring)

    assert (trial.verdict, trial.error) == (None, "crashed: its process ended")
    assert trial.to_dict().keys() == judge_trial(tried(1.0)).to_dict().keys()
    assert trial.to_dict()["outcome"] is None
    assert not trial.is_false_alarm
    assert not trial.is_found


def test_a_change_where_there_is_none_is_a_false_alarm_in_either_direction():
    alarms = [trial.is_false_alarm for trial in judged((0.0, 1.05), (0.0, 0.95), (0.0, 1.0))]

    assert alarms == [True, True, False]


def test_a_slowdown_is_found_only_if_it_reads_as_slower():
    found = [trial.is_found for trial in judged((0.05, 1.05), (0.05, 1.0), (0.05, 0.95))]

    assert found == [True, False, False]


@pytest.mark.parametrize(
    ("outcomes", "passed"),
    [
        ([(0.0, 1.0), (0.05, 1.05)], True),
        ([(0.0, 1.0), (0.05, 1.05), (0.05, 1.0)], True),
        ([(0.0, 1.0), (0.05, 1.05), (0.05, 1.0), (0.05, 1.0)], False),
        ([(0.0, 1.0), (0.0, 1.05), (0.05, 1.05)], False),
        ([(0.0, 1.0)], False),
        ([(0.05, 1.05)], False),
        ([], False),
    ],
)
def test_a_selfcheck_passes_without_false_alarm_and_with_half_of_the_slowdowns(outcomes, passed):
    assert conclude_trials("cpu", judged(*outcomes), 0.05).passed is passed


def test_a_selfcheck_counts_and_bounds_what_it_saw():
    trials = judged((0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.05, 1.06), (0.05, 1.0))
    unmeasured = judge_trial(Tried(Ring(9, BASE_CASE, BASE_CASE)))

    check = conclude_trials("cpu", [*trials, unmeasured], 0.05)

    assert (check.detail["false_alarms"], check.detail["unchanged_rings"]) == (0, 3)
    assert (check.detail["found"], check.detail["slowed_rings"]) == (1, 2)
    assert check.detail["unmeasured_rings"] == 1
    assert check.detail["highest_false_alarm_rate"] == pytest.approx(1 - 0.05 ** (1 / 3))
    assert check.detail["measured_slowdown"] == pytest.approx(0.03, abs=1e-3)
    said = describe_selfcheck(check)
    assert "selfcheck passed: false alarms 0 of 3 (at most 63%, with 95 % confidence)" in said
    assert "slowdowns found 1 of 2 (requested 5%, measured 3.0%)" in said
    assert "rings left out or not measurable: 1" in said


def test_the_resolution_is_the_median_of_rings_without_a_change():
    trials = [judge_trial(tried(1.0, spread=spread)) for spread in (0.001, 0.01, 0.02)]
    slowed_down = judge_trial(tried(1.05, injected=0.05, spread=0.1))

    found = resolution([*trials, slowed_down])

    assert found["change"] == trials[1].verdict.detectable
    assert (found["passes"], found["rings"]) == (8, 3)
    assert "% change in " in describe_resolution(trials)


def test_too_few_passes_resolve_nothing():
    trials = [judge_trial(tried(1.0, passes=3))]

    assert resolution(trials) is None
    assert "too few passes" in describe_resolution(trials)


def test_the_clock_of_a_device_must_be_right_in_everything():
    assert conclude_clock("cuda", [RIGHT, RIGHT]).passed
    assert not conclude_clock("cuda", [RIGHT, WRONG]).passed
    assert not conclude_clock("cuda", []).passed
    said = describe_selfcheck(conclude_clock("cuda", [RIGHT, WRONG]))
    assert said == "selfcheck FAILED: 1 of 2 answers of the clock are right"


def test_a_peak_has_its_own_unit():
    assert format_peak(PEAK) == "12.5 GiB/s"
    assert format_peak(replace(PEAK, name="matmul_flop_per_s", value=9.06e10)) == "90.6 GFLOP/s"


def test_people_read_the_worst_first_what_to_type_and_what_can_be_told(capsys):
    trials = judged((0.0, 1.0), (0.05, 1.05))
    check = conclude_trials("cpu", trials, 0.05)

    print_diagnosis(replace(FOUND, trials=trials, selfcheck=check, clock_tests=[RIGHT, WRONG]))

    printed = capsys.readouterr().out
    assert printed.index("load") < printed.index("swap")
    assert "load: end them" in printed
    assert "12.5 GiB/s" in printed
    assert "standard-32-14x14" in printed
    assert "this machine resolves a " in printed
    assert "selfcheck passed" in printed


def test_what_went_wrong_is_said_where_errors_are(capsys):
    bad = judge_trial(Tried(Ring(1, BASE_CASE, BASE_CASE), error="timed_out: it hangs"))

    print_diagnosis(replace(FOUND, trials=[bad], errors=["no peaks"]))

    printed = capsys.readouterr()
    assert "sepconv: error: no peaks" in printed.err
    assert "timed_out: it hangs" in printed.out


def test_only_what_was_measured_counts_as_measuring():
    assert FOUND.has_measured
    assert not replace(FOUND, peaks=[]).has_measured
    assert replace(FOUND, peaks=[], clock_tests=[WRONG]).has_measured


def test_a_diagnosis_is_plain_json_even_where_an_interval_has_no_bound():
    wild = tried(1.0, passes=2, spread=12.0)
    found = replace(FOUND, trials=[judge_trial(wild), *judged((0.0, 1.0))])

    read = json.loads(json.dumps(found.to_dict(), allow_nan=False))

    assert set(read) == {
        *("device", "machine", "environment", "conditions", "peaks", "resolution", "trials"),
        *("clock", "selfcheck", "errors"),
    }
    assert read["trials"][0]["high"] is None
    assert set(read["trials"][1]) == {
        *("case", "injected", "seconds", "error", "outcome", "ratio", "low", "high"),
        *("detectable", "method", "units"),
    }


@pytest.mark.parametrize("device", ["meta", "gpu", "cuda:x"])
def test_a_word_that_is_no_device_is_bad_usage(capsys, device):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--device", device])

    assert ended.value.code == 2
    assert f"expected cpu, cuda, cuda:1, mps or xpu, found '{device}'" in capsys.readouterr().err


def test_its_help_loads_nothing_heavy():
    program = (
        "import sys; from sepconv.cli import cli; "
        "cli.main(['doctor', '--help'], standalone_mode=False); "
        "assert not {'torch', 'pandas', 'numpy', 'scipy', 'sqlalchemy'} & sys.modules.keys()"
    )

    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@pytest.mark.slow
def test_a_device_that_is_not_here_is_named_with_those_that_are(capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--device", "cuda:99", "--store", str(tmp_path / "store.db")])

    assert ended.value.code == 2
    assert "there is no cuda:99 here: torch can use cpu" in capsys.readouterr().err


@pytest.mark.slow
def test_a_plain_examination_measures_and_stores_the_peaks(capsys, tmp_path):
    path = tmp_path / "store.db"

    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--store", str(path), "--format", "json"])

    found = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert len(found["trials"]) == 4
    assert any(trial["units"] == 8 for trial in found["trials"])
    assert not any(trial["injected"] for trial in found["trials"])
    assert found["resolution"]["change"] > 0.01
    assert found["selfcheck"] is None
    with Store(path, read_only=True) as store:
        machine, environment = (
            Machine(**found["machine"] | {"accelerators": tuple(found["machine"]["accelerators"])}),
            Environment(
                **found["environment"]
                | {name: tuple(found["environment"][name]) for name in ("backends", "omp_settings")}
            ),
        )
        assert len(store.peaks(machine, environment)) == len(found["peaks"]) >= 4


@pytest.mark.slow
def test_a_selfcheck_tries_both_kinds_of_rings_and_is_stored(capsys, tmp_path):
    path = tmp_path / "store.db"

    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--selfcheck", "--store", str(path), "--format", "json"])

    found = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    detail = found["selfcheck"]["detail"]
    assert detail["unchanged_rings"] > 0
    assert detail["slowed_rings"] > 0
    assert {trial["injected"] for trial in found["trials"]} == {0.0, 0.05}
    machine = Machine(**found["machine"] | {"accelerators": ()})
    with Store(path, read_only=True) as store:
        [stored] = store.selfchecks(machine)
    assert (stored.passed, stored.detail) == (found["selfcheck"]["passed"], detail)
