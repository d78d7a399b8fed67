from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sepconv.errors import InvalidExchange, ReportUnwritable
from sepconv.store.exchange.file import SIZE_LIMIT, read_bounded, write_whole

WRITE = """
import resource, sys
from pathlib import Path
from sepconv.errors import ReportUnwritable
from sepconv.store.exchange.file import write_whole
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_whole(Path(sys.argv[1]), b"x" * 5000)
except ReportUnwritable as error:
    print(error)
"""


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"1234")

    assert read_bounded(path, 4) == b"1234"
    with pytest.raises(InvalidExchange, match="expected at most"):
        read_bounded(path, 3)


def test_a_huge_file_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(SIZE_LIMIT + 2**30)  # sparse: it takes no room

    with pytest.raises(InvalidExchange, match=r"huge\.json: expected at most 256 MiB"):
        read_bounded(path)


def test_a_pipe_is_read_up_to_the_limit(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"12345"))
    writer.start()

    with pytest.raises(InvalidExchange, match="expected at most"):
        read_bounded(pipe, 4)

    writer.join(timeout=10)


def test_what_cannot_be_read_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidExchange, match="cannot be read: Is a directory"):
        read_bounded(tmp_path)


def test_a_file_is_written_with_its_folders_and_usual_rights(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"

    write_whole(path, b"new")

    assert path.read_bytes() == b"new"
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert list(path.parent.iterdir()) == [path]


def test_an_older_file_keeps_its_rights_and_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "a.json", tmp_path / "link.json"
    path.write_bytes(b"old")
    path.chmod(0o600)
    link.symlink_to(path)

    write_whole(link, b"new")

    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    answer = subprocess.run(
        [sys.executable, "-c", WRITE, path], capture_output=True, text=True, check=True
    )

    assert f"cannot write {path}: File too large" in answer.stdout
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_cannot_be_a_folder_too(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")

    with pytest.raises(ReportUnwritable, match="name another place"):
        write_whole(tmp_path / "a" / "b.json", b"new")


def test_a_pipe_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()

    write_whole(pipe, b"new")

    reader.join(timeout=10)
    assert read == [b"new"]
    assert pipe.is_fifo()
