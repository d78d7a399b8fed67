"""How often does a search name the right commit, if answers are noisy, and some are wrong?

    python benchmarks/bisection_simulation.py --trials 500

The levels are made up and the noise is Gaussian, so this says what the rule can do, not what a
machine does: for that see bisection.py. Beside it stands what `git bisect run` does with the same
comparisons: it believes each of them, slower or not by half of the change that good and bad showed.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable
from statistics import fmean, median
from time import process_time

from sepconv.judge.bisection import Bisection
from sepconv.judge.culprit import Answer, Span

PASSES = 8
LOOKS = 4  # at good against bad, until a change is shown
MOST = 40  # comparisons

Compare = Callable[[int, int], Answer]


def machine(coin: random.Random, culprit: int, change: float, sd: float, wrong: float) -> Compare:
    """Answers about commits of which one makes a change; some are wrong: half of these say what
    the other side would, half of them anything."""

    def compare(base: int, head: int) -> Answer:
        true = change if base < culprit <= head else 0.0
        if coin.random() < wrong:
            true = coin.choice([change - true, coin.uniform(-2 * change, 2 * change)])
        return Answer(base, head, tuple(coin.gauss(true, sd) for _ in range(PASSES)))

    return compare


def search(compare: Compare, count: int) -> tuple[Span | None, int]:
    """What `sepconv bisect` finds, and in how many comparisons."""
    state = Bisection(count)
    while not state.shows_change:
        if len(state.answers) == LOOKS or state.shows_sameness:
            return None, len(state.answers)
        state = state.told(compare(0, count))
    while not state.has_found():
        if len(state.answers) == MOST or state.has_nothing() or state.odd_level is not None:
            return None, len(state.answers)
        state = state.told(compare(*state.next_pair()))
    return state.likeliest, len(state.answers)


def halve(compare: Compare, count: int) -> tuple[Span | None, int]:
    """What halving finds that believes every answer."""
    limit = compare(0, count).interval.centre / 2
    good, bad, comparisons = 0, count, 1
    while bad - good > 1:
        middle = (good + bad) // 2
        comparisons += 1
        if (compare(0, middle).interval.centre > limit) == (limit > 0):
            bad = middle
        else:
            good = middle
    return Span(good, bad), comparisons


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=200)
    asked = parser.parse_args()
    print(
        f"{'commits':>7} {'change':>6} {'sd':>6} {'wrong':>5} | "
        f"{'right':>6} {'other':>6} {'none':>6} {'median':>6} {'90 %':>5} | {'halving':>7} {'':>6}"
    )
    begun_s, count = process_time(), 0
    for commits in (8, 64, 512):
        for change, sd in ((0.03, 0.012), (0.03, 0.025), (0.05, 0.012), (0.05, 0.025)):
            for wrong in (0.0, 0.05):
                right, other, halved = 0, 0, []
                taken, plain = [], []
                for seed in range(asked.trials):
                    coin = random.Random(seed)
                    culprit = coin.randint(1, commits)
                    found, steps = search(machine(coin, culprit, change, sd, wrong), commits)
                    is_right = found == Span(culprit - 1, culprit)
                    right += is_right
                    other += found is not None and not is_right
                    taken.append(steps)
                    simple, steps = halve(machine(coin, culprit, change, sd, wrong), commits)
                    halved.append(simple == Span(culprit - 1, culprit))
                    plain.append(steps)
                    count += 1
                share = 1 / asked.trials
                print(
                    f"{commits:>7} {change:>6.0%} {sd:>6.1%} {wrong:>5.0%} | "
                    f"{right * share:>6.1%} {other * share:>6.1%} "
                    f"{1 - (right + other) * share:>6.1%} {median(taken):>6.0f} "
                    f"{sorted(taken)[int(0.9 * asked.trials)]:>5} | "
                    f"{fmean(halved):>7.1%} {median(plain):>6.0f}",
                    flush=True,
                )
    print(f"{1000 * (process_time() - begun_s) / count:.0f} ms CPU time for both searches")


if __name__ == "__main__":
    main()
