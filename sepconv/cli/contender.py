"""The two sides of a comparison: which code each runs, in which interpreter and environment."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import click

from sepconv.case import Case
from sepconv.cli.sweep import MEASURED_CODE
from sepconv.comparison import Contender
from sepconv.errors import InvalidCase, InvalidRevision, InvalidSelection
from sepconv.selection import AXIS_GROUPS, Value, parse_setting

if TYPE_CHECKING:
    from sepconv.bench.message import Side
    from sepconv.bench.tree import Tree

PACKAGE = Path("sepconv") / "convs"


@dataclass(frozen=True)
class Asked:
    """What was asked of one side, as it was typed."""

    revision: str | None = None
    python: str | None = None
    variables: tuple[str, ...] = ()  # KEY=VALUE
    axes: tuple[str, ...] = ()  # axis=value

    @property
    def has_settings(self) -> bool:
        return bool(self.python or self.variables or self.axes)


@dataclass(frozen=True)
class Ready:
    """One side, ready to be measured."""

    contender: Contender
    side: Side
    axes: Mapping[str, Value] = field(default_factory=dict)


@contextmanager
def ready_sides(
    base: Asked,
    head: Asked,
    *,
    repo: Path | None,
    conv_types: Path | None,
    build_command: str | None,
    allocator: str,
) -> Iterator[tuple[Ready, Ready]]:
    """Both sides with their trees written out, for as long as the context lasts.

    Sides that differ in a setting are of the same code unless a revision is named.

    Raises:
        InvalidRevision: No repository or no commit can be found.
        BuildFailed: A side cannot be built.
    """
    plain = _with_settings(base, allocator), _with_settings(head, allocator)
    differ = base.has_settings or head.has_settings
    if differ and not (base.revision or head.revision or repo or build_command):
        path = None if conv_types is None else str(conv_types.resolve())
        sides = [replace(each, side=replace(each.side, conv_types=path)) for each in plain]
        yield sides[0], sides[1]
        return
    from sepconv.bench.build import prepared
    from sepconv.bench.tree import choose_base, find_tree, working_tree

    repository, inside = find_code(repo, conv_types)
    after = find_tree(repository, head.revision) if head.revision else working_tree(repository)
    if base.revision:
        before = find_tree(repository, base.revision)
    else:
        before = after if differ else choose_base(repository, after)
    with ExitStack() as stack:
        made = []
        for tree, each in zip((before, after), plain, strict=True):
            folder = stack.enter_context(prepared(tree, build_command, each.side.python))
            side = _side_of(each.side, folder, conv_types, inside)
            made.append(replace(each, side=side, contender=_named(each.contender, tree)))
        yield made[0], made[1]


def case_at(case: Case, axes: Mapping[str, Value]) -> Case:
    """The case with these values in place of its own.

    Raises:
        InvalidCase: There is no such case.
    """
    changed: dict[str, object] = {}
    options = dict(case.options)
    for axis, value in axes.items():
        if axis.startswith("options."):
            if isinstance(value, tuple):
                raise InvalidCase(axis, value, "a text, a number, true or false")
            options[axis.removeprefix("options.")] = value
        else:
            changed |= dict.fromkeys(AXIS_GROUPS.get(axis, (axis,)), value)
    return replace(case, **changed, options=options).applicable()  # type: ignore[arg-type]


def pair_cases(
    cases: Sequence[Case], base: Mapping[str, Value], head: Mapping[str, Value]
) -> list[tuple[Case, Case]]:
    """Each case with the values of both sides; a pair that several cases give, once."""
    pairs: dict[tuple[str, str], tuple[Case, Case]] = {}
    for case in cases:
        before, after = case_at(case, base), case_at(case, head)
        pairs.setdefault((before.identity, after.identity), (before, after))
    return list(pairs.values())


def _with_settings(asked: Asked, allocator: str) -> Ready:
    """The side as far as interpreter, environment and axes go.

    Raises:
        InvalidSelection: An axis cannot be read.
        BadParameter: A variable or an interpreter cannot be used.
    """
    from sepconv.bench.message import Side

    axes = dict(map(parse_setting, asked.axes))
    if len(axes) < len(asked.axes):
        raise InvalidSelection(" and ".join(asked.axes), 0, "each axis once for a side")
    variables = [_variable(text) for text in asked.variables]
    settings = {name: value for name, _, value in (text.partition("=") for text in asked.axes)}
    settings |= dict(variables)
    python = sys.executable
    if asked.python is not None:
        python = _interpreter(asked.python)
        settings["python"] = asked.python
    label = ", ".join(f"{name}={value}" for name, value in settings.items())
    return Ready(
        Contender(label=label or "this code", settings=settings),
        Side(python=python, environment=tuple(variables), allocator=allocator),
        axes,
    )


def _variable(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise click.BadParameter(f"expected an environment variable as KEY=VALUE, found {text!r}")
    return name.strip(), value


def _interpreter(name: str) -> str:
    """The absolute path of an interpreter; not resolved, as a link into a virtual environment
    is what makes it one."""
    found = which(name)
    if found is None:
        raise click.BadParameter(f"expected a Python interpreter, found nothing to run at {name!r}")
    return str(Path(found).absolute())


def find_code(repo: Path | None, conv_types: Path | None) -> tuple[Path, Path | None]:
    """The repository of the code under test, and the user's file within it, if it is there.

    Raises:
        InvalidRevision: There is no such repository.
    """
    from sepconv.bench.revision import capture_provenance
    from sepconv.bench.tree import find_repository

    if repo is None and conv_types is None:
        here = _repository_or_none(Path.cwd())
        if here is not None and (here / PACKAGE).is_dir():
            return here, None
        if capture_provenance(MEASURED_CODE).revision is None:
            raise InvalidRevision(
                "there is no commit to compare: sepconv's own layers are installed, not in a "
                "repository; name your code with --conv-types FILE.py and its --repo"
            )
    place = repo or conv_types or MEASURED_CODE
    repository = find_repository(place.resolve())
    if conv_types is None:
        if not (repository / PACKAGE).is_dir():
            raise InvalidRevision(
                f"{repository} has no sepconv/convs: name the code to compare with "
                "--conv-types FILE.py"
            )
        return repository, None
    path = conv_types.resolve()
    return repository, path.relative_to(repository) if path.is_relative_to(repository) else None


def _repository_or_none(folder: Path) -> Path | None:
    from sepconv.bench.tree import find_repository

    try:
        return find_repository(folder)
    except InvalidRevision:
        return None


def _side_of(side: Side, folder: Path, conv_types: Path | None, inside: Path | None) -> Side:
    """The side with the code of the tree in `folder`; a file outside the repository is that of
    both sides, and imports from the tree of each."""
    if conv_types is None:
        return replace(side, source=str(folder))
    path = conv_types.resolve() if inside is None else folder / inside
    return replace(side, conv_types=str(path), tree=str(folder))


def _named(contender: Contender, tree: Tree) -> Contender:
    settings = f" with {contender.label}" if contender.settings else ""
    return replace(
        contender,
        label=f"{tree.label}{settings}",
        revision=tree.revision,
        branch=tree.branch,
        dirty=tree.dirty,
        note=tree.note,
    )
