import os

from sepconv.bench.log import LIMIT_BYTES, TAIL_BYTES, WorkerLog


def test_the_tail_is_the_end_of_what_was_printed(tmp_path):
    log = WorkerLog(tmp_path / "log")
    log.clear()
    log.path.write_text("x" * 10_000 + "\nthe last line\n")

    assert log.tail().endswith("the last line")
    assert len(log.tail()) <= TAIL_BYTES


def test_a_flood_is_cut_off_and_its_end_is_still_known(tmp_path):
    log = WorkerLog(tmp_path / "log")
    log.clear()
    writer = os.open(log.path, os.O_WRONLY | os.O_APPEND)
    os.write(writer, b"x" * (LIMIT_BYTES + 1) + b"before the cut")

    log.cut()
    os.write(writer, b", and after")

    assert log.path.stat().st_size == len(", and after")
    assert log.tail().endswith("before the cut, and after")
    os.close(writer)


def test_what_a_case_printed_is_not_what_was_printed_before_it(tmp_path):
    log = WorkerLog(tmp_path / "log")
    log.clear()
    with log.path.open("a") as printed:
        printed.write("of an earlier case\n")
        since = printed.tell()
        printed.write("of this one")

    assert log.tail(since) == "of this one"
    assert log.tail() == "of an earlier case\nof this one"


def test_what_a_case_printed_is_known_even_if_its_beginning_was_cut_off_meanwhile(tmp_path):
    log = WorkerLog(tmp_path / "log")
    log.clear()
    log.path.write_bytes(b"x" * (LIMIT_BYTES + 1) + b"before the cut")
    since = LIMIT_BYTES

    log.cut()

    assert log.tail(since).endswith("before the cut")


def test_a_log_that_is_gone_has_no_tail(tmp_path):
    log = WorkerLog(tmp_path / "log")

    log.cut()

    assert log.tail() == ""
