import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from sepconv.bench.allocator import tune_allocator
policy = tune_allocator() if sys.argv[1] == "tuned" else "default"
import torch
torch.set_num_threads(1)
conv, x = torch.nn.Conv2d(64, 64, 3, padding=1), torch.randn(1, 64, 112, 112)
with torch.inference_mode():
    for _ in range(5):
        conv(x)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        conv(x)
    print(policy, (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""


def faults_per_call(policy: str) -> tuple[str, float]:
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, policy], capture_output=True, text=True, check=True
    )
    found, faults = answer.stdout.split()
    return found, float(faults)


def test_the_tuned_allocator_keeps_the_pages_that_the_default_one_gives_back():
    default, default_faults = faults_per_call("default")
    tuned, tuned_faults = faults_per_call("tuned")

    if tuned == "default":
        pytest.skip("this C library cannot be tuned")
    assert default == "default"
    assert default_faults > 100
    assert tuned_faults < 8
