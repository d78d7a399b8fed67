"""The grammar of `--where`: `stride=2 and channels in (16, 64)`, parsed, never evaluated.

    selection  = any
    any        = all { "or" all }
    all        = term { "and" term }
    term       = "not" term | "(" any ")" | comparison
    comparison = axis ("=" | "==" | "!=" | "<" | "<=" | ">" | ">=") value
               | axis ["not"] "in" "(" value { "," value } ")"
    value      = 64 | 3x1 | 0.5 | true | false | none | depthwise_separable | 'any text'

`channels` speaks of in_channels and out_channels at once, `resolution` of height and width:
an equality must hold for both.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields

from sepconv.case import Case
from sepconv.conv_type import Scalar
from sepconv.errors import InvalidSelection

Selector = Callable[[Case], bool]
Value = Scalar | tuple[int, int]

AXIS_GROUPS: dict[str, tuple[str, ...]] = {
    "channels": ("in_channels", "out_channels"),
    "resolution": ("height", "width"),
}
AXES: tuple[str, ...] = tuple(f.name for f in fields(Case) if f.name != "options")

TOKEN = re.compile(
    r"""\s*(?:
      (?P<pair>\d+x\d+\b)
    | (?P<number>-?\d+(?:\.\d+)?\b)
    | (?P<text>'[^']*'|"[^"]*")
    | (?P<name>[A-Za-z_][\w.:]*)
    | (?P<sign><=|>=|==|!=|[=<>(),])
    )""",
    re.VERBOSE | re.ASCII,
)
PLAIN = re.compile(r"[A-Za-z_][\w.:]*", re.ASCII)  # a text that needs no quotes
WORDS: dict[str, Scalar] = {"true": True, "false": False, "none": None}
COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": lambda found, limit: _ordered(operator.lt, found, limit),
    "<=": lambda found, limit: _ordered(operator.le, found, limit),
    ">": lambda found, limit: _ordered(operator.gt, found, limit),
    ">=": lambda found, limit: _ordered(operator.ge, found, limit),
}
DEPTH_LIMIT = 50  # parentheses and "not" within each other: nobody writes more by hand


def is_axis(name: str) -> bool:
    """Whether a suite or a selection may name it."""
    return name in AXES or name in AXIS_GROUPS or bool(re.fullmatch(r"options\.\w+", name))


def axis_values(case: Case, axis: str) -> tuple[Value, ...]:
    """What `case` has on that axis: two values for `channels` and `resolution`, else one."""
    if axis.startswith("options."):
        return (case.option(axis.removeprefix("options.")),)
    return tuple(getattr(case, name) for name in AXIS_GROUPS.get(axis, (axis,)))


def matches(case: Case, wanted: Mapping[str, object]) -> bool:
    """Whether the case has every wanted value; a list of values means any of them."""
    for axis, value in wanted.items():
        accepted = value if isinstance(value, list) else [value]
        if not all(found in accepted for found in axis_values(case, axis)):
            return False
    return True


def spell_selection(case: Case, among: Sequence[Case], apart_from: Collection[str] = ()) -> str:
    """The shortest `--where` expression of this form that tells `case` from the others: its conv
    type, and every axis on which they differ, `apart_from` some."""
    hidden = {name for axis in apart_from for name in AXIS_GROUPS.get(axis, (axis,))}
    options = sorted({f"options.{name}" for each in among for name in each.options})
    wanted: dict[str, Value] = {"conv_type": case.conv_type}
    for axis in (*AXES, *options):
        if axis not in hidden and len({axis_values(each, axis) for each in among}) > 1:
            wanted[axis] = axis_values(case, axis)[0]
    for group, (first, second) in AXIS_GROUPS.items():
        if first in wanted and second in wanted and wanted[first] == wanted[second]:
            position = list(wanted).index(first)
            items = [item for item in wanted.items() if item[0] not in (first, second)]
            items.insert(position, (group, wanted[first]))
            wanted = dict(items)
    return " and ".join(f"{axis}={_spell(value)}" for axis, value in wanted.items())


def parse_selection(expression: str) -> Selector:
    """The predicate that a `--where` expression states.

    Raises:
        InvalidSelection: The expression is not of the grammar above, or names no axis.
    """
    parser = _Parser(expression)
    selector = parser.parse_any(depth=0)
    if parser.kind:
        raise parser.expected("'and', 'or' or the end")
    return selector


def parse_setting(expression: str) -> tuple[str, Value]:
    """The axis and the value of `threads=1`.

    Raises:
        InvalidSelection: The expression is not of that form, or names no axis.
    """
    parser = _Parser(expression)
    axis = parser.parse_axis()
    parser.require("=")
    value = parser.parse_value()
    if parser.kind:
        raise parser.expected("the end: one axis and one value, as in threads=1")
    return axis, value


class _Parser:
    """Recursive descent with one token of look-ahead."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.end = 0
        self.advance()

    def advance(self) -> str:
        """Read the next token; returns the one that was current."""
        spent = getattr(self, "token", "")
        rest = self.expression[self.end :]
        self.start = self.end + len(rest) - len(rest.lstrip())
        match = TOKEN.match(self.expression, self.end)
        if match is None:
            self.kind, self.token = "", ""
            if rest.strip():
                raise self.expected("an axis, a value or a comparison")
            return spent
        self.kind = match.lastgroup or ""
        self.token = match[self.kind]
        self.start, self.end = match.start(self.kind), match.end()
        return spent

    def expected(self, what: str) -> InvalidSelection:
        return InvalidSelection(self.expression, self.start, what)

    def accept(self, token: str) -> bool:
        """Step over `token` if it is the current one."""
        if self.kind not in ("name", "sign") or self.token != token:
            return False
        self.advance()
        return True

    def require(self, token: str) -> None:
        if not self.accept(token):
            raise self.expected(repr(token))

    def parse_any(self, depth: int) -> Selector:
        parts = [self.parse_all(depth)]
        while self.accept("or"):
            parts.append(self.parse_all(depth))
        return parts[0] if len(parts) == 1 else lambda case: any(part(case) for part in parts)

    def parse_all(self, depth: int) -> Selector:
        parts = [self.parse_term(depth)]
        while self.accept("and"):
            parts.append(self.parse_term(depth))
        return parts[0] if len(parts) == 1 else lambda case: all(part(case) for part in parts)

    def parse_term(self, depth: int) -> Selector:
        if depth > DEPTH_LIMIT:
            raise self.expected(f"at most {DEPTH_LIMIT} levels of nesting")
        if self.accept("not"):
            inner = self.parse_term(depth + 1)
            return lambda case: not inner(case)
        if self.accept("("):
            inner = self.parse_any(depth + 1)
            self.require(")")
            return inner
        return self.parse_comparison()

    def parse_axis(self) -> str:
        if self.kind != "name" or not is_axis(self.token):
            axes = ", ".join([*AXIS_GROUPS, *AXES, "options.NAME"])
            raise self.expected(f"an axis ({axes})")
        return self.advance()

    def parse_comparison(self) -> Selector:
        axis = self.parse_axis()
        negated = self.accept("not")
        if self.accept("in"):
            values = self.parse_values()
            return lambda case: all((v in values) != negated for v in axis_values(case, axis))
        if negated or self.token not in COMPARISONS:
            raise self.expected("'in'" if negated else "one of = != < <= > >= in")
        compare, value = COMPARISONS[self.advance()], self.parse_value()
        return lambda case: all(compare(found, value) for found in axis_values(case, axis))

    def parse_values(self) -> tuple[Value, ...]:
        self.require("(")
        values = [self.parse_value()]
        while self.accept(","):
            values.append(self.parse_value())
        self.require(")")
        return tuple(values)

    def parse_value(self) -> Value:
        kind, token = self.kind, self.token
        if kind in ("", "sign"):
            raise self.expected("a value")
        self.advance()
        if kind == "pair":
            first, second = map(int, token.split("x"))
            return first if first == second else (first, second)
        if kind == "number":
            return float(token) if "." in token else int(token)
        if kind == "text":
            return token[1:-1]
        return WORDS.get(token.lower(), token)


def _spell(value: object) -> str:
    """A value as the grammar above reads it."""
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if not isinstance(value, str) or (PLAIN.fullmatch(text) and text.lower() not in WORDS):
        return text
    quote = '"' if "'" in text else "'"
    return f"{quote}{text}{quote}"


def _ordered(compare: Callable[[float, float], bool], found: Value, limit: Value) -> bool:
    """Order numbers only: a text or a pair is neither more nor less than anything."""
    return (
        isinstance(found, (int, float))
        and isinstance(limit, (int, float))
        and compare(found, limit)
    )
