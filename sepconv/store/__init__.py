"""The room that keeps: a results database, on SQLite or PostgreSQL."""

from sepconv.store.address import shown_url as shown_url
from sepconv.store.read import StoredBlock as StoredBlock
from sepconv.store.read import StoredRun as StoredRun
from sepconv.store.store import Store as Store

__all__ = ["Store", "StoredBlock", "StoredRun", "shown_url"]
