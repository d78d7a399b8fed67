"""What makes runs comparable on one machine, as torch and the process see it."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Collection

import torch

from sepconv.run import Environment

OPENMP_VARIABLE = re.compile(r"(OMP|KMP|GOMP|MKL|DNNL|ONEDNN)_\w+")
SET_PER_CASE = re.compile(r"\w+_NUM_THREADS")  # the case says how many threads
BACKENDS = (
    ("oneDNN", re.compile(r"MKL-DNN v(\S+)|oneDNN v?(\d\S+)")),
    ("MKL", re.compile(r"Math Kernel Library Version (\S+)")),
    ("OpenMP", re.compile(r"OpenMP (\d+)")),
)


def capture_environment(allocator: str, hidden: Collection[str] = ()) -> Environment:
    """The environment of this process, whose allocator policy is `allocator`.

    `hidden` are variables that say where, not how: the numbers of cores.
    """
    return Environment(
        python=".".join(platform.python_version_tuple()[:2]),
        torch=torch.__version__,
        backends=_backends(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        allocator=allocator,
        omp_settings=_openmp_settings(hidden),
        cuda=torch.version.cuda,
    )


def _backends() -> tuple[str, ...]:
    """The libraries that compute, with their versions, as torch says it was built."""
    build = torch.__config__.show()
    found = []
    for name, pattern in BACKENDS:
        if match := pattern.search(build):
            version = next(group for group in match.groups() if group)
            found.append(f"{name} {version.rstrip(',')}")
    cudnn = torch.backends.cudnn.version() if torch.version.cuda else None  # type: ignore[no-untyped-call]
    if cudnn:
        found.append(f"cuDNN {cudnn}")
    return tuple(found)


def _openmp_settings(hidden: Collection[str]) -> tuple[str, ...]:
    return tuple(
        f"{name}={value}"
        for name, value in sorted(os.environ.items())
        if OPENMP_VARIABLE.fullmatch(name)
        and not SET_PER_CASE.fullmatch(name)
        and name not in hidden
    )
