from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepconv.ratio import LogRatio


def test_a_pair_of_rounds_in_which_a_clock_did_not_move_is_left_out_of_the_ratio():
    base, head = (1.0, 1.0, 0.0, 1.0), (2.0, 2.0, 2.0, 0.0)

    assert LogRatio.of(base, head) == LogRatio.of(base[:2], head[:2])


def test_a_quad_in_which_a_clock_did_not_move_lends_its_other_pair_to_no_neighbour():
    base = (1.0, 0.0, 1.0, 1.0)
    head = (4.0, 9.0, 1.0, 1.0)

    assert LogRatio.of(base, head).mean == pytest.approx(log(4.0) / 2)


def test_the_quiet_mean_is_that_of_the_quads_that_were_least_disturbed():
    quiet = [((1.0, 1.0), (2.0, 2.0))] * 2
    disturbed = [((1.5, 1.4), (4.0, 4.5)), ((1.1, 1.2), (9.0, 9.0))] * 3
    base, head = ([x for quad in (*quiet, *disturbed) for x in quad[arm]] for arm in (0, 1))

    found = LogRatio.of(base, head)

    assert found.quiet_mean == pytest.approx(log(2.0))
    assert found.trimmed_mean > log(2.2)


@given(st.lists(st.tuples(st.floats(0.5, 2), st.floats(0.5, 2)), min_size=1, max_size=24))
def test_exchanging_the_arms_negates_every_mean_of_their_ratio(pairs):
    base, head = zip(*pairs, strict=True)

    there, back = LogRatio.of(base, head), LogRatio.of(head, base)

    for name in ("trimmed_mean", "mean", "quiet_mean"):
        assert getattr(there, name) == pytest.approx(-getattr(back, name), abs=1e-12)


def test_clocks_that_never_move_have_no_ratio():
    with pytest.raises(ValueError, match="clocks that move"):
        LogRatio.of((0.0, 0.0), (1.0, 1.0))
