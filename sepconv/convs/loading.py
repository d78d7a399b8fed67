"""Loads a user's file of conv types; only a process that measures does, as it runs their code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any

from sepconv.conv_type import OPTION_DEFAULTS
from sepconv.convs.own import OWN
from sepconv.cost import OWN_COSTS
from sepconv.errors import InvalidConvTypes

MODULE_NAME = "_sepconv_conv_types_{}"  # no import statement finds it by accident
TEXT_LIMIT = 1000  # characters of an error's text; some hold a whole array


@dataclass(frozen=True)
class LoadedConvTypes:
    """What a file brought: its conv types can be built in this process from now on."""

    path: Path
    names: tuple[str, ...]  # in the order of the file
    digest: str  # of the file's own source, not of what it imports


def load_conv_types(path: Path) -> LoadedConvTypes:
    """Run the file, and register the builders and closed forms that it defines.

    Its folder is importable, as if it were run as a script. The digest is that of the bytes
    that were run: no cached bytecode is read or written.

    Raises:
        InvalidConvTypes: It cannot be read or run, or does not hold what it should; the reason
            names the line.
    """
    path = path.resolve()
    try:
        source = path.read_bytes()
    except OSError as error:
        raise InvalidConvTypes(str(path), f"cannot be read: {error.strerror}") from error
    digest = sha256(source).hexdigest()[:16]
    module = _run(path, source, MODULE_NAME.format(digest))
    builders = _read_builders(path, module)
    costs = _read_costs(path, module, builders)
    for name in builders:
        OWN_COSTS.pop(name, None)  # of an earlier file
    OWN.update(builders)
    OWN_COSTS.update(costs)
    return LoadedConvTypes(path, tuple(builders), digest)


def _run(path: Path, source: bytes, name: str) -> ModuleType:
    loader = SourceFileLoader(name, str(path))
    spec = spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    sys.modules[name] = module  # where dataclasses and pickle look for it
    try:
        exec(loader.source_to_code(source, str(path)), vars(module))
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise InvalidConvTypes(str(path), f"{_place(error, path)}{_said(error)}") from error
    return module


def _read_builders(path: Path, module: ModuleType) -> dict[str, Callable[..., Any]]:
    if not hasattr(module, "CONV_TYPES"):
        raise InvalidConvTypes(str(path), "it has no CONV_TYPES")
    builders = _read_table(path, "CONV_TYPES", module.CONV_TYPES)
    if not builders:
        raise InvalidConvTypes(str(path), "CONV_TYPES is empty")
    for name in builders:
        if name in OPTION_DEFAULTS:
            raise InvalidConvTypes(str(path), f"CONV_TYPES has {name!r}, which is built in")
    return builders


def _read_costs(
    path: Path, module: ModuleType, builders: Mapping[str, Any]
) -> dict[str, Callable[..., Any]]:
    costs = _read_table(path, "COSTS", getattr(module, "COSTS", {}))
    for name in costs:
        if name not in builders:
            raise InvalidConvTypes(str(path), f"COSTS has {name!r}, but CONV_TYPES has not")
    return costs


def _read_table(path: Path, key: str, table: object) -> dict[str, Callable[..., Any]]:
    """A dict from names to what can be called."""
    if not isinstance(table, dict):
        raise InvalidConvTypes(str(path), f"{key} is of type {type(table).__name__}, not a dict")
    for name, function in table.items():
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise InvalidConvTypes(str(path), f"{key} has the name {name!r}, which is no text")
        if not callable(function):
            kind = type(function).__name__
            raise InvalidConvTypes(str(path), f"{key}[{name!r}] is of type {kind}, not a function")
    return dict(table)


def _place(error: BaseException, path: Path) -> str:
    """The line of the file, or of its neighbour, that the error comes from: `mine.py, line 3: `."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}, line {error.lineno}: "
    frames = extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).parent == path.parent]
    return f"{Path(own[-1].filename).name}, line {own[-1].lineno}: " if own else ""


def _said(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}"[:TEXT_LIMIT]
