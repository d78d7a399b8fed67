"""Which suite a word on the command line means: a path, or the name of one that comes along."""

from __future__ import annotations

from pathlib import Path

from sepconv.errors import InvalidSuite
from sepconv.suite import Suite

PACKAGE = Path(__file__).parents[1]


def suites_folder() -> Path:
    """Where the suites are: inside the package in a wheel, beside it in a checkout."""
    installed = PACKAGE / "benchmarks" / "suites"
    return installed if installed.is_dir() else PACKAGE.parent / "benchmarks" / "suites"


def suite_names() -> list[str]:
    """The suites that come along, by the names that `find_suite` takes."""
    return sorted(path.stem for path in suites_folder().glob("*.toml"))


def find_suite(name_or_path: str) -> Suite:
    """The suite of that name or in that file; a name wins over a file without `.toml`.

    Raises:
        InvalidSuite: There is none, or it cannot be read.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" or path.name != name_or_path:
        return Suite.load(path)
    if name_or_path in suite_names():
        return Suite.load(suites_folder() / f"{name_or_path}.toml")
    if path.is_file():
        return Suite.load(path)
    known = ", ".join(suite_names()) or "none comes along"
    raise InvalidSuite(
        "suite", "name", name_or_path, f"a path to a suite file, or one of the suites: {known}"
    )


def name_of(suite: Suite) -> str:
    """What `find_suite` takes for this suite, from whichever directory."""
    path = Path(suite.source).resolve()
    return path.stem if path.parent == suites_folder().resolve() else str(path)
