"""Write rings of two blocks and their pair, and say the pass of each once it is stored.

Arguments: the store's URL, the run's uid, how many rings.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from sepconv.case import Case
from sepconv.ratio import Pair
from sepconv.record import BASE, HEAD, Block, Round
from sepconv.run import Environment, Machine, Run
from sepconv.store import Store

url, uid, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
time = "2026-03-01T10:00:00+00:00"
machine = Machine("Some CPU", "x86_64", 2, 4, 16)
environment = Environment("3.11", "2.13.0", (), "AVX2", "tuned")
case = Case(conv_type="standard", in_channels=8, out_channels=8, height=8, width=8)

with Store(url) as store:
    run_id = store.begin_run(Run(uid, "quick", time, machine, environment))
    print("begun", flush=True)
    for pass_number in range(number):
        rounds = (Round((pass_number + 1) / 1e9, 1e-3),) * 30
        block = Block(case, pass_number, 1, rounds, 0.1, 0.2, time, ring=1)
        base, head = replace(block, arm=BASE), replace(block, arm=HEAD)
        store.add_block(run_id, base, head, pair=Pair.of(base, head))
        print(pass_number, flush=True)
