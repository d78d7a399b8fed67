"""By which rule the page judges two runs against each other: that of `judge.unpaired`."""

from __future__ import annotations

from typing import Any

from sepconv.comparison import Outcome
from sepconv.figures.table import Table
from sepconv.judge.estimate import NORMAL_QUANTILE
from sepconv.judge.gate import ALPHA, MARGIN
from sepconv.judge.unpaired import MOST_HALF, RUN_DRIFT_SD, UNPAIRED
from sepconv.report.dashboard.source import Source


def compare_section(source: Source, table: Table) -> dict[str, Any]:
    """The numbers of the rule, so that the script has none of its own; no run is judged here,
    since any two can be chosen."""
    return {
        "alpha": ALPHA,
        "margin": MARGIN,
        "drift_sd": RUN_DRIFT_SD,
        "most_half": MOST_HALF,
        "normal_quantile": NORMAL_QUANTILE,
        "unpaired": UNPAIRED,
        "outcomes": list(map(str, Outcome)),
    }
