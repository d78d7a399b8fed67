"""Write a run to a store and die of SIGKILL with the store open.

Argument: the store's path.
"""

from __future__ import annotations

import os
import signal
import sys

from sepconv.run import Environment, Machine, Run
from sepconv.store import Store

machine = Machine("Some CPU", "x86_64", 2, 4, 16)
environment = Environment("3.11", "2.13.0", (), "AVX2", "tuned")
store = Store(sys.argv[1])
store.begin_run(Run("a" * 32, "quick", "2026-03-01T10:00:00+00:00", machine, environment))
os.kill(os.getpid(), signal.SIGKILL)
