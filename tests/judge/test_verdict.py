import random
import subprocess
import sys
from math import exp, inf, nan

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sepconv.errors import SepconvError
from sepconv.judge import Verdict, compare_rounds
from sepconv.judge.estimate import student_quantile

SECONDS = st.floats(1e-6, 1.0)
PAIRS = st.lists(st.tuples(SECONDS, SECONDS), min_size=1, max_size=60)
MIRROR = {"slower": "faster", "faster": "slower", "same": "same", "undecided": "undecided"}


def arms(pairs):
    return [base for base, _ in pairs], [head for _, head in pairs]


def noisy_arms(draw, *, ratio, passes=8, pairs=40, noise=0.05, pass_noise=0.004):
    """Rounds of both arms that drift together, and the pass of each."""
    base, head, names = [], [], []
    for name in range(passes):
        level, lasting = exp(draw.gauss(-7, 0.2)), exp(draw.gauss(0, pass_noise))
        for _ in range(pairs):
            spell = level * exp(abs(draw.gauss(0, 0.2)))
            base.append(spell * exp(draw.gauss(0, noise)))
            head.append(spell * ratio * lasting * exp(draw.gauss(0, noise)))
            names.append(name)
    return base, head, names


def test_four_passes_give_the_mean_and_t_interval_of_the_textbook():
    """By hand: logs 0.01, 0.02, 0.03, 0.04: mean 0.025, sd 0.0129099, t(3) at 99 % 5.84091."""
    logs = [0.01, 0.02, 0.03, 0.04]

    verdict = compare_rounds(
        [1.0] * 8, [exp(x) for x in logs for _ in range(2)], passes=[1, 1, 2, 2, 3, 3, 4, 4]
    )

    half_width = 5.84091 * 0.0129099 / 2
    assert verdict.ratio == pytest.approx(exp(0.025))
    assert verdict.low == pytest.approx(exp(0.025 - half_width), rel=1e-5)
    assert verdict.high == pytest.approx(exp(0.025 + half_width), rel=1e-5)
    assert verdict.detectable == pytest.approx(1.01 * exp(half_width) - 1, rel=1e-4)
    assert (verdict.outcome, verdict.units) == ("undecided", 4)


@given(PAIRS, st.sampled_from([1e-3, 1e3, 2.0**-20]))
def test_a_verdict_does_not_depend_on_the_unit(pairs, scale):
    base, head = arms(pairs)
    plain = compare_rounds(base, head)
    scaled = compare_rounds([scale * x for x in base], [scale * x for x in head])

    for name in ("ratio", "low", "high", "detectable", "units"):
        expected = getattr(plain, name)
        assert getattr(scaled, name) == (expected and pytest.approx(expected, rel=1e-6, abs=1e-9))


@given(PAIRS)
def test_swapping_the_arms_mirrors_the_verdict(pairs):
    base, head = arms(pairs)
    one, other = compare_rounds(base, head), compare_rounds(head, base)
    assume(one.low is None or abs(one.low - 1.01) > 1e-9 < abs(1 / one.high - 1.01))

    assert other.outcome == MIRROR[one.outcome]
    assert other.ratio == pytest.approx(1 / one.ratio)
    assert (other.low is None) == (one.low is None)
    if one.low is not None and one.high is not None:
        assert other.low == pytest.approx(1 / one.high, rel=1e-6)
        assert other.high == pytest.approx(1 / one.low, rel=1e-6)


@given(st.lists(SECONDS, min_size=7, max_size=60))
def test_two_arms_that_are_one_are_the_same(rounds):
    verdict = compare_rounds(rounds, rounds)

    assert (verdict.outcome, verdict.ratio) == ("same", 1.0)
    assert verdict.detectable == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("ratio", "outcome"),
    [(1.05, "slower"), (1.015, "slower"), (1.005, "same"), (0.995, "same"), (0.95, "faster")],
)
def test_a_constant_ratio_is_judged_by_the_margins(ratio, outcome):
    verdict = compare_rounds([0.002] * 40, [0.002 * ratio] * 40, passes=sorted([*range(8)] * 5))

    assert verdict.outcome == outcome
    assert verdict.ratio == pytest.approx(ratio)


def test_the_margins_are_the_callers():
    rounds = [1.0] * 32, [1.03] * 32

    assert compare_rounds(*rounds, margin=0.02).outcome == "slower"
    assert compare_rounds(*rounds, margin=0.05, same_margin=0.04).outcome == "same"
    assert compare_rounds(*rounds, margin=0.05, same_margin=0.02).outcome == "undecided"
    assert compare_rounds(*rounds, margin=0.0).outcome == "slower"


def test_a_smaller_alpha_widens_the_interval_that_alarms():
    base, head, passes = noisy_arms(random.Random(3), ratio=1.02)

    narrow = compare_rounds(base, head, passes=passes, alpha=0.05)
    wide = compare_rounds(base, head, passes=passes, alpha=0.001)

    assert wide.low < narrow.low < narrow.ratio == wide.ratio < narrow.high < wide.high
    assert narrow.detectable < wide.detectable


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_fewer_than_four_passes_decide_nothing(passes):
    rounds = [1.0] * 24, [2.0] * 24

    verdict = compare_rounds(*rounds, passes=[n % passes for n in range(24)])

    assert (verdict.outcome, verdict.units, verdict.detectable) == ("undecided", passes, None)
    assert verdict.ratio == pytest.approx(2.0)
    assert (verdict.low is None) == (passes == 1)


def test_two_passes_that_contradict_each_other_have_an_interval_without_bounds():
    verdict = compare_rounds([1.0, 1e-6], [1e-6, 1.0], passes=[1, 2])

    assert (verdict.outcome, verdict.high) == ("undecided", inf)
    assert verdict.low == pytest.approx(0.0)


def test_without_passes_contiguous_batches_are_the_unit_and_the_method_says_so():
    told = compare_rounds([1.0] * 64, [1.1] * 64, passes=sorted([*range(8)] * 8))
    untold = compare_rounds([1.0] * 64, [1.1] * 64)

    assert (told.units, untold.units) == (8, 8)
    assert "over 8 passes" in told.method
    assert "over 8 contiguous batches of one process" in untold.method


@given(st.integers(1, 400))
def test_batches_leave_no_round_out_and_split_no_quad(pairs):
    """With quads of alternating signs every whole quad reads zero, and only a split one not."""
    head = [1.5 if place % 2 else 1 / 1.5 for place in range(pairs - pairs % 2)]
    head += [1.0] * (pairs % 2)

    verdict = compare_rounds([1.0] * pairs, head)

    assert verdict.ratio == pytest.approx(1.0)
    assert verdict.low in (None, pytest.approx(1.0))
    assert 1 <= verdict.units <= 16


def test_the_order_in_which_the_passes_are_told_does_not_matter():
    base, head, passes = noisy_arms(random.Random(4), ratio=1.01)
    blocks = [[i for i, name in enumerate(passes) if name == wanted] for wanted in (3, 0, 7, 1)]
    places = [place for block in blocks for place in block]
    turned = sorted(places)

    shuffled = compare_rounds(
        [base[i] for i in places], [head[i] for i in places], passes=[passes[i] for i in places]
    )
    ordered = compare_rounds(
        [base[i] for i in turned], [head[i] for i in turned], passes=[passes[i] for i in turned]
    )

    assert shuffled.ratio == pytest.approx(ordered.ratio)
    assert shuffled.low == pytest.approx(ordered.low)


def test_a_drift_and_a_few_disturbed_rounds_do_not_make_a_change():
    draw = random.Random(5)
    drift = [1e-3 * (1 + 0.002 * n) for n in range(400)]
    base = [x * (3 if draw.random() < 0.05 else 1) for x in drift]

    verdict = compare_rounds(base, drift, passes=[n // 50 for n in range(400)])

    assert verdict.outcome == "same"
    assert verdict.ratio == pytest.approx(1.0, abs=1e-3)


def test_no_change_hardly_ever_alarms_and_five_percent_are_found():
    draw = random.Random(6)
    alarms = found = 0
    for _ in range(200):
        base, head, passes = noisy_arms(draw, ratio=1.0, pairs=20, pass_noise=0.01)
        alarms += compare_rounds(base, head, passes=passes).outcome in ("slower", "faster")
        base, head, passes = noisy_arms(draw, ratio=1.05, pairs=20, pass_noise=0.01)
        found += compare_rounds(base, head, passes=passes).outcome == "slower"

    assert alarms <= 1
    assert found >= 190


@pytest.mark.parametrize(
    ("base", "head", "options", "complaint"),
    [
        ([1.0], [1.0, 2.0], {}, "as many rounds as each other, found 1 and 2"),
        ([], [], {}, "at least one pair"),
        ([1.0, nan], [1.0, 1.0], {}, r"base\[1\] must be positive finite seconds, found nan"),
        ([1.0], [inf], {}, r"head\[0\] must be positive finite seconds, found inf"),
        ([0.0], [1.0], {}, r"base\[0\] must be positive finite seconds, found 0.0"),
        ([1.0], [-1.0], {}, r"head\[0\] must be positive finite seconds, found -1.0"),
        ([None], [1.0], {}, r"base\[0\] must be positive finite seconds, found None"),
        ([1e-300], [1e300], {}, r"head\[0\] ÷ base\[0\] must be a number"),
        ([1.0], [1.0], {"passes": [1, 2]}, "pass of each of the 1 pairs, found 2"),
        ([1.0], [1.0], {"margin": -0.1}, "margin must be a fraction between 0 and 1, found -0.1"),
        ([1.0], [1.0], {"same_margin": 0.0}, "same_margin must be a fraction"),
        ([1.0], [1.0], {"alpha": 1.0}, "alpha must be a fraction"),
        ([1.0], [1.0], {"alpha": nan}, "alpha must be a fraction"),
    ],
    ids=str,
)
def test_what_cannot_be_compared_says_why(base, head, options, complaint):
    with pytest.raises(ValueError, match=complaint) as refused:
        compare_rounds(base, head, **options)

    assert isinstance(refused.value, SepconvError)


def test_arrays_are_rounds_too():
    numpy = pytest.importorskip("numpy")

    verdict = compare_rounds(
        numpy.full(32, 1e-3), numpy.full(32, 2e-3), passes=numpy.arange(32) // 4
    )

    assert isinstance(verdict, Verdict)
    assert verdict.outcome == "slower"
    assert type(verdict.ratio) is float


def test_the_room_is_imported_without_its_numeric_libraries():
    program = (
        "import sys; import sepconv.judge; sepconv.judge.compare_rounds; "
        "assert not {'numpy', 'scipy', 'pandas'} & sys.modules.keys(); "
        "from sepconv.judge import Verdict; "
        "assert not hasattr(sepconv.judge, 'nothing_of_the_kind')"
    )

    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_an_interval_at_99_percent_uses_the_tables_quantile():
    assert student_quantile(3, 0.99) == pytest.approx(5.84091, abs=1e-4)
