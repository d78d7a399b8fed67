"""Does `sepconv bisect` find the commit? Whole searches in made-up repositories, one after another.

    python benchmarks/bisection.py --trials 20             20 searches more, told as they end
    python benchmarks/bisection.py --report                the table of all that were made
    python benchmarks/bisection.py --trials 5 --share 0.03 slower by about 3 %, instead of 5

Every trial makes a git repository of 64 commits of the layers. Each changes something that does not
matter: a comment, a constant, a function or an import that nobody uses, a text. One of them, at
random, also makes depthwise separable convolution slower, by arithmetic, memory traffic, an
allocation, a layout copy, dispatch or Python itself; how much of each is that share of a call was
learnt before, in rings. Then `sepconv bisect` is run as people type it. What it said is a line of
JSON in `--output`, so that the study can be stopped and goes on; it should be run from a checkout
that nobody edits meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from gate import UNITS_S, Amounts, Costs, add_import, known_costs, units_for, write_variant

from sepconv.case import Case

COMMITS = 64  # the first one is good
KINDS = tuple(kind for kind in UNITS_S if kind != "tail")  # which no trimmed mean sees
CASE = Case(conv_type="depthwise_separable", in_channels=96, out_channels=96, height=28, width=28)
IDENTITY = {
    "GIT_AUTHOR_NAME": "study",
    "GIT_AUTHOR_EMAIL": "study@example.org",
    "GIT_COMMITTER_NAME": "study",
    "GIT_COMMITTER_EMAIL": "study@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def git(folder: Path, *arguments: str) -> str:
    """What git prints."""
    return subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | IDENTITY,
    ).stdout.strip()


def make_repository(
    folder: Path, coin: random.Random, culprit: int, kind: str, amounts: Amounts
) -> list[str]:
    """A repository whose commit of that number makes the case slower; returns all commits, oldest
    first."""
    write_variant(folder, kind)
    (folder / "README").write_text("layers\n")
    git(folder, "init", "-q", "-b", "main")
    for number in range(COMMITS):
        if number == culprit:
            slow = folder / "sepconv" / "convs" / "slow.py"
            text = slow.read_text()
            changed = text.replace(
                "AMOUNTS, EVERY = ", f"AMOUNTS, EVERY = {kind!r}, {amounts!r}, 8 #"
            )
            assert changed != text
            slow.write_text(changed)
        if number:
            edit(folder, coin, number)
        git(folder, "add", "--all")
        git(folder, "commit", "-q", "-m", f"Number {number}")
    return git(folder, "log", "--reverse", "--format=%H").split()


def edit(folder: Path, coin: random.Random, number: int) -> None:
    """Change something that does not matter."""
    path = coin.choice(sorted((folder / "sepconv" / "convs").glob("*.py")))
    text = path.read_text()
    changes = {
        "comment": f"{text}# number {number}\n",
        "constant": f"{text}\nUNUSED_{number} = {number}\n",
        "function": f"{text}\n\ndef _unused_{number}():\n    return {number}\n",
        "import": add_import(text),
    }
    change = coin.choice([*changes, "text"])
    if change == "text" or changes[change] == text:
        with (folder / "README").open("a") as file:
            file.write(f"number {number}\n")
        return
    path.write_text(changes[change])


def try_once(seed: int, share: float, costs: Costs) -> dict[str, Any]:
    """One search, from making the repository to what was found."""
    coin = random.Random(seed)
    culprit = coin.randrange(1, COMMITS)
    kind = coin.choice(KINDS)
    amounts = {CASE.identity: units_for(share, costs[kind][CASE.identity])}
    with TemporaryDirectory(prefix="sepconv-bisection-") as place:
        folder = Path(place) / "layers"
        commits = make_repository(folder, coin, culprit, kind, amounts)
        start_s = perf_counter()
        answer = subprocess.run(
            [
                *(sys.executable, "-m", "sepconv", "bisect", CASE.label),
                *("--good", commits[0], "--repo", str(folder), "--seed", str(seed), "--wait"),
                *("--store", str(Path(place) / "store.db"), "--format", "json"),
            ],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[1],
            check=False,
        )
        took_s = perf_counter() - start_s
    if not answer.stdout:
        raise SystemExit(answer.stderr)
    told = json.loads(answer.stdout)
    places = {commit: place for place, commit in enumerate(commits)}
    found = [places[each["commit"]] for each in told["culprits"]]
    return {
        "seed": seed,
        "share": share,
        "kind": kind,
        "culprit": culprit,
        "found": found,
        "is_right": found[:1] == [culprit],
        "ending": told["ending"],
        "effect": told["effect"],
        "comparisons": told["comparisons"],
        "took_s": took_s,
    }


def report(path: Path) -> None:
    """How many were right, what they took, and those that were not right."""
    trials = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    if not trials:
        raise SystemExit(f"{path}: no trial yet; make some with --trials 20")
    print(f"{'share':>6} {'right':>8} {'comparisons':>16} {'seconds':>16}")
    for share in sorted({each["share"] for each in trials}):
        own = [each for each in trials if each["share"] == share]
        right = f"{sum(each['is_right'] for each in own)}/{len(own)}"
        columns = [spread([each[name] for each in own]) for name in ("comparisons", "took_s")]
        print(f"{share:>6.0%} {right:>8} {columns[0]:>16} {columns[1]:>16}")
    for each in trials:
        if not each["is_right"]:
            effect = each["effect"] and f"{each['effect']['ratio'] - 1:+.1%}"
            print(
                f"seed {each['seed']}, {each['kind']}: {each['ending']}, found {each['found']}, "
                f"not {each['culprit']} (good to bad {effect})"
            )


def spread(values: Sequence[float]) -> str:
    """The middle and the ends: "9 (8–14)"."""
    return f"{median(values):.0f} ({min(values):.0f}–{max(values):.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=1)
    parser.add_argument("--share", type=float, default=0.05, help="of a call, that is added")
    parser.add_argument("--output", type=Path, default=Path("results/bisection.jsonl"))
    parser.add_argument("--report", action="store_true", help="measure nothing")
    asked = parser.parse_args()
    if not asked.report:
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        done = asked.output.read_text().count("\n") if asked.output.exists() else 0
        with TemporaryDirectory(prefix="sepconv-bisection-") as place:
            costs = known_costs(asked.output.with_suffix(".costs.json"), [CASE], Path(place))
        for seed in range(done + 1, done + 1 + asked.trials):
            trial = try_once(seed, asked.share, costs)
            with asked.output.open("a") as file:
                file.write(json.dumps(trial) + "\n")
            verdict = "right" if trial["is_right"] else f"{trial['ending']}, {trial['found']}"
            print(
                f"{seed}: {trial['kind']} at {trial['culprit']}: {verdict}; "
                f"{trial['comparisons']} comparisons, {trial['took_s']:.0f} s",
                flush=True,
            )
    report(asked.output)


if __name__ == "__main__":
    main()
