from multiprocessing.connection import Pipe

import torch

from sepconv.bench.device import answer_of, find_devices, find_devices_in_child


def test_the_cpu_comes_first_and_every_other_device_has_a_product_name():
    devices, products = find_devices()

    assert devices[0] == "cpu"
    assert len(products) == len(devices) - 1
    assert all(torch.device(device) for device in devices)


def test_a_child_finds_the_same():
    assert find_devices_in_child() == find_devices()


def test_a_driver_that_takes_its_process_down_leaves_the_cpu():
    here, there = Pipe(duplex=False)
    there.close()  # as the kernel does with that of a process that dies

    assert answer_of(here) == (("cpu",), ())


def test_a_driver_that_does_not_answer_leaves_the_cpu():
    here, there = Pipe(duplex=False)

    assert answer_of(here, patience_s=0.0) == (("cpu",), ())
    there.close()
