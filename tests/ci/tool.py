"""The programs that continuous integration needs: there, or the test is skipped, but not in CI."""

from __future__ import annotations

import os
import shutil

import pytest


def need(*names: str) -> None:
    """Skip the test where one of the programs is missing; in CI that is a failure."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"CI must have {', '.join(missing)}: .ci/run installs what tests need")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
