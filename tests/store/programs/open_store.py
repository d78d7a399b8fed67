"""Open a store as soon as told to by a line on stdin; say how that went.

Argument: the store's URL.
"""

from __future__ import annotations

import sys

from sepconv.store import Store

print("ready", flush=True)
sys.stdin.readline()
with Store(sys.argv[1]) as store:
    print(len(store.runs()), flush=True)
