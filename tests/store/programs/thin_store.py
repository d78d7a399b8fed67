"""Drop the raw rounds of all runs and give the space back, and die of SIGKILL on the way.

Arguments: the store's URL, and when: "updates 3" right after the third UPDATE, not committed;
"vacuum 3" once the file is being written anew, after three thousand steps of SQLite's machine.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from itertools import count

from sqlalchemy import Engine, event

from sepconv.store import Store, thinning

url, what, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
updated = count(1)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_of_update(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
    """Die if that was the last UPDATE to be done."""
    if statement.startswith("UPDATE") and next(updated) == last:
        die()


class Mortal(sqlite3.Connection):
    """A connection that dies after so many steps of its first VACUUM."""

    def execute(self, statement: str, *rest: object) -> sqlite3.Cursor:
        if statement == "VACUUM":
            self.set_progress_handler(die, 1000 * last)
        return super().execute(statement, *rest)  # type: ignore[arg-type]


thinning.CHUNK = 10
with Store(url) as store:
    if what == "updates":
        event.listen(Engine, "after_cursor_execute", die_of_update)
    store.thin(keep_runs=0)
    if what == "vacuum":
        connect = sqlite3.connect
        sqlite3.connect = lambda *args, **options: connect(*args, **options, factory=Mortal)  # type: ignore[assignment]
        store.give_back()
