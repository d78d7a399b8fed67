"""How a comparison is printed: for terminals of any width, for Markdown, for programs."""

import json
import os
import subprocess
import sys
from dataclasses import fields, replace

import pytest

from sepconv.case import Case
from sepconv.cli import verdict
from sepconv.cli.table import make_console
from sepconv.cli.verdict import print_comparison
from sepconv.comparison import Compared, Comparison, Contender, Detail, LeftOut, Outcome
from sepconv.run import Machine

HOSTILE = "<img src=x>|@everyone `x` **y** \x1b[31mred\n# head"
CASE = Case(conv_type="standard", in_channels=96, out_channels=96, height=28, width=28)
DEPTHWISE = replace(CASE, conv_type="depthwise_separable", batch_size=8)
SLOWER = Compared(
    1,
    CASE,
    CASE,
    Outcome.SLOWER,
    (Detail.ALLOCATES_MORE,),
    ratio=1.0512,
    low=1.04,
    high=1.06,
    confidence=0.99,
    detectable=0.02,
    passes=8,
    base_latency_s=1e-3,
    head_latency_s=1.05e-3,
    metrics={
        "params": (10.0, 10.0),
        "allocations": (3.0, 5.0),
        "allocated_bytes": (1024.0, 4096.0),
        "minor_faults_per_call": (0.0, 440.0),
    },
)
FAILED = Compared(2, DEPTHWISE, DEPTHWISE, Outcome.FAILED, reason=f"head: failed: {HOSTILE}")
SAME = replace(SLOWER, ring=3, outcome=Outcome.SAME, details=(), ratio=1.001, low=0.99, high=1.01)


def comparison(*cases, **fields):
    return Comparison(
        uid="u",
        suite="tiny",
        started_at="2026-03-01T10:00:00+00:00",
        machine=Machine("Some CPU", "x86_64", 2, 4, 16),
        base=Contender("main", branch=HOSTILE),
        head=Contender(HOSTILE),
        cases=cases,
        state="done",
        **fields,
    )


def printed(capsys, monkeypatch, told, output_format="terminal", width=200):
    def console():
        made = make_console()
        made.width = width
        return made

    monkeypatch.setattr(verdict, "make_console", console)
    print_comparison(told, output_format)
    return capsys.readouterr().out


def test_what_has_to_be_acted_upon_comes_first(capsys, monkeypatch):
    out = printed(capsys, monkeypatch, comparison(SAME, FAILED, SLOWER))

    lines = out.splitlines()
    assert lines[0].startswith("Slower: 1 case of 3, at most 5.1 % slower [4.0, 6.0]")
    outcomes = [line.split()[-2:] for line in lines if "96 28×28" in line or "b8" in line]
    places = [out.index(word) for word in ("slower: allocates", "failed: head", "the same")]
    assert outcomes
    assert places == sorted(places)


def test_a_detail_is_told_with_its_figures_and_page_faults_are_not(capsys, monkeypatch):
    out = printed(capsys, monkeypatch, comparison(SLOWER))

    assert "allocates more; allocations 3 → 5; allocated bytes 1.00 KiB → 4.00 KiB" in out
    assert "faults" not in out


def test_in_80_columns_every_case_has_a_line_with_its_change_and_its_outcome(capsys, monkeypatch):
    out = printed(capsys, monkeypatch, comparison(SLOWER, FAILED, SAME), width=80)

    table = [line for line in out.splitlines() if "28×28" in line]
    assert len(table) == 3
    assert all(len(line) <= 80 and "…" not in line for line in table)
    assert [line.split()[-1] for line in table] == ["slower", "failed", "same"]
    assert "5.1 % slower [4.0, 6.0]" in table[0]


@pytest.mark.parametrize("output_format", ["terminal", "markdown"])
def test_hostile_names_are_inert(capsys, monkeypatch, output_format):
    out = printed(capsys, monkeypatch, comparison(FAILED), output_format)

    assert "\x1b" not in out
    assert not any(line.startswith("# ") for line in out.splitlines())
    if output_format == "markdown":
        assert "<img" not in out
        assert "@everyone" not in out
        assert "|@everyone" not in out


def test_json_has_every_axis_by_its_name_and_the_evidence(capsys, monkeypatch):
    told = comparison(SLOWER, FAILED, left_out=[LeftOut(DEPTHWISE, "no time")])

    plain = json.loads(printed(capsys, monkeypatch, told, "json"))

    assert set(plain) >= {"outcome", "method", "cases", "base", "head", "left_out", "counts"}
    slower, failed = plain["cases"]
    assert {field.name for field in fields(Case)} <= set(slower)
    assert (slower["outcome"], slower["ratio"], slower["low"]) == ("slower", 1.0512, 1.04)
    assert slower["metrics"]["allocations"] == {"base": 3.0, "head": 5.0}
    assert (failed["ratio"], failed["detectable"]) == (None, None)
    assert plain["left_out"][0]["reason"] == "no time"


def test_two_cases_of_a_ring_are_both_told(capsys, monkeypatch):
    pair = replace(SLOWER, head=replace(CASE, conv_type="depthwise_separable"))

    plain = json.loads(printed(capsys, monkeypatch, comparison(pair), "json"))
    shown = printed(capsys, monkeypatch, comparison(pair))

    assert plain["cases"][0]["base_case"]["conv_type"] == "standard"
    assert "standard → depthwise separable" in shown


def test_a_reader_that_has_enough_is_no_defect(tmp_path):
    command = f"{sys.executable} -m sepconv cost note --format json | head -c 1 >/dev/null"
    answer = subprocess.run(
        ["bash", "-c", f"set -o pipefail; for i in 1 2 3; do {command}; done"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "Traceback" not in answer.stderr
    assert answer.returncode in (0, 141)
