"""How often something happens, from the few times that it was tried."""

from __future__ import annotations


def highest_rate(events: int, tries: int, confidence: float = 0.95) -> float:
    """The largest rate that `events` of `tries` still allow: none of 59 is at most 5 %.

    Raises:
        ValueError: There were more events than tries, or fewer than none.

    References:
        C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated
        in the case of the binomial", Biometrika 26, 1934; one-sided.
    """
    if not 0 <= events <= tries:
        raise ValueError(f"events must be between 0 and the {tries} tries, found {events}")
    if events == tries:
        return 1.0
    from scipy.special import betaincinv  # a tenth of the import time of scipy.stats

    return float(betaincinv(events + 1, tries - events, confidence))
