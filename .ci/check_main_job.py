"""Fail unless a quickstart left the store and the report that a user was promised."""

import sys
from pathlib import Path

from sepconv import load

folder = Path(sys.argv[1])
frame = load(f"sqlite:///{folder / 'store.db'}")
latency = frame[frame.metric == "latency_s"]
speedup = frame[frame.metric == "realised_speedup"]
printed = (folder / "quickstart.txt").read_text()
page = (folder / "report.html").read_text()


def check(claim: str, holds: bool) -> None:
    """Print the claim, and end if it does not hold."""
    print(("ok   " if holds else "FAIL ") + claim)
    if not holds:
        sys.exit(1)


measured = {"ok", "noisy", "faulting", "throttled"}
check("at least 50 cases were planned", len(latency) >= 50)
check("every case was measured", set(latency.status) <= measured)
check("every latency is positive", bool((latency.value > 0).all()))
check("every latency has an interval around it", bool(latency.low.lt(latency.value).all()))
check("all three conv types are there", latency.conv_type.nunique() == 3)
separable = latency[latency.conv_type != "standard"]
check("every separable case has a paired speed-up", len(speedup) == len(separable))
check("FLOPs and params are beside them", {"flops", "params"} <= set(frame.metric))
check("the sentence names the headline shape", "At 64 channels, 56×56" in printed)
check("the summary says where the time went", "timed " in printed)
check("the report is one whole document", page.rstrip().endswith("</html>"))
check("the report has the sentence", "At 64 channels, 56×56" in page)
check("the report loads nothing", 'src="http' not in page and "default-src" in page)
check("the roofline has its roofs", '"roofs":[{' in page)
