"""Markdown in which texts of others stay texts: they make no cell, tag, link or mention."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from sepconv.report.text import flat, inert

ACTIVE = re.compile(r"[\\`*_~|\[\]$]")
LINKED = re.compile(r"(?<=[@#!&%])(?=\w)|(?<=:)(?=//|[\w+-]+:)|(?<=\bwww)(?=\.)|(?<=GH)(?=-\d)")
NOTHING = "<!-- -->"
"""A comment that nobody sees: forges link mentions, issues and addresses in what is left after
Markdown was read, where neither a backslash nor an entity is there any more."""


def markdown_cell(value: object) -> str:
    """`value` as text that Markdown shows as it is, in a cell, a line or a heading."""
    text = "" if value is None else inert(flat(value))
    pieces = LINKED.split(text)
    return NOTHING.join(map(_escaped, pieces))


def markdown_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows with the same keys as a table; the values are escaped."""
    return written_table(
        [{name: markdown_cell(value) for name, value in row.items()} for row in rows]
    )


def written_table(rows: Sequence[Mapping[str, str]], right: Collection[str] = ()) -> str:
    """Rows whose values are Markdown already, as a table; numbers stand on the `right`."""
    if not rows:
        return ""
    lines = [list(rows[0]), ["---:" if name in right else "---" for name in rows[0]]]
    lines += [list(row.values()) for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code_span(text: str) -> str:
    """`text` in a code span, however many backticks there are in it."""
    line = inert(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    padding = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{padding}{line}{padding}{fence}"


def code_block(text: str, language: str = "") -> str:
    """Lines in a fenced block, whatever fences there are in them."""
    lines = [
        "".join(char for char in line if char.isprintable() or char == "\t")
        for line in text.splitlines()
    ]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, 1 + longest)
    return "\n".join([f"{fence}{language}", *lines, fence])


def _escaped(text: str) -> str:
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return ACTIVE.sub(lambda found: f"\\{found[0]}", plain)
