"""Stores on every database that is supported, and words to fill them with."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from sepconv.case import Case
from sepconv.ratio import Pair
from sepconv.record import Block, Estimate, Measurement, Round, Status
from sepconv.run import Environment, Machine, Revision, Run
from sepconv.store import Store

PROGRAMS = Path(__file__).parent / "programs"
PASSWORD = "s3cret-pässwörd"
DATABASES = [
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.postgresql),
]


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server of this session's own."""

    port: int
    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A real server on a free port; initdb refuses root, so that root runs it as postgres."""
    programs = _find_programs()
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="sepconv-postgresql-"))
    if user is not None:
        shutil.chown(folder, user)
    password_file = folder / "password"
    password_file.write_text(PASSWORD)
    if user is not None:
        shutil.chown(password_file, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    where = ["-D", str(folder / "data")]
    initdb = [programs / "initdb", *where, "-U", "postgres", "-E", "UTF8", "--locale=C"]
    initdb += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
    control = [programs / "pg_ctl", *where, "-l", str(folder / "log")]
    try:
        _call(initdb, user, folder)
        _call([*control, "-o", settings, "-w", "start"], user, folder)
        try:
            yield Server(port, folder)
        finally:
            _call([*control, "-m", "immediate", "stop"], user, folder)
    finally:
        shutil.rmtree(folder)


def _find_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).parent
    if os.environ.get("CI"):
        pytest.fail("CI tests every database: install PostgreSQL's server programs")
    pytest.skip("needs PostgreSQL's server programs (initdb, pg_ctl)")


def _unprivileged_user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = [entry.pw_name for entry in pwd.getpwall()]
    return "postgres" if "postgres" in names else "nobody"


def _call(command: list[object], user: str | None, folder: Path) -> None:
    options = {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid}
    subprocess.run(
        [str(part) for part in command],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        extra_groups=[] if options else None,
        **options,
    )


@pytest.fixture
def postgresql_url(postgresql_server: Server, request: pytest.FixtureRequest) -> str:
    """A database of the test's own, and empty."""
    import psycopg

    name = f"test_{next(_NUMBERS)}"
    with psycopg.connect(postgresql_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgresql_server.url(name)


_NUMBERS = count()


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new store can be made, on every supported database in turn."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store(url) as store:
        yield store


@pytest.fixture
def case() -> Case:
    return Case(conv_type="standard", in_channels=8, out_channels=16, height=14, width=14)


@pytest.fixture
def separable(case: Case) -> Case:
    return replace(
        case, conv_type="spatially_separable", kernel_size=(3, 1), options={"mode": "full"}
    )


@pytest.fixture
def run() -> Run:
    return Run(
        uid="a1b2c3d4" * 4,
        suite="quick",
        started_at="2026-03-01T10:00:00+00:00",
        machine=Machine("Some CPU", "x86_64", 2, 4, 16, ("Some GPU",)),
        environment=Environment("3.11", "2.13.0", ("oneDNN 3.7",), "AVX2", "tuned", ("A=1",)),
        revision=Revision(
            "c0ffee" + "0" * 34,
            ("beef" * 10,),
            "2026-03-01T09:00:00+00:00",
            "2026-03-01T08:00:00+00:00",
            "Make it faster",
        ),
        branch="main",
        dirty=False,
        harness_version="0.1.0",
        seed=7,
        time_budget_s=60.0,
        conditions={"load": 1.5, "kernel": "6.1", "governors": ["powersave"], "quota": None},
    )


@pytest.fixture
def run_on(run: Run) -> Callable[..., Run]:
    """A run of another day of March 2026, of a commit of its own."""

    def on(day: int, **changes: object) -> Run:
        time = f"2026-03-{day:02d}T10:00:00+00:00"
        assert run.revision is not None
        revision = replace(run.revision, commit=f"{day:02d}" * 20)
        own = replace(run, uid=f"f{day:03d}" * 8, started_at=time, revision=revision)
        return replace(own, **changes)

    return on


@pytest.fixture
def block(case: Case) -> Block:
    return Block(
        case=case,
        pass_number=1,
        calls=10,
        rounds=(
            Round(0.001000001, 0.000999999, 0.000000250, 3, 0),
            Round(0.002, 0.0019, None, None, None),
        ),
        first_call_s=0.25,
        warmup_s=0.5,
        started_at="2026-03-01T10:00:01+00:00",
        server=1,
        ring=3,
        arm="base",
    )


@pytest.fixture
def ring(block: Block, separable: Case) -> tuple[Block, Block, Pair]:
    """One pass of a ring of two: its blocks and their pair."""
    rounds = tuple(Round(0.0010 + i / 1e6, 0.0009 + i / 1e6, 0.0, 0, 0) for i in range(8))
    base = replace(block, rounds=rounds)
    rounds = tuple(Round(0.0005 + i / 1e7, 0.0004 + i / 1e7, 0.0, 0, 0) for i in range(8))
    head = replace(block, case=separable, arm="head", rounds=rounds, throttled="too hot")
    return base, head, Pair.of(base, head)


@pytest.fixture
def measured(case: Case) -> Measurement:
    values = {
        "latency_s": Estimate(0.002, 0.0019, 0.0021),
        "params": Estimate(1152),
        "macs": Estimate(2**40),
    }
    return Measurement(case, Status.OK, values=values, passes=8)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start one of the `programs` beside this file in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(program: str, *arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", PROGRAMS / program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
