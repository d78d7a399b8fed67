"""Hands pytest the cases of a suite, and the store that keeps what they measure.

`pytest benchmarks --suite quick -k "depthwise and cpu"` works by itself, with the options and
tables of pytest-benchmark; `sepconv run` uses the same suites for its passes.
"""

import pytest

from sepconv.cli import pytest_run


def pytest_addoption(parser: pytest.Parser) -> None:
    pytest_run.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    pytest_run.configure(config)
