"""Real processes, forked from one as workers are."""

import multiprocessing
import random

import pytest
import torch

from sepconv.bench.layout import shift_layout


def addresses(seed: int, heap: bool, queue: "multiprocessing.SimpleQueue[tuple[int, int]]") -> None:
    shift_layout(random.Random(seed), heap=heap)
    small, mapped = torch.empty(1 << 13), torch.empty(1 << 26)
    queue.put((small.data_ptr(), mapped.data_ptr()))


def layout_of(seed: int, *, heap: bool = True) -> tuple[int, int]:
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=addresses, args=(seed, heap, queue))
    process.start()
    found = queue.get()
    process.join()
    return found


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_processes_of_one_parent_get_addresses_of_their_own():
    found = [layout_of(seed) for seed in range(6)]

    assert len({small for small, _ in found}) > 3
    assert len({mapped for _, mapped in found}) > 3
    assert all(address % 64 == 0 for pair in found for address in pair)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_heap_that_is_to_be_as_users_have_it_is_left_alone_and_only_mappings_move():
    found = [layout_of(seed, heap=False) for seed in range(6)]

    assert len({small for small, _ in found}) == 1
    assert len({mapped for _, mapped in found}) > 3
