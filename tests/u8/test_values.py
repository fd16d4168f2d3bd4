"""U8 values become typed values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tap_yonyou.u8.values import NO_TEXT, Converter

TYPES: dict[str, dict[str, Any]] = {
    "text": {"type": ["string", "null"]},
    "flag": {"type": ["boolean", "null"]},
    "day": {"type": ["string", "null"], "format": "date"},
    "moment": {"type": ["string", "null"], "format": "date-time"},
    "number": {"type": ["number", "null"]},
    "integer": {"type": "integer"},
    "object": {"type": ["object", "null"]},
    "array": {"type": ["array", "null"]},
    "any": {},
    "either": {"type": ["string", "integer"]},
}


def record(converter: Converter, row: dict[str, Any]) -> dict[str, Any]:
    (converted,) = converter.records([row])
    return converted


def convert(kind: str, value: object) -> tuple[object, int]:
    """Convert one value; give it, and how many values could not be converted."""
    converter = Converter({"properties": {"field": TYPES[kind]}}, ["field"])
    return record(converter, {"field": value})["field"], converter.nulled.total()


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("row", [{}, {"field": ""}, {"field": None}])
def test_a_missing_key_or_an_empty_text_is_null(kind: str, row: dict[str, Any]) -> None:
    converter = Converter({"properties": {"field": TYPES[kind]}}, ["field"])
    assert record(converter, row) == {"field": None}
    assert not converter.nulled


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("张天宇", "张天宇"),
        ("  blanks stay ", "  blanks stay "),
        ("0", "0"),
        (7, "7"),
        (-1, "-1"),
        (Decimal("494.0000"), "494.0000"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
    ],
    ids=repr,
)
def test_text_stays_as_it_is_and_a_number_becomes_text(value: object, expected: str) -> None:
    assert convert("text", value) == (expected, 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *[(yes, True) for yes in ("1", 1, -1, "-1", True, "true", "True", " 1 ", Decimal("1.0"))],
        *[(no, False) for no in ("0", 0, False, "false", "FALSE")],
        ("  ", None),
    ],
    ids=repr,
)
def test_booleans_in_every_spelling(value: object, expected: bool | None) -> None:  # noqa: FBT001
    result, nulled = convert("flag", value)
    assert result is expected
    assert nulled == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-02-29", "2024-02-29"),
        ("2024/2/9", "2024-02-09"),
        ("2024/12/31", "2024-12-31"),
        ("2024-02-29 00:00:00", "2024-02-29"),
        ("2024-02-29 23:59:59.9", "2024-02-29"),
        ("2024-02-29T15:59:59Z", "2024-02-29"),
        ("1990-05-09T16:00:00Z", "1990-05-10"),  # midnight in China
        ("2024-03-01T00:30:00+09:00", "2024-02-29"),
        ("2024/2/9 8:30:00", "2024-02-09"),
        ("2024/2/9 8:30", "2024-02-09"),
        (" 2024-02-29 ", "2024-02-29"),
        ("0099-01-01", "0099-01-01"),
        (" ", None),
    ],
    ids=repr,
)
def test_dates_with_and_without_a_time(value: str, expected: str | None) -> None:
    assert convert("day", value) == (expected, 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-02-29 08:30:01.5", "2024-02-29T08:30:01.500000+08:00"),
        ("2024/2/9 8:30:00", "2024-02-09T08:30:00+08:00"),
        ("2024-02-29", "2024-02-29T00:00:00+08:00"),
        ("2024-02-29T08:30:00Z", "2024-02-29T08:30:00+00:00"),
        ("2024-02-29T08:30:00-05:00", "2024-02-29T08:30:00-05:00"),
        ("2024-02-29T08:30:00.123456789", "2024-02-29T08:30:00.123456+08:00"),
    ],
    ids=repr,
)
def test_moments_without_a_zone_are_chinas(value: str, expected: str) -> None:
    assert convert("moment", value) == (expected, 0)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("number", "494.0000", Decimal("494.0000")),
        ("number", "-1e3", Decimal(-1000)),
        ("number", 5, 5),
        ("number", Decimal("0.10"), Decimal("0.10")),
        ("number", " ", None),
        ("integer", "494.0000", 494),
        ("integer", "12", 12),
        ("integer", Decimal("3.0"), 3),
        ("integer", " ", None),
        ("object", {"a": 1}, {"a": 1}),
        ("array", [1], [1]),
        ("any", {"a": [1]}, {"a": [1]}),
        ("either", "x", "x"),
    ],
    ids=repr,
)
def test_fields_a_user_adds_may_have_other_types(
    kind: str, value: object, expected: object
) -> None:
    assert convert(kind, value) == (expected, 0)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", ["a"]),
        ("text", {"a": 1}),
        ("flag", "是"),
        ("flag", "2"),
        ("flag", 2),
        ("flag", [1]),
        ("day", "0000-00-00"),
        ("day", "2023-02-29"),
        ("day", "2024-02/29"),
        ("day", "２０２４-01-01"),
        ("day", "2024-01-01 25:00:00"),
        ("day", 20240101),
        ("day", "tomorrow"),
        ("moment", "2024-13-01"),
        ("number", "1,234"),
        ("number", "1_000"),
        ("number", "NaN"),
        ("number", "true"),
        ("number", []),
        ("integer", "1.5"),
        ("object", "{}"),
        ("array", "[]"),
        *((kind, NO_TEXT) for kind in TYPES),
    ],
    ids=repr,
)
def test_what_cannot_be_converted_is_null_and_counted(kind: str, value: object) -> None:
    assert convert(kind, value) == (None, 1)


def test_only_selected_fields_are_emitted_and_others_are_not_reported() -> None:
    converter = Converter({"properties": TYPES}, ["text", "flag"])
    assert record(converter, {"flag": "1", "day": "2024-01-01"}) == {"text": None, "flag": True}
    assert not converter.dropped


def test_fields_no_schema_knows_are_dropped_and_counted() -> None:
    converter = Converter({"properties": TYPES}, ["text"])
    record(converter, {"text": "a", "define1": "x"})
    record(converter, {"text": "b", "define1": "", "define2": None})
    assert converter.dropped == {"define1": 2, "define2": 1}


def test_the_case_of_a_key_does_not_matter() -> None:
    converter = Converter({"properties": TYPES}, ["text", "flag"])
    assert record(converter, {"Text": "a", "FLAG": "0"}) == {"text": "a", "flag": False}
    assert not converter.dropped
    # The right spelling wins over another one.
    assert record(converter, {"TEXT": "b", "text": "a"}) == {"text": "a", "flag": None}
    assert converter.dropped == {"TEXT": 1}


def test_the_summary_names_fields_and_numbers_only() -> None:
    converter = Converter({"properties": TYPES}, ["flag", "day"])
    assert converter.summary() == "0 values set to null; 0 fields dropped"
    assert converter.warning() == ""
    record(converter, {"flag": "maybe", "define1": "x"})
    assert converter.summary() == "1 value set to null (flag 1); 1 field dropped"
    converter = Converter({"properties": TYPES}, ["flag", "day"])
    for _ in range(2):
        record(converter, {"flag": "secret value", "day": "1.1.2024", "define1": "secret value"})
    record(converter, {"day": "secret value", "de\nfine2" + "x" * 99: 1})
    assert converter.summary() == "5 values set to null (day 3, flag 2); 2 fields dropped"
    assert converter.warning() == (
        f"2 fields dropped (define1 2, de fine2{'x' * 32}… 1): no schema knows what they are; to "
        "keep one, add it to the stream's schema in the catalog, with Meltano by the extractor's "
        "`schema` extra, or set new_fields to text"
    )


def test_the_summary_stays_short_however_many_fields_are_dropped() -> None:
    converter = Converter({"properties": {}}, [])
    record(converter, {f"define{number}": "" for number in range(1000)})
    assert converter.summary().endswith("; 1,000 fields dropped")
    assert "1,000 fields dropped (define0 1, " in converter.warning()
    assert ", and 980 more): " in converter.warning()


def test_a_number_may_come_as_a_boolean() -> None:
    assert convert("number", value=True) == (1, 0)
    assert convert("integer", value=False) == (0, 0)


def test_what_is_nested_is_typed_inside_too() -> None:
    inner = {
        "qty": {"type": ["number", "null"]},
        "ok": {"type": ["boolean", "null"]},
        "self": {"type": ["array", "null"], "items": {"type": ["integer", "null"]}},
    }
    entry = {"type": ["object", "null"], "properties": inner}
    schema = {"properties": {"entry": {"type": ["array", "null"], "items": entry}}}
    converter = Converter(schema, ["entry"])
    row = {"entry": [{"QTY": "4210.4000", "ok": "x", "self": ["1", ""], "more": "1"}, None]}
    (one,) = converter.records([row])
    assert one["entry"] == [
        {"qty": Decimal("4210.4000"), "ok": None, "self": [1, None], "more": "1"},
        None,
    ]
    assert converter.nulled == {"entry.ok": 1}
    # One alone may come without its list.
    assert converter.records([{"entry": {"ok": "1"}}]) == [{"entry": [{"ok": True}]}]


def test_parts_of_a_key_are_never_null() -> None:
    text = {"type": "string"}
    converter = Converter({"properties": {"a": text, "b": text}}, ["a", "b"], ["a", "b"])
    assert converter.records([{"a": "1"}, {"b": "", "a": 2}]) == [
        {"a": "1", "b": ""},
        {"a": "2", "b": ""},
    ]
