"""Which commit changed a latency, from comparisons of which any may be wrong.

`git bisect` believes every answer, so one wrong answer leads to a wrong commit. Here every commit
of the range has a chance of being the one, and every comparison, weighed by what it shows and how
surely, moves these chances. Next is compared whatever tells most, which is where the chances on
both sides are alike: at first the middle, and later again what was compared before, so that
evidence adds up.

References:
    M. Horstein, "Sequential transmission using noiseless feedback", IEEE Transactions on
    Information Theory 9, 1963: the median of what is still likely.
    M. V. Burnashev and K. Sh. Zigangirov, "An interval estimation problem for controlled
    observations", Problems of Information Transmission 10, 1974: as fast as can be.
    R. Waeber, P. I. Frazier and S. G. Henderson, "Bisection search with noisy responses", SIAM
    Journal on Control and Optimization 51, 2013.
    `git help bisect`: first parents, and what to do with a commit that cannot be tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import hypot, log1p, log2

from sepconv.judge.culprit import SWAPPED, WRONG, Answer, Span, interval_of, weigh
from sepconv.judge.estimate import student_quantile
from sepconv.judge.gate import MARGIN
from sepconv.judge.interval import Interval

CONFIDENCE = 0.99
CHECK_AT = 0.9  # from this chance on, a commit is compared with the one before it
SHOWN = 0.99  # confidence at which a comparison shows a change
LEVEL_CONFIDENCE = 0.999  # at which a level is neither that of good nor that of bad …
ALONE_CONFIDENCE = 0.95  # … each of two comparisons says so too …
LEVEL_SHARE = 0.2  # … and it is so much of the change away from both


@dataclass(frozen=True)
class Bisection:
    """A search among `count` commits, of which the last is the bad one, and all answers so far.

    Of `skipped` places no comparison can be had; of them, and of the first that can be measured
    after them, only all together can be told.
    """

    count: int
    answers: tuple[Answer, ...] = ()
    skipped: frozenset[int] = frozenset()

    def told(self, answer: Answer) -> Bisection:
        """The search with one answer more."""
        return replace(self, answers=(*self.answers, answer))

    def without(self, place: int) -> Bisection:
        """The search in which this commit cannot be measured.

        Raises:
            ValueError: It is the good or the bad one.
        """
        if not 0 < place < self.count:
            raise ValueError(f"expected a place between 0 and {self.count}, found {place}")
        return replace(self, skipped=self.skipped | {place})

    @cached_property
    def effect(self) -> Interval | None:
        """The change between good and bad, where they were compared directly."""
        return self.between(0, self.count)

    @property
    def shows_change(self) -> bool:
        """Whether good and bad differ at all."""
        return self.effect is not None and self.effect.exceeds(0.0, SHOWN)

    @property
    def shows_sameness(self) -> bool:
        """Whether good and bad, compared twice at least, differ by nothing that matters."""
        return (
            self.effect is not None
            and len(self._alone(0, self.count)) > 1
            and self.effect.lies_within(log1p(MARGIN), SHOWN)
        )

    def between(self, base: int, head: int) -> Interval | None:
        """Over all passes in which these two were compared with each other."""
        values = [
            value
            for answer in self.answers
            if (answer.base, answer.head) == (base, head)
            for value in answer.values
        ]
        return interval_of(values) if len(values) > 1 else None

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The candidates: commits that can be told from each other, oldest first."""
        places = [place for place in range(self.count + 1) if place not in self.skipped]
        return tuple(Span(after, last) for after, last in pairwise(places))

    @cached_property
    def chances(self) -> Mapping[Span, float]:
        """How likely each candidate is to hold the culprit; what is missing to 1 is the chance
        that none does."""
        each = {
            place: weight / piece.count
            for piece, weight in self._weights.items()
            for place in range(piece.after + 1, piece.last + 1)
        }
        return {
            span: sum(each[place] for place in range(span.after + 1, span.last + 1))
            for span in self.spans
        }

    @property
    def nothing(self) -> float:
        """The chance that no commit of the range changed anything."""
        return max(0.0, 1.0 - sum(self.chances.values()))

    @cached_property
    def likeliest(self) -> Span:
        return max(self.spans, key=lambda span: self.chances[span])

    @property
    def is_checked(self) -> bool:
        """Whether the likeliest candidate, compared with what was before it, shows the change."""
        span = self.likeliest
        direct = self.between(span.after, span.last)
        return (
            direct is not None
            and direct.exceeds(0.0, SHOWN)
            and direct.centre * self._direction > 0
        )

    def has_found(self, confidence: float = CONFIDENCE) -> bool:
        """Whether one candidate is so likely, was seen to make the change by itself, and it was
        looked at whether that is all of the change."""
        return (
            self.chances[self.likeliest] >= confidence
            and self.is_checked
            and self._unsure_of_the_rest is None
        )

    def has_nothing(self, confidence: float = CONFIDENCE) -> bool:
        """Whether, after all, no commit changed anything."""
        return self.nothing >= confidence

    def next_pair(self, confidence: float = CONFIDENCE) -> tuple[int, int]:
        """The places to compare next, base and head.

        What splits the chances best; where commits cannot be measured, rather some way off. Once
        a candidate is likely, it against what was before it.
        """
        if not self.answers or (self._odd_place is not None and self.odd_level is None):
            return 0, self.count
        span = self.likeliest
        chance = self.chances[span]
        if chance >= min(CHECK_AT, confidence) and not self.is_checked:
            return span.after, span.last
        if chance >= confidence and (unsure := self._unsure_of_the_rest) is not None:
            return unsure
        worth = {(span.after, span.last): self._information(chance)}
        below = 0.0
        for each in self.spans:
            below += self.chances[each]
            pair = 0, each.last
            value = self._information(below) * self._odds_of_measuring(each.last)
            worth[pair] = max(value, worth.get(pair, 0.0))
        return max(worth, key=lambda pair: worth[pair])

    def is_first_check(self, pair: tuple[int, int]) -> bool:
        """Whether these are the likeliest candidate and what was before it, for the first time."""
        span = self.likeliest
        return pair == (span.after, span.last) and self.between(*pair) is None

    @property
    def leaves_a_rest(self) -> bool:
        """Whether the likeliest candidate makes surely less, or more, than all of the change."""
        rest = self._rest
        return rest is not None and abs(rest.centre) > self._much and rest.exceeds(0.0, SHOWN)

    def part(self, span: Span) -> Bisection:
        """The search within a part of the range, with the answers that are of use there."""
        inside = [
            replace(each, base=each.base - span.after, head=each.head - span.after)
            for each in self.answers
            if span.after <= each.base and each.head <= span.last
        ]
        skipped = {place - span.after for place in self.skipped if span.after < place < span.last}
        return Bisection(span.count, tuple(inside), frozenset(skipped))

    @property
    def odd_level(self) -> int | None:
        """A place whose level is neither that of good nor that of bad: there are several steps.

        It and the bad one were compared with good twice at least, so that one wrong answer does
        not tell of a level.
        """
        return self._odd_place if len(self._alone(0, self.count)) > 1 else None

    def expected_comparisons(self, confidence: float = CONFIDENCE) -> int:
        """About how many more it takes, if one commit is the culprit."""
        capacity = 1 - _entropy(self._odds_of_misleading)
        spread = sum(-chance * log2(chance) for chance in self.chances.values() if chance > 0)
        surely = log2(confidence / (1 - confidence)) / log2(1 / self._odds_of_misleading)
        return round(spread / capacity + surely) + (not self.answers)  # the ends tell no place

    @cached_property
    def _weights(self) -> Mapping[Span, float]:
        return weigh(self.count, self.answers, self._direction)

    @property
    def _direction(self) -> int:
        """1 where what is sought is slower, −1 where it is faster."""
        return -1 if self.effect is not None and self.effect.centre < 0 else 1

    @cached_property
    def _odds_of_misleading(self) -> float:
        """That a comparison speaks for the wrong side of two that are as likely."""
        beyond_noise = WRONG * SWAPPED
        if self.effect is None or not self.answers:
            return beyond_noise
        from scipy.special import stdtr

        typical = sorted(answer.interval.error for answer in self.answers)[len(self.answers) // 2]
        freedom = self.effect.count - 1
        noise = float(stdtr(freedom, -abs(self.effect.centre) / 2 / typical))
        return min(0.45, beyond_noise + noise)

    def _information(self, chance: float) -> float:
        """Bits that an answer to a question tells, whose answer is yes with that chance."""
        wrong = self._odds_of_misleading
        return _entropy(chance * (1 - wrong) + (1 - chance) * wrong) - _entropy(wrong)

    def _odds_of_measuring(self, place: int) -> float:
        """Of a place near others that cannot be measured: they come in runs."""
        odds = 1.0
        for run in self._skipped_runs:
            distance = run.after + 1 - place if place <= run.after else place - run.last
            odds = min(odds, distance / (distance + run.count))
        return odds

    @cached_property
    def _skipped_runs(self) -> tuple[Span, ...]:
        return tuple(Span(each.after, each.last - 1) for each in self.spans if each.count > 1)

    @property
    def _much(self) -> float:
        """A difference between levels that is worth a search of its own."""
        return LEVEL_SHARE * abs(self.effect.centre) if self.effect is not None else 0.0

    @property
    def _rest(self) -> Interval | None:
        """What the likeliest candidate, compared with what was before it, leaves of the change."""
        span, effect = self.likeliest, self.effect
        direct = self.between(span.after, span.last)
        if effect is None or direct is None or span.count == self.count:
            return None
        error, count = hypot(effect.error, direct.error), min(effect.count, direct.count)
        return Interval(effect.centre - direct.centre, error, count)

    @property
    def _unsure_of_the_rest(self) -> tuple[int, int] | None:
        """What to compare once more, where there may be a rest: one answer may be wrong."""
        if self._rest is None or abs(self._rest.centre) < self._much:
            return None
        span = self.likeliest
        pairs = [(0, self.count), (span.after, span.last)]
        once = [pair for pair in pairs if len(self._alone(*pair)) < 2]
        return once[0] if once else None

    @cached_property
    def _odd_place(self) -> int | None:
        """The place whose level is furthest from those of good and bad, if one fits neither."""
        if self.effect is None or not self.shows_change:
            return None
        places = {answer.head for answer in self.answers if answer.base == 0} - {self.count}
        oddities = {place: self._oddity(place, self.effect) for place in places}
        place = max(places, key=lambda each: oddities[each], default=0)
        return place if oddities.get(place) else None

    def _alone(self, base: int, head: int) -> list[Interval]:
        """What each comparison of these two said by itself."""
        return [each.interval for each in self.answers if (each.base, each.head) == (base, head)]

    def _oddity(self, place: int, effect: Interval) -> float:
        """How far the level of a place is from both ends at least; 0 if it may be one of them."""
        level, alone = self.between(0, place), self._alone(0, place)
        if level is None or len(alone) < 2:
            return 0.0
        quantile = student_quantile(level.count - 1, LEVEL_CONFIDENCE)
        for centre, error in (
            (0.0, level.error),
            (effect.centre, hypot(level.error, effect.error)),
        ):
            if abs(level.centre - centre) < max(quantile * error, self._much):
                return 0.0
            if any(abs(each.centre - centre) < each.half(ALONE_CONFIDENCE) for each in alone):
                return 0.0
        return min(abs(level.centre), abs(effect.centre - level.centre))


def _entropy(chance: float) -> float:
    """In bits, of a question whose answer is yes with that chance."""
    if not 0 < chance < 1:
        return 0.0
    return -chance * log2(chance) - (1 - chance) * log2(1 - chance)
