"""Loads the code under test into a worker; the server that forks it never knows that code."""

from __future__ import annotations

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import sepconv
from sepconv.bench.message import Side
from sepconv.errors import InvalidSource

PACKAGE = "sepconv.convs"


def load_code(side: Side) -> None:
    """Make this process build what `side` holds: its `sepconv/convs`, its file of conv types.

    Raises:
        InvalidSource: The tree has no such package, or it cannot be imported.
        InvalidConvTypes: The user's file cannot be loaded.
    """
    tree = side.tree or side.source
    if tree is not None:  # what torch compiles on the way is that side's own
        os.environ["TORCH_EXTENSIONS_DIR"] = str(Path(tree) / ".sepconv-extensions")
    if side.source is not None:
        import_convs_of(Path(side.source))
    if side.tree is not None:
        root = Path(side.tree)
        sys.path[:0] = [str(root), *([str(root / "src")] if (root / "src").is_dir() else [])]
    if side.conv_types is not None:
        from sepconv.convs.loading import load_conv_types

        load_conv_types(Path(side.conv_types))


def import_convs_of(source: Path) -> ModuleType:
    """The package of layers of another tree, as `sepconv.convs` of this process.

    All else of `sepconv` stays our own, so that both sides are measured by the same harness.

    Raises:
        InvalidSource: The tree has no such package, it cannot be imported, or ours is loaded.
    """
    folder = source / "sepconv" / "convs"
    if PACKAGE in sys.modules:
        raise InvalidSource(str(source), f"{PACKAGE} is already loaded in this process")
    place = folder / "__init__.py"
    if not place.is_file():
        raise InvalidSource(str(source), "it has no sepconv/convs")
    spec = spec_from_file_location(PACKAGE, place, submodule_search_locations=[str(folder)])
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[PACKAGE] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[PACKAGE]
        reason = f"importing its sepconv.convs failed: {type(error).__name__}: {error}"
        raise InvalidSource(str(source), reason) from error
    sepconv.convs = module
    check_origin(source)
    return module


def check_origin(source: Path) -> None:
    """Make sure that every layer that is loaded comes from this tree.

    Raises:
        InvalidSource: One does not.
    """
    folder = (source / "sepconv" / "convs").resolve()
    for name, module in list(sys.modules.items()):
        if name != PACKAGE and not name.startswith(f"{PACKAGE}."):
            continue
        file = getattr(module, "__file__", None)
        if file is None or not Path(file).resolve().is_relative_to(folder):
            raise InvalidSource(str(source), f"{name} was loaded from {file}, not from there")
