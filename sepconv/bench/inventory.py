"""Which conv types a side of a comparison has, and what code each of them is made of."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

from sepconv.bench.code import load_code
from sepconv.bench.message import ConvTypeCode, Inventory, InventoryOrder, Side
from sepconv.bench.revision import digest_files
from sepconv.case import Case
from sepconv.errors import InvalidSource, SepconvError


def take_inventory(order: InventoryOrder) -> Inventory:
    """What `order.side` can build; each conv type is tried in a child of its own.

    A digest is over the bytes of every file of the side's tree that is loaded once a case of
    that conv type was built: whoever changed one of them may have changed its speed.
    """
    names = _in_child(lambda: _names_of(order.side))
    if isinstance(names, str):
        return Inventory(error=names)
    samples = {case.conv_type: case for case in reversed(order.samples)}
    return Inventory(tuple(_examine(order.side, name, samples.get(name)) for name in names))


def _examine(side: Side, name: str, sample: Case | None) -> ConvTypeCode:
    answer = _in_child(lambda: [_digest_of(side, name, sample)])
    if isinstance(answer, str):
        return ConvTypeCode(name, None, answer)
    return ConvTypeCode(name, answer[0])


def _names_of(side: Side) -> list[str]:
    load_code(side)
    from sepconv.convs import CONVS

    try:
        from sepconv.convs.own import GROUP, OWN
    except ImportError:  # of a revision from before there was one
        return list(CONVS)
    installed = entry_points(group=GROUP).names
    return list(dict.fromkeys([*CONVS, *OWN, *sorted(installed)]))


def _digest_of(side: Side, name: str, sample: Case | None) -> str:
    before = set(sys.modules)
    load_code(side)
    import sepconv.convs

    if name in sepconv.convs.CONVS:
        _import(side, sepconv.convs.CONVS[name].partition(":")[0])
    if sample is not None and sample.device == "cpu":
        with suppress(Exception):  # what it cannot build is told when it is measured
            sepconv.convs.build_conv(sample)  # for what its builder imports
    files = {
        Path(file).resolve()
        for module in set(sys.modules) - before
        if (file := getattr(sys.modules[module], "__file__", None))
    }
    return _digest(files, _root_of(side))


def _import(side: Side, module: str) -> None:
    """Import a module of the side.

    Raises:
        InvalidSource: It cannot be imported.
    """
    try:
        import_module(module)
    except (Exception, SystemExit) as error:
        reason = f"importing {module} failed: {type(error).__name__}: {error}"
        raise InvalidSource(side.source or "sepconv", reason) from error


def _root_of(side: Side) -> Path | None:
    """The folder whose files are the side's own."""
    if side.conv_types is not None:
        return Path(side.tree or Path(side.conv_types).parent).resolve()
    return None if side.source is None else Path(side.source).resolve()


def _digest(files: Iterable[Path], root: Path | None) -> str:
    """Of those files that lie below `root`; by their content and place, not by their names in
    this machine."""
    if root is None:
        return digest_files((path.name, path) for path in files)
    own = [path for path in files if path.is_relative_to(root)]
    return digest_files((path.relative_to(root).as_posix(), path) for path in own)


def _in_child(tell: Callable[[], list[str]]) -> list[str] | str:
    """What `tell` returns in a forked child, or the reason why it does not."""
    here, there = Pipe(duplex=False)
    pid = os.fork()
    if pid == 0:
        here.close()
        _answer(tell, there)
    there.close()
    try:
        told: list[str] | str = here.recv()
        return told
    except EOFError:
        return "loading it ended the process"
    finally:
        here.close()
        os.waitpid(pid, 0)


def _answer(tell: Callable[[], list[str]], there: Connection) -> None:
    code = 1
    try:
        try:
            there.send(tell())
        except SepconvError as error:  # its reason without the path, which is a copy's
            there.send(str(getattr(error, "reason", error)))
        except (Exception, SystemExit) as error:  # noqa: BLE001 (whatever their code raises)
            there.send(f"{type(error).__name__}: {error}")
        code = 0
    finally:
        os._exit(code)
