"""Merge one store into another, and die of SIGKILL right after so many INSERTs.

Arguments: the URL to merge from, the URL to merge into, how many; 0 is to live.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count

from sqlalchemy import Engine, event

from sepconv.store import Store

source_url, target_url, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
inserted = count(1)


def die(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
    """Die if that was the last INSERT to be done."""
    if statement.startswith("INSERT") and next(inserted) == last:
        os.kill(os.getpid(), signal.SIGKILL)


with Store(source_url, read_only=True) as source, Store(target_url) as target:
    event.listen(Engine, "after_cursor_execute", die)
    target.merge(source)
