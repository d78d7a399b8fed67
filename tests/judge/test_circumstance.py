"""What else differs between two nights than the code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from sepconv.judge.circumstance import CONDITIONS, NOT_NEWS, differences, facts_of
from sepconv.run import Environment
from sepconv.series import Occasion
from tests.judge.nights import ENVIRONMENT, MACHINE, OTHER_MACHINE, night

KNOWN = {"kernel": "6.1", "python": "3.11.7", "load": 0.3, "governor": "performance"}


def occasion(conditions: Mapping[str, Any] = KNOWN, **changes: Any) -> Occasion:
    return replace(Occasion.of_comparison(night(1, {}, conditions=conditions)), **changes)


def test_nights_that_are_alike_do_not_differ() -> None:
    assert differences(occasion(), occasion()) == []


def test_another_commit_is_no_circumstance() -> None:
    one, other = (Occasion.of_comparison(night(number, {})) for number in (1, 2))

    assert one.commit != other.commit
    assert differences(one, other) == []


def test_another_machine_is_named_as_people_would_say_it() -> None:
    found = differences(occasion(machine=MACHINE), occasion(machine=OTHER_MACHINE))

    assert found == ["machine Some CPU, 2 cores, 16 GiB → Another CPU, 2 cores, 16 GiB"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"torch": "2.14.0"}, "torch 2.13.0 → 2.14.0"),
        ({"backends": ("oneDNN 3.8", "MKL 2024")}, "backends oneDNN 3.7 → oneDNN 3.8, MKL 2024"),
        ({"backends": ()}, "backends oneDNN 3.7 → none"),
        ({"cpu_capability": "AVX512"}, "cpu capability AVX2 → AVX512"),
        ({"omp_settings": ("OMP_PROC_BIND=true",)}, "OpenMP none → OMP_PROC_BIND=true"),
        ({"flush_denormals": False}, "flush denormals True → False"),
        ({"cuda": "12.4"}, "cuda none → 12.4"),
        ({"method_version": 3}, "method version 2 → 3"),
    ],
)
def test_every_field_of_another_environment_is_named(
    changes: Mapping[str, Any], expected: str
) -> None:
    other = occasion(environment=replace(ENVIRONMENT, **changes))

    assert differences(occasion(), other) == [expected]


def test_no_field_of_an_environment_is_overlooked() -> None:
    """Each is made another one: what is new in an environment is news without further ado."""
    others = {each.name: f"another {each.name}" for each in fields(Environment)}

    found = differences(occasion(), occasion(environment=Environment(**others)))  # type: ignore[arg-type]

    assert len(found) == len(others) - len(NOT_NEWS)


def test_python_is_named_once_to_the_patch_level() -> None:
    newer = occasion(KNOWN | {"python": "3.12.1"}, environment=replace(ENVIRONMENT, python="3.12"))

    assert differences(occasion(), newer) == ["Python 3.11.7 → 3.12.1"]


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_that_stays_until_somebody_changes_it_is_named(name: str) -> None:
    (found,) = differences(occasion({name: "old"}), occasion({name: "new"}))

    assert found.endswith("old → new")


def test_the_contents_of_the_suite_are_named_in_words() -> None:
    found = differences(occasion({"suite_digest": "3f"}), occasion({"suite_digest": "a1"}))

    assert found == ["contents of the suite 3f → a1"]


def test_what_is_volatile_or_known_of_one_night_only_is_no_difference() -> None:
    before = {"load": 0.3, "kernel": "6.1"}
    after = {"load": 9.0, "governor": "powersave", "kernel": None}

    assert differences(occasion(before), occasion(after)) == []
    assert differences(occasion(after), occasion(before)) == []


def test_the_weightiest_difference_comes_first() -> None:
    other = occasion(
        KNOWN | {"kernel": "6.8"},
        machine=OTHER_MACHINE,
        environment=replace(ENVIRONMENT, torch="2.14.0"),
    )

    found = differences(occasion(), other)

    assert [each.split()[0] for each in found] == ["machine", "torch", "kernel"]


def test_the_facts_of_a_night_are_what_its_differences_tell_in_the_same_order() -> None:
    other = occasion(
        KNOWN | {"kernel": "6.8", "governor": None},
        machine=OTHER_MACHINE,
        environment=replace(ENVIRONMENT, torch="2.14.0", omp_settings=("A=1",)),
    )
    before, after = facts_of(occasion()), facts_of(other)

    differing = [name for name in before if name in after and before[name] != after[name]]
    found = differences(occasion(), other)

    assert [each.removeprefix(f"{name} ") for each, name in zip(found, differing, strict=True)][
        1:
    ] == [f"{before[name]} → {after[name]}" for name in differing[1:]]
    assert "governor" in before
    assert "governor" not in after


def test_two_machines_of_one_label_are_different_facts() -> None:
    one, other = (
        facts_of(occasion(machine=replace(MACHINE, physical_cores=cores))) for cores in (1, 2)
    )

    assert one["machine"].startswith("Some CPU, 2 cores, 16 GiB (")
    assert one["machine"] != other["machine"]
