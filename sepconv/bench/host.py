"""A fact of the machine that matters for measuring, and where such facts are read."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sepconv.bench.core import usable_cores

Goodness = Literal["good", "bad", "unknown"]


@dataclass(frozen=True)
class Condition:
    """One fact of the machine, whether it suits measuring, and what to do if it does not."""

    name: str
    found: str
    verdict: Goodness
    meaning: str  # why it matters
    advice: str = ""  # the command that changes it


@dataclass(frozen=True)
class Host:
    """Where the facts come from; a test gives it a folder and variables of its own."""

    root: Path = Path("/")
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cores: tuple[int, ...] = field(default_factory=usable_cores)  # none where it cannot pin
    libc: str = field(default_factory=lambda: platform.libc_ver()[0])

    @property
    def core_count(self) -> int:
        """How many logical cores this process may run on."""
        return len(self.cores) or os.cpu_count() or 1

    @property
    def measuring_core(self) -> int:
        """The core that a case with one thread is measured on."""
        return self.cores[-1] if self.cores else 0

    def read(self, path: str) -> str | None:
        """The text of a file below the root; None if there is none that can be read."""
        try:
            return (self.root / path).read_text(errors="replace").strip() or None
        except OSError:
            return None
