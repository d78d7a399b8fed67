"""Measure a write of the store: one pass of a ring of two, against raw sqlite3.

    python benchmarks/store_write.py                 print the ratio of their CPU seconds

Both store the same rows, each ring in a transaction of its own, and take turns, so that what
else the machine does hits both. Raw sqlite3 gets its rows ready made: summaries and packed
rounds are part of what the store costs.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from sepconv import Case, Store
from sepconv.ratio import Pair
from sepconv.record import BASE, HEAD, Block, Round
from sepconv.run import Environment, Machine, Run

GOAL = 8.0
STARTED_AT = "2026-03-01T10:00:00+00:00"
ROUNDS = 30
CASES = [
    Case(conv_type=conv_type, in_channels=64, out_channels=64, height=28, width=28)
    for conv_type in ("standard", "depthwise_separable")
]


def ring_of_two(pass_number: int, chance: random.Random) -> tuple[Block, Block, Pair]:
    """Two blocks as a pass measures them, and their pair."""
    base, head = (
        Block(case, pass_number, 4, rounds_of(chance), 0.01, 0.05, STARTED_AT, ring=1, arm=arm)
        for case, arm in zip(CASES, (BASE, HEAD), strict=True)
    )
    return base, head, Pair.of(base, head)


def rounds_of(chance: random.Random) -> tuple[Round, ...]:
    return tuple(
        Round(
            wall_s=0.0005 * chance.uniform(1.0, 1.1),
            cpu_s=0.0005 * chance.uniform(0.98, 1.0),
            queue_s=chance.choice((0.0, 0.0, 1e-5)),
            minor_faults=0,
            involuntary_switches=chance.choice((0, 0, 1)),
        )
        for _ in range(ROUNDS)
    )


def begin_run(store: Store, uid: str) -> int:
    machine = Machine("Some CPU", "x86_64", 2, 2, 16)
    environment = Environment("3.11", "2.13.0", (), "AVX2", "tuned")
    return store.begin_run(Run(uid, "store_write", STARTED_AT, machine, environment))


def raw_rows(path: Path) -> dict[str, list[list[tuple[object, ...]]]]:
    """The rows of a store's blocks and pairs, ring by ring."""
    with sqlite3.connect(path) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(block)")][1:]
        blocks = connection.execute(
            f"SELECT {', '.join(columns)} FROM block ORDER BY id"
        ).fetchall()
        pairs = connection.execute("SELECT * FROM pair ORDER BY pass_number").fetchall()
    connection.close()
    rings = [blocks[place : place + 2] for place in range(0, len(blocks), 2)]
    return {"block": rings, "pair": [[pair] for pair in pairs], "columns": [[tuple(columns)]]}


def ratio_of_one_run(folder: Path, rings: int) -> float:
    """CPU seconds of the store over those of raw sqlite3, for the same rings."""
    chance = random.Random(0)
    passes = [ring_of_two(number, chance) for number in range(rings)]
    with Store(folder / "rows.db") as store:
        run_id = begin_run(store, "rows")
        for *blocks, pair in passes:
            store.add_block(run_id, *blocks, pair=pair)
    rows = raw_rows(folder / "rows.db")
    columns = rows["columns"][0][0]
    insert_block = (
        f"INSERT INTO block ({', '.join(map(str, columns))}) "
        f"VALUES ({', '.join('?' * len(columns))}) ON CONFLICT DO NOTHING"
    )
    insert_pair = f"INSERT INTO pair VALUES ({', '.join('?' * 13)}) ON CONFLICT DO NOTHING"

    with Store(folder / "store.db") as store, Store(folder / "raw.db") as other:
        run_id = begin_run(store, "rows")
        begin_run(other, "rows")
        first, *_ = passes
        for each in (store, other):  # so that both know the cases
            each.add_block(1, replace(first[0], pass_number=-1), replace(first[1], pass_number=-1))
        raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA synchronous = NORMAL")
        spent = {"store": 0.0, "raw": 0.0}
        for (base, head, pair), own, pairs in zip(passes, rows["block"], rows["pair"], strict=True):
            begun = time.process_time()
            store.add_block(run_id, base, head, pair=pair)
            spent["store"] += time.process_time() - begun
            begun = time.process_time()
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany(insert_block, own)
            raw.executemany(insert_pair, pairs)
            raw.execute("COMMIT")
            spent["raw"] += time.process_time() - begun
        raw.close()
    return spent["store"] / spent["raw"]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rings", type=int, default=500, help="rings per run")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    ratios = []
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as folder:
            ratios.append(ratio_of_one_run(Path(folder), options.rings))
    print(f"one transaction per ring ÷ raw sqlite3: {statistics.median(ratios):.1f} (goal: {GOAL})")


if __name__ == "__main__":
    main()
