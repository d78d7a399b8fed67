from sepconv.figures.frame import inert, spell
from sepconv.record import Estimate


def test_an_interval_is_spelled_in_the_unit_of_its_value():
    assert spell(Estimate(1.01e-3, 0.99e-3, 1.03e-3), "latency_s") == "1.01 ms [0.990, 1.03]"
    assert spell(Estimate(2.0), "realised_speedup") == "2.0× (no interval)"


def test_inert_text_has_no_tags_or_entities():
    assert inert("<b>&lt;") == "&lt;b&gt;&amp;lt;"
