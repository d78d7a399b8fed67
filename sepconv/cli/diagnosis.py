"""What a machine is found to be like, and what rings with a known answer say of its verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from sepconv.case import Case
from sepconv.cli.said import now_utc
from sepconv.errors import InvalidRounds
from sepconv.run import Environment, Machine, Peak, Selfcheck

if TYPE_CHECKING:
    from sepconv.bench.clock_check import ClockTest
    from sepconv.bench.host import Condition
    from sepconv.bench.selfcheck import Tried
    from sepconv.judge.verdict import Verdict

CALLED = frozenset({"slower", "faster"})  # what says that there is a change
LEAST_FOUND = 0.5  # of the injected slowdowns, for a selfcheck to pass


@dataclass(frozen=True)
class Trial:
    """A ring with a known answer, and what the gate made of it."""

    case: Case
    injected: float  # 0.05: head was made slower by 5 %; 0.0: both arms are the same
    seconds: float  # inside timed rounds, both arms together
    verdict: Verdict | None  # None if it could not be measured …
    error: str | None = None  # … for this reason

    @property
    def is_false_alarm(self) -> bool:
        """Whether a change was seen where there was none."""
        return not self.injected and self.verdict is not None and self.verdict.outcome in CALLED

    @property
    def is_found(self) -> bool:
        """Whether a slowdown was seen that was there."""
        return self.injected > 0 and self.verdict is not None and self.verdict.outcome == "slower"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for programs; without a verdict they are None."""
        from sepconv.judge.verdict import Verdict

        names = [field.name for field in fields(Verdict)]
        return {
            "case": self.case.label,
            "injected": self.injected,
            "seconds": self.seconds,
            "error": self.error,
            **{name: finite(getattr(self.verdict, name, None)) for name in names},
        }


@dataclass(frozen=True)
class Diagnosis:
    """Everything that `sepconv doctor` has to say."""

    device: str
    conditions: Sequence[Condition]
    machine: Machine | None = None  # None if no measuring process could be started
    environment: Environment | None = None
    peaks: Sequence[Peak] = ()
    trials: Sequence[Trial] = ()
    clock_tests: Sequence[ClockTest] = ()
    selfcheck: Selfcheck | None = None
    errors: Sequence[str] = ()

    @property
    def has_measured(self) -> bool:
        """Whether anything but the conditions is known."""
        return bool(self.peaks or self.clock_tests or any(trial.verdict for trial in self.trials))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for programs."""
        return {
            "device": self.device,
            "machine": asdict(self.machine) if self.machine else None,
            "environment": asdict(self.environment) if self.environment else None,
            "conditions": [asdict(condition) for condition in self.conditions],
            "peaks": [asdict(peak) for peak in self.peaks],
            "resolution": resolution(self.trials),
            "trials": [trial.to_dict() for trial in self.trials],
            "clock": [asdict(test) for test in self.clock_tests],
            "selfcheck": asdict(self.selfcheck) if self.selfcheck else None,
            "errors": list(self.errors),
        }


def judge_trial(tried: Tried) -> Trial:
    """What `compare_rounds` says of a ring: by CPU time on the CPU, else by the wall clock."""
    from sepconv.judge.verdict import compare_rounds

    case = plain_case(tried.trial.base)
    if not tried.blocks:
        error = tried.error or "not measured in the time there was"
        return Trial(case, tried.trial.injected, 0.0, None, error)
    clock = "cpu_latencies_s" if case.device == "cpu" else "latencies_s"
    base, head = (
        [second for pair in tried.blocks for second in getattr(pair[arm], clock)] for arm in (0, 1)
    )
    passes = [pair[0].pass_number for pair in tried.blocks for _ in pair[0].rounds]
    try:
        verdict = compare_rounds(base, head, passes=passes)
    except InvalidRounds as error:  # of a clock too coarse for such rounds
        return Trial(case, tried.trial.injected, tried.timed_s, None, str(error))
    return Trial(case, tried.trial.injected, tried.timed_s, verdict, tried.error)


def plain_case(case: Case) -> Case:
    """The convolution that a slowed case is made from; any other case is itself."""
    form = case.options.get("form")
    return case if form is None else replace(case, conv_type=str(form), options={})


def resolution(trials: Sequence[Trial]) -> dict[str, float] | None:
    """The smallest change that rings without one could have shown, and what it takes: medians."""
    usable = [
        (trial.verdict.detectable, trial.seconds, trial.verdict.units)
        for trial in trials
        if not trial.injected and trial.verdict and trial.verdict.detectable is not None
    ]
    if not usable:
        return None
    change, seconds, passes = (median(values) for values in zip(*usable, strict=True))
    if finite(change) is None:
        return None
    return {"change": change, "seconds_per_case": seconds, "passes": passes, "rings": len(usable)}


def conclude_trials(device: str, trials: Sequence[Trial], requested: float) -> Selfcheck:
    """Passed: no false alarm in any ring, and at least half of the slowdowns found.

    Rings that could not be measured count for neither; without any of a kind it has not passed.
    """
    from sepconv.judge.rate import highest_rate

    same = [trial for trial in trials if not trial.injected and trial.verdict]
    slowed = [trial for trial in trials if trial.injected and trial.verdict]
    alarms = sum(trial.is_false_alarm for trial in same)
    found = sum(trial.is_found for trial in slowed)
    really = [trial.verdict.ratio - 1 for trial in slowed if trial.verdict]
    return Selfcheck(
        device=device,
        checked_at=now_utc(),
        passed=bool(same and slowed) and not alarms and found >= LEAST_FOUND * len(slowed),
        detail={
            "false_alarms": alarms,
            "unchanged_rings": len(same),
            "highest_false_alarm_rate": highest_rate(alarms, len(same)),
            "proven_same": sum(t.verdict is not None and t.verdict.outcome == "same" for t in same),
            "found": found,
            "slowed_rings": len(slowed),
            "requested_slowdown": requested,
            "measured_slowdown": median(really) if really else None,
            "unmeasured_rings": len(trials) - len(same) - len(slowed),
            "resolution": resolution(trials),
        },
    )


def conclude_clock(device: str, tests: Sequence[ClockTest]) -> Selfcheck:
    """Passed: the clock of the device answered every question right."""
    return Selfcheck(
        device=device,
        checked_at=now_utc(),
        passed=bool(tests) and all(test.passed for test in tests),
        detail={"clock": [asdict(test) for test in tests]},
    )


def finite(value: Any) -> Any:
    """`value`, or None where it is a bound that is none: JSON knows no infinity."""
    return None if isinstance(value, float) and value in (float("inf"), -float("inf")) else value
