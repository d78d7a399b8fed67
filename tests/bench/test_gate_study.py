"""The study's own tools do what they say: placebos change nothing, slowdowns only time."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
BUILDS = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
import gate
from sepconv.bench.code import import_convs_of
from sepconv.case import Case

cases = [
    Case(conv_type=name, in_channels=8, out_channels=8, height=9, width=9)
    for name in gate.CONV_TYPES
]
x = torch.randn(1, 8, 9, 9)
for kind in (*gate.PLACEBOS, *gate.UNITS_S):
    amounts = {case.identity: 40 for case in cases} if kind in gate.UNITS_S else None
    tree = gate.write_variant(Path(sys.argv[2]) / kind, kind, amounts)
    pid = os.fork()
    if pid == 0:
        convs = import_convs_of(tree)
        for case in cases:
            torch.manual_seed(0)
            module = convs.build_conv(case)
            outputs = [module(x) for _ in range(9)]
            assert all(torch.equal(y, outputs[0]) for y in outputs)
            print(kind, case.conv_type, float(outputs[0].sum()))
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, kind
"""


def test_every_variant_of_the_study_computes_the_same_and_no_two_trees_are_equal(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-c", BUILDS, str(BENCHMARKS), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert answer.returncode == 0, answer.stderr
    sums = {}
    for line in answer.stdout.splitlines():
        _, conv_type, total = line.split()
        sums.setdefault(conv_type, []).append(total)
    assert {conv_type: len(set(own)) for conv_type, own in sums.items()} == dict.fromkeys(sums, 1)
    assert {len(own) for own in sums.values()} == {12}
    trees = [
        "".join(path.read_text() for path in sorted(tree.rglob("*.py")))
        for tree in sorted(tmp_path.iterdir())
    ]
    assert len(set(trees)) == len(trees) == 12


@pytest.mark.slow
def test_the_simulation_repeats_itself_and_finds_a_large_slowdown():
    command = [sys.executable, str(BENCHMARKS / "gate_simulation.py"), "--gates"]

    said = [
        subprocess.run([*command, gates], capture_output=True, text=True, check=True).stdout
        for gates in ("4", "4", "32")
    ]

    assert said[0] == said[1] != said[2]
    lines = said[2].splitlines()[2:]
    assert len(lines) == 4
    assert all("+10% 100.0%" in line for line in lines)
    assert all(line.split(" | ")[1].startswith("0 of 4 ") for line in lines)
