"""What a format is, what it reads from a file, and what it is given to write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sepconv.case import Case
from sepconv.metric import METRICS
from sepconv.record import Estimate, Measurement, Status
from sepconv.run import Run
from sepconv.store.exchange.sample import Sample
from sepconv.store.read import StoredBlock


@dataclass(frozen=True)
class Entry:
    """One benchmark of a file, before it is known which case it is of."""

    place: str  # "benchmarks[3]"
    name: str
    conv_type: str  # what stands in for one where nothing else names it
    params: Mapping[str, Any]  # of JSON's types
    values: Mapping[str, Estimate]
    status: Status = Status.NOISY  # what has no interval is
    error: str | None = None
    passes: int = 1
    unsupported: Mapping[str, str] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    is_own: bool = False  # sepconv wrote it: its values are complete
    refused_because: str | None = None  # whatever its case is

    def measurement(self, case: Case) -> Measurement:
        """What was measured, as that of `case`."""
        return Measurement(
            case, self.status, self.error, self.values, self.passes, self.unsupported
        )


@dataclass(frozen=True)
class Reading:
    """What a file holds. The run has no uid yet; `exported_uid` is that of the run of some store
    that sepconv wrote the file from."""

    run: Run
    entries: tuple[Entry, ...]
    exported_uid: str | None = None


@dataclass(frozen=True)
class Writing:
    """What of a run is to be written: measurements that have a value of `metric`."""

    run: Run
    measurements: Sequence[Measurement]
    metric: str = "latency_s"
    blocks: Mapping[str, Sequence[StoredBlock]] = field(default_factory=dict)  # by identity

    @property
    def names(self) -> list[str]:
        """A name for each measurement: its label; of labels that are the same, with the identity.

        Other tools take names for identities, so that two cases must not share one.
        """
        labels = [measurement.case.label for measurement in self.measurements]
        counts = Counter(labels)
        return [
            label if counts[label] == 1 else f"{label}-{measurement.case.identity}"
            for label, measurement in zip(labels, self.measurements, strict=True)
        ]


@dataclass(frozen=True)
class Format:
    """How another tool keeps results: what reads its files, and what writes them.

    `read` is given the content of a file and what to call it in errors, and raises
    `InvalidExchange`. Files may come from anybody: nothing in them is evaluated.
    """

    name: str
    tool: str  # what reads it, for people
    read: Callable[[bytes, str], Reading] | None = None
    write: Callable[[Writing], bytes] | None = None
    metrics: tuple[str, ...] = tuple(METRICS)  # that can be written
    wants_blocks: bool = False  # to write rounds, and not only values
    advice: Callable[[str], str | None] = lambda metric: None  # about a metric, to whoever exports
