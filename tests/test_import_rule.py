"""Imports point one way, checked on the syntax tree: see the tree of rooms in the architecture."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sepconv"
MODULES = {
    ".".join(["sepconv", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(
        ".__init__"
    ): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0] != "benchmarks"  # the suites, inside a wheel
}

WORDS = {
    "errors",
    "units",
    "case",
    "conv_type",
    "metric",
    "record",
    "ratio",
    "run",
    "series",
    "panel",
    "comparison",
    "event",
    "selection",
    "suite",
    "cost",
}
MEASURED, MEASURE, KEEP, JUDGE = {"convs"}, {"bench"}, {"store"}, {"judge"}
SHOW = {"figures", "report"}
ENTER = {"cli", "__init__", "__main__"}
MAY_IMPORT = (
    dict.fromkeys(WORDS, WORDS)
    | dict.fromkeys(MEASURED, WORDS | MEASURED)
    | dict.fromkeys(MEASURE, WORDS | MEASURED | MEASURE)
    | dict.fromkeys(KEEP, WORDS | KEEP)
    | dict.fromkeys(JUDGE, WORDS | JUDGE)
    | dict.fromkeys(SHOW, WORDS | JUDGE | SHOW)
    | dict.fromkeys(ENTER, WORDS | MEASURED | MEASURE | KEEP | JUDGE | SHOW | ENTER)
)

FOR_PYTEST = "sepconv.cli.pytest_run"  # no command: what `pytest benchmarks` enters by
HOMES = {  # a third-party package → the only places that may import it
    "torch": ("sepconv.convs", "sepconv.bench"),
    "psutil": ("sepconv.bench",),
    "pynvml": ("sepconv.bench",),
    "pytest": ("sepconv.bench", FOR_PYTEST),
    "pytest_benchmark": ("sepconv.bench",),
    "sqlalchemy": ("sepconv.store",),
    "alembic": ("sepconv.store",),
    "pandas": ("sepconv.store.frame", "sepconv.judge", "sepconv.figures"),
    "numpy": ("sepconv.judge",),
    "scipy": ("sepconv.judge",),
    "plotly": ("sepconv.figures", "sepconv.report"),
    "jinja2": ("sepconv.report",),
    "click": ("sepconv.cli",),
    "rich": ("sepconv.cli",),
    "waitress": ("sepconv.cli.serve",),
}
HEAVY = {"torch", "pandas", "scipy", "plotly", "sqlalchemy"}  # a second or so each
EVERYBODYS = {"sepconv", "sepconv.__version__", "sepconv.__file__", "sepconv.__path__"}


def imported(tree: ast.AST, module: str, *, at_the_top: bool = False) -> Iterator[str]:
    """The dotted names that the tree imports, relative ones spelled out, or reaches lazily."""
    for node in (top_level if at_the_top else ast.walk)(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, module)
            yield from (f"{source}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "sepconv":
            yield f"sepconv.{node.attr}"


def absolute(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    is_package = MODULES[module].name == "__init__.py"
    folders = module.split(".")[: None if is_package else -1]
    kept = folders[: len(folders) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def top_level(tree: ast.AST) -> Iterator[ast.AST]:
    """What runs when the module is imported: neither functions nor `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from top_level(node)


def tree_of(module: str) -> ast.AST:
    return ast.parse(MODULES[module].read_text("utf-8"))


def room(module: str) -> str:
    """The part of the package: `sepconv.judge.estimate` → `judge`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def home_module(name: str) -> str:
    """The module that a name of ours comes from: `sepconv.case.Case` → `sepconv.case`."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def loaded_with(module: str) -> set[str]:
    """Every module, ours or not, that importing `module` loads at once."""
    loaded: set[str] = set()
    waiting = [module]
    while waiting:
        current = waiting.pop()
        if current in loaded:
            continue
        loaded.add(current)
        if current not in MODULES:
            continue
        parents = current.split(".")
        waiting += [".".join(parents[:n]) for n in range(1, len(parents))]
        for name in imported(tree_of(current), current, at_the_top=True):
            waiting.append(home_module(name) if name.startswith("sepconv") else name)
    return loaded


LIGHT = {name for name in MODULES if room(name) in ENTER | WORDS} - {FOR_PYTEST}


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module):
    allowed = MAY_IMPORT[room(module)]

    for name in imported(tree_of(module), module):
        if name.partition(".")[0] == "sepconv" and name not in EVERYBODYS:
            found = room(home_module(name))
            assert found in allowed, f"{module} may not import {name}: {found} is another room"


@pytest.mark.parametrize("module", MODULES)
def test_a_third_party_package_is_imported_at_home_only(module):
    for name in imported(tree_of(module), module):
        package = name.partition(".")[0]
        if package == "sepconv" or package in sys.stdlib_module_names:
            continue
        assert package in HOMES, f"{module} imports {package}, which has no home"
        assert any(module == home or module.startswith(f"{home}.") for home in HOMES[package]), (
            f"{package} has no business in {module}"
        )


@pytest.mark.parametrize("module", sorted(LIGHT))
def test_commands_and_words_load_nothing_heavy_at_the_top(module):
    heavy = {name.partition(".")[0] for name in loaded_with(module)} & HEAVY

    assert not heavy, f"importing {module} loads {heavy}: import it where it is used"


def test_every_module_has_a_room():
    assert {room(module) for module in MODULES} <= MAY_IMPORT.keys()


def test_the_rule_would_notice_a_breach():
    breach = ast.parse("def report():\n    from sepconv.store import Store\n    import torch")

    assert list(imported(breach, "sepconv.report")) == ["sepconv.store.Store", "torch"]
    assert list(imported(breach, "sepconv.report", at_the_top=True)) == []
    assert "store" not in MAY_IMPORT["report"]
    assert "bench" not in MAY_IMPORT["store"]
    assert "store" not in MAY_IMPORT["bench"]
