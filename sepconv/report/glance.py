"""The headline as rows of plain text, for readers without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sepconv.figures.frame import spell
from sepconv.judge.finding import Contender, Headline
from sepconv.report.sentence import describe_shape, format_interval
from sepconv.units import format_ratio


@dataclass(frozen=True)
class GlanceRow:
    """One conv type at the headline shape."""

    shape: str
    name: str
    latency: str
    speedup: str
    ideal: str
    share: str


def glance_rows(headlines: Sequence[Headline]) -> list[GlanceRow]:
    """Every contender of every headline."""
    return [
        _row(f"{headline.shape.device}: {describe_shape(headline)}", contender)
        for headline in headlines
        for contender in headline.contenders
    ]


def _row(shape: str, contender: Contender) -> GlanceRow:
    latency, speedup, share = contender.latency, contender.speedup, contender.share
    return GlanceRow(
        shape=shape,
        name=contender.name,
        latency=spell(latency, "latency_s") if latency else contender.measurement.status,
        speedup=format_interval(speedup) if speedup and not contender.is_standard else "",
        ideal=format_ratio(contender.ideal) if contender.ideal else "",
        share=f"{100 * share.value:.0f} %" if share else "",
    )
