import pytest
import torch

from sepconv.bench.cache import MOST_BYTES, UNKNOWN_CACHE_BYTES, Eviction, evicted_bytes

MIB = 1 << 20


@pytest.fixture
def sysfs(tmp_path):
    """Makes a folder of caches as Linux shows it, of (level, size) pairs."""

    def make(*caches):
        for number, (level, size) in enumerate(caches):
            folder = tmp_path / f"index{number}"
            folder.mkdir()
            (folder / "level").write_text(f"{level}\n")
            (folder / "size").write_text(f"{size}\n")
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("caches", "size"),
    [
        ([(1, "32K"), (1, "32K"), (2, "512K"), (3, "32768K")], 64 * MIB),
        ([(1, "64K"), (2, "1M")], 2 * MIB),
        ([(3, "4M"), (4, "16M")], 32 * MIB),
        ([(3, "1G")], MOST_BYTES),
        ([(3, "unknown")], UNKNOWN_CACHE_BYTES),
        ([(2, "1M"), (3, "")], 2 * MIB),
        ([], UNKNOWN_CACHE_BYTES),
    ],
)
def test_twice_the_last_level_is_evicted_up_to_a_limit(sysfs, caches, size):
    assert evicted_bytes(sysfs(*caches)) == size


def test_an_eviction_writes_every_line_of_its_buffer_each_time(sysfs):
    eviction = Eviction("cpu", cpu_caches=sysfs((2, "512K")))
    before = eviction.buffer.clone()

    eviction.evict()
    eviction.evict()

    assert eviction.buffer.nbytes == MIB
    assert torch.equal(eviction.buffer, before + 2)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_cuda_device_is_evicted_by_twice_its_l2_cache():
    eviction = Eviction("cuda")

    eviction.evict()

    assert eviction.buffer.nbytes >= 2 * torch.cuda.get_device_properties(0).L2_cache_size
    assert not eviction.buffer.any()
