"""The search for the commit, step by step: what is compared next, and when it is enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sepconv.case import Case
from sepconv.cli import elapsed_s
from sepconv.cli.finding import Culprit, Ending, Finding, Limits, describe_change
from sepconv.cli.quarry import MOST_CASES, Quarry, suite_of
from sepconv.cli.step import Step, Stepper, Trouble
from sepconv.errors import MeasuringFailed
from sepconv.judge.bisection import Bisection
from sepconv.judge.culprit import Answer, Span
from sepconv.judge.followed import choose_cases, combine
from sepconv.report.text import headline
from sepconv.suite import Suite
from sepconv.units import format_duration

LOOKS = 4  # at good against bad, until a change is shown
PART_LOOKS = 2  # at the ends of a part, where there may be another step


class Hunt:
    """One search: all answers so far, and what is still to be searched."""

    def __init__(self, stepper: Stepper, quarry: Quarry, limits: Limits) -> None:
        self._stepper = stepper
        self._quarry = quarry
        self._limits = limits
        self._whole = Bisection(len(stepper.commits.commits))
        self._cases: dict[str, Case] = {}
        self._weights: Mapping[str, float] = {}
        self._suite: Suite = quarry.suite
        self._culprits: list[Culprit] = []
        self._queue: list[Span] = []
        self._failures: Counter[int] = Counter()
        self._reasons: dict[int, str] = {}
        self._steps = 0
        self._begun_s = elapsed_s()

    def recall(self, steps: Sequence[Step]) -> None:
        """Take up what an earlier search has measured, oldest step first."""
        for step in steps:
            self._hear(step)
        if steps:
            self._say(f"{len(steps)} comparisons are there already")

    def run(self) -> Finding:
        """Search, until it is found or enough.

        Raises:
            MeasuringFailed: The good or the bad commit cannot be measured.
        """
        whole = Span(0, self._whole.count)
        self._queue = [whole]
        try:
            self._look(whole)
            while self._queue and self._whole.shows_change:
                self._search(self._queue[0])
                self._queue.pop(0)
        except KeyboardInterrupt:
            return self._told(Ending.INTERRUPTED)
        except _Spent:
            return self._told(Ending.FOUND if self._culprits else Ending.UNCLEAR)
        if self._culprits:
            return self._told(Ending.FOUND)
        is_gone = not self._whole.shows_change or self._whole.has_nothing(0.5)
        return self._told(Ending.NO_CHANGE if is_gone else Ending.UNCLEAR)

    def _look(self, whole: Span) -> None:
        """Compare good and bad, choose what to follow, and go on until they surely differ."""
        count = whole.count
        told = f"{count} commit{'s' * (count != 1)}"
        self._say(f"{told}, about {self._expected(self._whole)} comparisons")
        while not self._whole.shows_change and self._ends(whole) < LOOKS:
            if self._whole.shows_sameness:
                return
            step = self._compare(whole.after, whole.last)
            if step is not None:
                self._tell_cost(step)

    def _tell_cost(self, step: Step) -> None:
        """Say what the rest will take, by what this step took."""
        if self._whole.shows_change:
            left = self._expected(self._whole)
            times = f"about {left} comparison{'s' * (left != 1)} more"
            self._say(f"{times}, {format_duration(left * step.took_s)}")

    def _search(self, span: Span) -> None:
        """Find the step within that part, or that there is none."""
        while True:
            part = self._whole.part(span)
            if not part.shows_change:
                if self._ends(span) >= PART_LOOKS:
                    return
                pair = 0, part.count
            elif part.has_found(self._limits.confidence):
                self._keep(span, part)
                return
            elif part.has_nothing(self._limits.confidence):
                return
            elif (place := part.odd_level) is not None:
                self._say(f"{self._name(span.after + place)} is on a level of its own")
                self._queue += self._parts(span, span.after + place, span.after + place)
                return
            else:
                pair = part.next_pair(self._limits.confidence)
                if part.is_first_check(pair):
                    self._stepper.renew()  # what one server drew once is not in both
            self._compare(span.after + pair[0], span.after + pair[1])
            if self._failures[span.after] > 1 or self._failures[span.last] > 1:
                return  # an end of a part that cannot be measured any more

    def _keep(self, span: Span, part: Bisection) -> None:
        """One step is found; where it leaves a rest, both sides of it are searched."""
        found = part.likeliest
        change = part.between(found.after, found.last)
        assert change is not None
        own = Span(span.after + found.after, span.after + found.last)
        self._culprits.append(Culprit(own, change, part.chances[found]))
        self._culprits.sort(key=lambda each: -abs(each.change.centre))
        if part.leaves_a_rest:
            self._queue += self._parts(span, own.after, own.last)

    def _parts(self, span: Span, until: int, since: int) -> list[Span]:
        """What of the span lies before and after these places, the larger difference first."""
        parts = [part for part in (Span(span.after, until), Span(since, span.last)) if part.count]
        return sorted(parts, key=lambda part: -self._difference(part))

    def _difference(self, part: Span) -> float:
        """Between the ends of a part, as far as both were compared with good."""
        levels = [
            found.centre if (found := self._whole.between(0, place)) else 0.0
            for place in (part.after, part.last)
        ]
        return abs(levels[1] - levels[0])

    def _compare(self, base: int, head: int) -> Step | None:
        """One step more; None if it only showed that a commit cannot be measured.

        Raises:
            _Spent: There are no steps left, or no time.
        """
        spent_s = elapsed_s() - self._begun_s
        budget_s = self._limits.budget_s
        if self._steps >= self._limits.steps_for(self._whole.count):
            raise _Spent
        if budget_s is not None and self._steps and spent_s > budget_s:
            raise _Spent
        self._say(f"comparing {self._name(base)} with {self._name(head)}")
        where = None if self._weights else self._quarry.where
        step = self._stepper.compare(base, head, self._suite, where)
        self._steps += 1
        return step if self._hear(step) else None

    def _hear(self, step: Step) -> bool:
        """Take note of a step; returns whether it says something."""
        if not self._weights and step.logs and not self._follow(step):
            return False
        if (trouble := step.trouble_with(self._weights)) is not None:
            self._note(trouble)
            return False
        values = combine(step.logs, self._weights)
        self._whole = self._whole.told(Answer(step.base, step.head, values))
        found = self._whole.answers[-1].interval
        self._say(f"{self._name(step.base)} → {self._name(step.head)}: {describe_change(found)}")
        return True

    def _follow(self, step: Step) -> bool:
        """Choose the cases to follow; returns whether this step may say something of them.

        Of many, those that were chosen for being clear are measured anew: what made them clear
        is partly chance.
        """
        event = self._quarry.event
        direction = 0 if event is None else {"slower": 1, "faster": -1}.get(event.direction, 0)
        passes = {name: list(own.values()) for name, own in step.logs.items()}
        self._weights = choose_cases(passes, MOST_CASES, direction)
        assert step.comparison is not None
        cases = {one.head.identity: one.head for one in step.comparison.cases}
        self._cases = {name: cases[name] for name in self._weights}
        self._suite = suite_of(self._cases.values())
        labels = ", ".join(case.label for case in self._cases.values())
        self._say(f"following {labels}")
        return len(step.logs) <= MOST_CASES

    def _note(self, trouble: Trouble) -> None:
        """A commit cannot be measured: once more, if it ever could, else not again.

        Raises:
            MeasuringFailed: It is the good or the bad one.
        """
        place, reason = trouble.place, headline(trouble.reason)
        self._failures[place] += 1
        self._say(f"{self._name(place)} cannot be measured: {reason}")
        known = any(place in (each.base, each.head) for each in self._whole.answers)
        if known and self._failures[place] == 1:
            return
        if place in (0, self._whole.count):
            which = "good" if place == 0 else "bad"
            raise MeasuringFailed(
                f"the {which} commit {self._name(place)} cannot be measured: {reason}; "
                f"name another one with --{which}"
            )
        self._reasons[place] = reason
        self._whole = self._whole.without(place)

    def _told(self, ending: Ending) -> Finding:
        part = self._queue[0] if self._queue else Span(0, self._whole.count)
        chances = {
            Span(part.after + each.after, part.after + each.last): chance
            for each, chance in self._whole.part(part).chances.items()
        }
        ranked = sorted(chances.items(), key=lambda item: -item[1])
        return Finding(
            self._stepper.commits,
            list(self._cases.values()),
            ending,
            self._whole.effect,
            self._culprits,
            dict(ranked),
            self._queue if self._culprits else (),
            self._reasons,
            self._steps,
            elapsed_s() - self._begun_s,
        )

    def _ends(self, span: Span) -> int:
        """How often the ends of a part were compared with each other."""
        return sum(
            (each.base, each.head) == (span.after, span.last) for each in self._whole.answers
        )

    def _expected(self, search: Bisection) -> int:
        return search.expected_comparisons(self._limits.confidence)

    def _name(self, place: int) -> str:
        return self._stepper.commits.at(place).commit[:10]

    def _say(self, text: str) -> None:
        self._stepper.say(text)


class _Spent(Exception):
    """Steps or time are used up."""
