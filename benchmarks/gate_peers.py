"""The same pull requests in the hands of other tools, in the same hours on the same machine.

    python benchmarks/gate_peers.py --trials 20              needs asv and virtualenv: about an hour
    python benchmarks/gate_peers.py --report

Every trial is a made-up pull request of the gate's study (`gate.py`), with no change or with one
conv type slower by 5 or 10 % (arithmetic), judged one after the other, in random order, by

    pytest --benchmark-compare-fail=median:5%    base, then head, each in a process of its own
    the same with min:5%                         from the same two files
    asv continuous --interleave-rounds -f 1.05   both commits in rounds that alternate
    sepconv compare                              as it is

each with the settings that it comes with, on the 24 cases of the suite `pull-request`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from shutil import rmtree, which
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from gate import Trial, amounts_of, calibrate, write_variant

from sepconv.bench.lock import DeviceLock
from sepconv.bench.message import Side
from sepconv.case import Case
from sepconv.cli.comparison import Terms, compare_sides
from sepconv.cli.contender import Ready
from sepconv.cli.suite_file import find_suite
from sepconv.comparison import Contender, Outcome

ROOT = Path(__file__).parents[1]
TRIALS = (
    Trial("identical"),
    Trial("renamed"),
    Trial("arithmetic", "standard", 0.05),
    Trial("arithmetic", "depthwise_separable", 0.05),
    Trial("arithmetic", "spatially_separable", 0.05),
    Trial("arithmetic", "standard", 0.10),
    Trial("reordered"),
    Trial("arithmetic", "depthwise_separable", 0.10),
)
BUILD = """
import json, os, sys
from pathlib import Path
import torch
from sepconv.bench.code import import_convs_of
from sepconv.case import Case

torch.set_num_threads(1)
CASES = {case.label: case for case in map(Case.from_dict, json.loads(Path(CASES_FILE).read_text()))}

def build(label):
    convs = sys.modules.get("sepconv.convs") or import_convs_of(Path(TREE))
    case = CASES[label]
    torch.manual_seed(0)
    return convs.build_conv(case).requires_grad_(False), torch.randn(case.input_shape)
"""
PYTEST_SUITE = """
import os
CASES_FILE, TREE = os.environ["PEER_CASES"], os.environ["PEER_TREE"]
{build}
import pytest

@pytest.mark.parametrize("label", CASES)
def test_case(benchmark, label):
    conv, x = build(label)
    with torch.inference_mode():
        benchmark(conv, x)
"""
ASV_SUITE = """
import os, sys
CASES_FILE, TREE = {cases!r}, os.path.join(sys.prefix, "tree")
{build}

class Cases:
    params = list(CASES)

    def setup(self, label):
        self.conv, self.x = build(label)

    def time_case(self, label):
        with torch.inference_mode():
            self.conv(self.x)
"""
LEND = (
    "import site, sys, pathlib; "
    "pathlib.Path(site.getsitepackages()[0], 'lent.pth').write_text({paths!r})"
)
COPY = (
    "import shutil, sys, pathlib; t = pathlib.Path(sys.prefix, 'tree'); "
    "shutil.rmtree(t, ignore_errors=True); shutil.copytree(sys.argv[1], t)"
)


def run(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


class Peers:
    """Three tools, each given the same two trees."""

    def __init__(self, folder: Path, cases: list[Case], store_url: str) -> None:
        self._folder = folder
        self._store_url = store_url
        self._cases = folder / "cases.json"
        self._cases.write_text(json.dumps([case.to_dict() for case in cases]))
        (folder / "pytest").mkdir()
        suite = PYTEST_SUITE.format(build=BUILD)
        (folder / "pytest" / "test_cases.py").write_text(suite)
        self._make_asv()

    def by_pytest(self, base: Path, head: Path) -> dict[str, set[str]]:
        """The labels that are slower by median and by minimum."""
        times: list[dict[str, Any]] = []
        for name, tree in (("base", base), ("head", head)):
            target = self._folder / f"{name}.json"
            answer = run(
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                f"--benchmark-json={target}",
                cwd=self._folder / "pytest",
                PEER_CASES=str(self._cases),
                PEER_TREE=str(tree),
                PYTHONPATH=str(ROOT),
            )
            if answer.returncode:
                raise SystemExit(answer.stdout + answer.stderr)
            found = json.loads(target.read_text())["benchmarks"]
            times.append({one["params"]["label"]: one["stats"] for one in found})
        return {
            f"pytest --benchmark-compare-fail={field}:5%": {
                label
                for label, stats in times[1].items()
                if stats[field] > 1.05 * times[0][label][field]
            }
            for field in ("median", "min")
        }

    def by_asv(self, base: Path, head: Path) -> dict[str, set[str]]:
        """The labels that asv reports as slower by more than 5 %."""
        code = self._folder / "code"
        rmtree(code, ignore_errors=True)
        code.mkdir()
        git = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org")
        run("git", "init", "-q", "-b", "main", cwd=code)
        for name, tree in (("base", base), ("head", head)):
            rmtree(code / "sepconv", ignore_errors=True)
            run("cp", "-r", str(tree / "sepconv"), str(code / "sepconv"), cwd=code)
            run("git", "add", "--all", cwd=code)
            run(*git, "commit", "-q", "--allow-empty", "-m", name, cwd=code)
        rmtree(self._folder / "asv" / "results", ignore_errors=True)
        answer = run(
            *("asv", "continuous", "--interleave-rounds", "-f", "1.05", "--machine", "here"),
            *("HEAD~1", "HEAD"),
            cwd=self._folder / "asv",
            HOME=str(self._folder),
        )
        if "failed" in answer.stdout.lower() or answer.returncode not in (0, 1):
            raise SystemExit(answer.stdout + answer.stderr)
        worse = {
            label
            for line in answer.stdout.splitlines()
            if line.lstrip("| ").startswith("+")
            for label in json_labels(self._cases)
            if label in line
        }
        return {"asv continuous --interleave-rounds -f 1.05": worse}

    def by_sepconv(self, base: Path, head: Path) -> dict[str, set[str]]:
        """The labels that the gate calls slower."""
        done = compare_sides(
            find_suite("pull-request"),
            Ready(Contender("base"), Side(source=str(base))),
            Ready(Contender("head"), Side(source=str(head))),
            Terms(),
            store_url=self._store_url,
            wait=True,
        )
        slower = {one.head.label for one in done.cases if one.outcome is Outcome.SLOWER}
        return {"sepconv compare": slower}

    def _make_asv(self) -> None:
        folder = self._folder / "asv"
        (folder / "suites").mkdir(parents=True)
        suite = ASV_SUITE.format(build=BUILD, cases=str(self._cases))
        (folder / "suites" / "cases.py").write_text(suite)
        (folder / "suites" / "__init__.py").write_text("")
        lent = next(path for path in sys.path if path.endswith("site-packages"))
        lend = LEND.format(paths=f"{lent}\n{ROOT}\n")
        settings = {
            "version": 1,
            "project": "layers",
            "repo": str(self._folder / "code"),
            "branches": ["main"],
            "environment_type": "virtualenv",
            "pythons": [f"{sys.version_info.major}.{sys.version_info.minor}"],
            "benchmark_dir": "suites",
            "matrix": {"req": {}},
            "build_command": [],
            "install_command": [
                f'python -c "{lend}"',
                f'python -c "{COPY}" {{build_dir}}',
            ],
            "uninstall_command": ["return-code=any python --version"],
        }
        (folder / "asv.conf.json").write_text(json.dumps(settings))
        machine = {
            "here": {"machine": "here", "arch": "", "cpu": "", "num_cpu": "2", "os": "", "ram": ""}
        }
        (self._folder / ".asv-machine.json").write_text(json.dumps(machine | {"version": 1}))


def json_labels(path: Path) -> list[str]:
    return [Case.from_dict(plain).label for plain in json.loads(path.read_text())]


def measure(target: Path, trials: int, seed: int) -> None:
    """Trial after trial; a line of JSON for each tool in each of them."""
    cases = list(find_suite("pull-request").expand())
    coin = random.Random(seed)
    with TemporaryDirectory(prefix="sepconv-peers-") as place:
        folder = Path(place)
        with DeviceLock(["cpu"], wait=True):
            costs = calibrate(cases, folder / "calibration", ["arithmetic"])
        peers = Peers(folder, cases, f"sqlite:///{target.parent}/peers.db")
        for number in range(trials):
            trial = TRIALS[number % len(TRIALS)]
            amounts = amounts_of(trial, cases, costs[trial.kind]) if trial.share else None
            kind = trial.kind if trial.share else "identical"
            base = write_variant(folder / f"{number}-base", kind)
            head = write_variant(folder / f"{number}-head", trial.kind, amounts)
            tools = [peers.by_pytest, peers.by_asv, peers.by_sepconv]
            coin.shuffle(tools)
            for tool in tools:
                start = perf_counter()
                for name, slower in tool(base, head).items():
                    row = trial.settings | {"tool": name, "slower": sorted(slower)}
                    row["seconds"] = perf_counter() - start
                    with target.open("a") as file:
                        file.write(json.dumps(row) + "\n")
                    print(name, trial.settings, len(slower), flush=True)


def report(target: Path) -> None:
    """What each tool said of cases that had not changed, and of those that had."""
    rows = [json.loads(line) for line in target.read_text().splitlines()]
    cases = find_suite("pull-request").expand()
    told: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    spent: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        spent[row["tool"]].append(row["seconds"])
        is_red = False
        for case in cases:
            is_slowed = float(row["share"]) > 0 and case.conv_type == row["conv_type"]
            place = told[row["tool"]][f"+{float(row['share']):.0%}" if is_slowed else "no change"]
            place[0] += case.label in row["slower"]
            place[1] += 1
            is_red = is_red or case.label in row["slower"]
        if float(row["share"]) == 0:
            place = told[row["tool"]]["red without a change"]
            place[0] += is_red
            place[1] += 1
    columns = ["no change", "red without a change", "+5%", "+10%"]
    print(" | ".join(["tool", *columns, "seconds"]))
    print("|".join(["---"] * (len(columns) + 2)))
    for tool, own in told.items():
        cells = [f"{own[name][0]} of {own[name][1]}" if name in own else "–" for name in columns]
        print(" | ".join([tool, *cells, f"{sum(spent[tool]) / len(spent[tool]):.0f}"]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "peers.jsonl")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    asked = parser.parse_args()
    if not asked.report:
        if which("asv") is None:
            parser.error("asv is not installed: pip install asv virtualenv")
        measure(asked.out.resolve(), asked.trials, asked.seed)
    report(asked.out)


if __name__ == "__main__":
    main()
