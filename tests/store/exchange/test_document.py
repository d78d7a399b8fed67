from __future__ import annotations

import pytest

from sepconv.errors import InvalidExchange
from sepconv.store.exchange.document import Part, parse_json, write_json


def part(plain: object) -> Part:
    return Part("mine.json", "here", plain)


def test_a_place_is_spelled_as_people_write_it() -> None:
    root = Part("mine.json", "", {"a": [{"b c": {"d": 1}}]})

    found = root.part("a").parts()[0].part("b c").part("d")

    assert (found.place, found.plain) == ('a[0]."b c".d', 1)


def test_a_missing_key_is_told_and_a_null_is_as_good_as_none() -> None:
    assert part({"a": None}).maybe("a") is None
    assert part({}).maybe("a") is None
    with pytest.raises(
        InvalidExchange, match=r"mine\.json: here\.a: expected a value, found nothing"
    ):
        part({"a": None}).part("a")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": }', "line 1, column 7: expected JSON: "),
        (b'{"a": "\xff"}', "byte 7: expected UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 5000, "expected JSON with sane numbers"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(content: bytes, said: str) -> None:
    with pytest.raises(InvalidExchange) as told:
        parse_json(content, "mine.json")

    assert str(told.value).startswith("mine.json: ")
    assert said in str(told.value)


def test_a_byte_order_mark_is_no_error() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": 1}', "mine.json").plain == {"a": 1}


def test_what_is_written_is_ascii_and_ends_a_line() -> None:
    assert write_json({"ä": 1.5}) == b'{\n  "\\u00e4": 1.5\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(float("nan"))


@pytest.mark.parametrize("plain", ["text", 1, 2.5, True, False, None])
def test_plain_values_stay_what_they_are(plain: object) -> None:
    assert part(plain).scalar() is plain
    assert part(plain).is_scalar


@pytest.mark.parametrize("plain", [[], {}])
def test_containers_are_no_scalars(plain: object) -> None:
    assert not part(plain).is_scalar
