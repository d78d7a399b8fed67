"""Results as other tools keep them, one format per file: read, written, or both."""

from __future__ import annotations

from sepconv.store.exchange.bencher import BENCHER
from sepconv.store.exchange.format import Format
from sepconv.store.exchange.github_action_benchmark import GITHUB_ACTION_BENCHMARK
from sepconv.store.exchange.pytest_benchmark import PYTEST_BENCHMARK

FORMATS: dict[str, Format] = {
    "pytest-benchmark": PYTEST_BENCHMARK,
    "bencher": BENCHER,
    "github-action-benchmark": GITHUB_ACTION_BENCHMARK,
}
"""Every format by its name."""
