from __future__ import annotations

from pathlib import Path

import pytest

from sepconv.errors import StoreUnavailable
from sepconv.store import Store, shown_url
from sepconv.store.address import parse_address

SECRET = "hunter2"
HIDING = [
    f"postgresql://me:{SECRET}@db.example/results",
    f"postgresql+psycopg://me:{SECRET}@db.example:5432/results",
    f"postgresql://db.example/results?user=me&password={SECRET}",
    f"postgresql://me:x@{SECRET}@db.example/results",
    f"postgresql://me:%{SECRET}@db.example/results",
    f"postgresql://me:{SECRET}@db.example:port/results",
    f"mysql://me:{SECRET}@db.example/results",
    f"nonsense://me:{SECRET}@",
    f"postgresql://me:a/{SECRET}@db.example/results",
    f"://{SECRET}@",
]


@pytest.mark.parametrize("url", HIDING)
def test_a_password_is_never_shown(url: str) -> None:
    assert SECRET not in shown_url(url)


@pytest.mark.parametrize("url", HIDING)
def test_a_password_is_in_no_error_and_no_address(url: str) -> None:
    try:
        said = str(parse_address(url))
    except StoreUnavailable as error:
        said = f"{error} {error.__cause__}"

    assert SECRET not in said


@pytest.mark.postgresql
def test_a_refused_password_is_not_repeated(postgresql_url: str) -> None:
    wrong = postgresql_url.replace("s3cret", SECRET)

    with pytest.raises(StoreUnavailable, match="refuses the user or the password") as caught:
        Store(wrong)

    assert SECRET not in str(caught.value)


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1.*the server does not answer") as at:
        Store(f"postgresql://me:{SECRET}@127.0.0.1:1/results")

    assert SECRET not in str(at.value)


@pytest.mark.postgresql
def test_a_database_that_is_not_there_is_named(postgresql_url: str) -> None:
    with pytest.raises(StoreUnavailable, match="no such database"):
        Store(postgresql_url + "_not_there")


@pytest.mark.postgresql
def test_a_store_shows_its_place_without_its_password(postgresql_url: str) -> None:
    with Store(postgresql_url) as store:
        for text in (str(store), repr(store), store.shown_url):
            assert "s3cret" not in text
            assert "postgresql://postgres:***@127.0.0.1" in text


@pytest.mark.postgresql
def test_tables_of_another_program_are_not_taken_for_a_store(postgresql_url: str) -> None:
    import psycopg

    from sepconv.errors import NotAStore

    with psycopg.connect(postgresql_url) as connection:
        connection.execute("CREATE TABLE run (id INTEGER)")

    with pytest.raises(NotAStore, match="'run' that sepconv did not make"):
        Store(postgresql_url)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("results/x.db", "results/x.db"),
        ("sqlite:///results/x.db", "results/x.db"),
        ("sqlite:////tmp/x.db", "/tmp/x.db"),
        (Path("results/x.db"), "results/x.db"),
    ],
)
def test_a_path_and_its_url_are_the_same_store(url: str | Path, path: str) -> None:
    assert parse_address(url).path == Path(path)
    assert parse_address(url).shown == f"sqlite:///{path}"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_has_no_path(url: str) -> None:
    assert parse_address(url).path is None


@pytest.mark.parametrize("url", ["mysql://host/x", "sqlite://host/x", "https://host/x.db"])
def test_another_kind_of_url_is_refused_with_what_is_accepted(url: str) -> None:
    with pytest.raises(StoreUnavailable, match="expected a path, sqlite:///PATH or postgresql://"):
        Store(url)
