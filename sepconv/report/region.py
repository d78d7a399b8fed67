"""What cases have in common on the swept axes, in as few words as a sentence can bear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sepconv.case import Case
from sepconv.judge.axis import AXES, Axis, Value, name_of
from sepconv.judge.finding import axis_values
from sepconv.report.sentence import join_words
from sepconv.report.text import inert, shorten

ALWAYS_SAID = {"channels", "resolution", "stride"}
SPEAKING = {"bias", "compiled"}  # their values say what they are of: "with bias"
USUAL = Case(conv_type="standard", in_channels=64, out_channels=64, height=56, width=56)
"""What nobody says of an axis, unless it is one of those that are always said."""

MOST_NAMED = 2  # values, or conv types; of more, the ends or their number
NAME_LENGTH = 60  # letters of a conv type or a value that somebody else has named


def describe_region(cases: Sequence[Case]) -> str:
    """The conv types, then each axis on which the cases agree or lie between two ends:
    "depthwise separable, channels 64–256, resolution 56, stride 2"."""
    spans = (_span(AXES[name], values) for name, values in axis_values(cases).items())
    return ", ".join([_forms(cases), *filter(None, spans)])


def _forms(cases: Sequence[Case]) -> str:
    """The names, the most frequent first."""
    counts = Counter(shorten(inert(name_of(case)), NAME_LENGTH) for case in cases)
    names = sorted(counts, key=lambda name: (-counts[name], name))
    if len(names) <= MOST_NAMED + 1:
        return join_words(names)
    return f"{len(names)} conv types"


def _span(axis: Axis, values: Sequence[Value]) -> str:
    """Where the cases are on one axis; nothing where that is what everybody expects."""
    if list(values) == [axis.value(USUAL)] and axis.name not in ALWAYS_SAID:
        return ""
    said = _values(values, axis)
    return said if axis.name in SPEAKING else f"{axis.name.replace('_', ' ')} {said}"


def _values(values: Sequence[Value], axis: Axis) -> str:
    texts = [shorten(inert(value), NAME_LENGTH) for value in values]
    if len(texts) <= MOST_NAMED:
        return join_words(texts)
    has_ends = isinstance(axis.value(USUAL), int)
    return f"{texts[0]}–{texts[-1]}" if has_ends else f"of {len(texts)} kinds"
