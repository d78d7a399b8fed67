"""Which run can go on, and what must be as it was; that it goes on is told end to end."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sepconv import __version__
from sepconv.bench.revision import capture_provenance, digest_code
from sepconv.cli import main
from sepconv.cli.resume import differences, find_unfinished
from sepconv.cli.sweep import MEASURED_CODE
from sepconv.errors import NothingToResume, UnknownRun
from sepconv.run import Environment, Machine, Revision, Run
from sepconv.store import Store

MACHINE = Machine("Some CPU", "x86_64", 2, 4, 16)
ENVIRONMENT = Environment("3.11", "2.13.0", (), "AVX2", "tuned")


CONDITIONS = {
    "asked": {"suite": "tiny.toml"},
    "conv_types_digest": "d1",
    "code_digest": digest_code(MEASURED_CODE.parent),
}


def make_run(uid: str, minute: int, **fields: object) -> Run:
    provenance = capture_provenance(MEASURED_CODE)
    plain = Run(
        uid=uid * 32,
        suite="tiny",
        started_at=f"2026-03-01T10:{minute:02}:00+00:00",
        machine=MACHINE,
        environment=ENVIRONMENT,
        revision=provenance.revision,
        dirty=provenance.dirty,
        harness_version=__version__,
        conditions=CONDITIONS,
    )
    return replace(plain, **fields)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.db") as store:
        yield store


def finish(store: Store, number: int, state: str) -> None:
    store.finish_run(number, state=state, finished_at="2026-03-01T11:00:00+00:00", timing={})


def test_the_newest_run_that_is_not_done_goes_on(store):
    for minute, (uid, state) in enumerate(
        [("a", "failed"), ("b", "interrupted"), ("c", "done"), ("d", "running")]
    ):
        number = store.begin_run(make_run(uid, minute))
        if state != "running":
            finish(store, number, state)

    assert find_unfinished(store, None).id == 4
    finish(store, 4, "done")
    assert find_unfinished(store, None).id == 2
    assert find_unfinished(store, "1").id == 1


def test_where_all_is_done_there_is_nothing_to_resume(store):
    finish(store, store.begin_run(make_run("a", 0)), "done")

    with pytest.raises(NothingToResume, match="`sepconv run SUITE` begins another"):
        find_unfinished(store, None)
    with pytest.raises(NothingToResume, match="run 1 is done"):
        find_unfinished(store, "1")
    with pytest.raises(UnknownRun):
        find_unfinished(store, "2")


def test_a_run_is_not_whole_before_all_allocator_policies_of_its_suite_have_begun(store):
    both = CONDITIONS | {"allocators": ["tuned", "default"]}
    first = make_run("a", 0, conditions=both)
    finish(store, store.begin_run(replace(first, linked_uid=first.uid)), "done")

    assert find_unfinished(store, None).id == 1
    assert find_unfinished(store, "1").id == 1

    second = make_run("b", 1, conditions=both, linked_uid=first.uid)
    finish(store, store.begin_run(second), "done")
    with pytest.raises(NothingToResume):
        find_unfinished(store, None)


def test_a_pass_of_plain_pytest_is_passed_over_and_refused_by_name(store):
    store.begin_run(make_run("a", 0))
    store.begin_run(make_run("b", 1, conditions={}))

    assert find_unfinished(store, None).id == 1
    with pytest.raises(NothingToResume, match="measure it anew with `sepconv run tiny`"):
        find_unfinished(store, "2")


def now_of(run: Run) -> list[tuple[str, object, object]]:
    """What is not as it was, were it continued in the environment of these tests."""
    return list(
        differences(run, machine_key=MACHINE.key, environment=ENVIRONMENT, conv_types_digest="d1")
    )


def test_the_same_place_is_no_different():
    assert now_of(make_run("a", 0)) == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda run: replace(run, machine=replace(MACHINE, memory_gib=32)), "machine"),
        (lambda run: replace(run, environment=replace(ENVIRONMENT, torch="2.4.0")), "torch"),
        (
            lambda run: replace(run, environment=replace(ENVIRONMENT, method_version=1)),
            "method_version",
        ),
        (lambda run: replace(run, harness_version="0.0.1"), "sepconv"),
        (
            lambda run: replace(run, revision=Revision("c0ffee" + "0" * 34, (), "", "", "")),
            "commit",
        ),
        (lambda run: replace(run, dirty=not run.dirty), "uncommitted changes"),
        (
            lambda run: replace(run, conditions=CONDITIONS | {"conv_types_digest": "d2"}),
            "conv types' digest",
        ),
        (
            lambda run: replace(run, conditions=CONDITIONS | {"code_digest": "d0"}),
            "measured code",
        ),
    ],
)
def test_what_is_not_as_it_was_is_named_with_both_sides(change: Callable[[Run], Run], name: str):
    [(found, then, now)] = now_of(change(make_run("a", 0)))

    assert found == name
    assert then != now


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--resume", "nightly"], "SUITE was settled when the run began"),
        (["--resume", "--seed", "0"], "--seed was settled"),
        (["--resume", "--where", "stride=2"], "--where was settled"),
        (["--resume", "--dry-run"], "--dry-run was settled"),
        (["quick", "--run", "1"], "add --resume"),
        ([], "Missing argument 'SUITE', or --resume"),
        (["--resume"], "run `sepconv quick` first"),
        (["quick", "--conv-types", "nowhere.py"], "nowhere.py"),
        (["quick", "--memory-limit", "much"], "expected a size like '4GiB'"),
        (["quick", "--case-timeout", "0s"], "expected a duration"),
    ],
)
def test_what_cannot_be_asked_for_is_told_with_exit_code_2(
    tmp_path, monkeypatch, capsys, arguments, told
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEPCONV_STORE", raising=False)

    with pytest.raises(SystemExit) as ended:
        main(["run", *arguments])

    assert ended.value.code == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "results").exists()
