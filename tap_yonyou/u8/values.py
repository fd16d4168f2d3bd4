"""U8 values to typed values, driven by a stream's JSON Schema.

U8 writes nearly everything as a string: `"1"` for yes, `"494.0000"` for a number, `""` for
nothing; keys come and go from row to row (source: vendor's page and real replies).
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tap_yonyou.errors import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Value = Callable[[Any], Any]

#: Increase when the same row gives a different record, so that LOG_BASED writes every row again.
VERSION: Final = 1

#: The number of the data source of a row, if several are read (数据源序号).
DATA_SOURCE: Final = "ds_sequence"

#: Stands for a text with half a character: no type takes it, so it becomes null and is counted.
NO_TEXT: Final = b""

#: U8 names no zone; its servers are in China.
CHINA: Final = timezone(timedelta(hours=8))

_TEXTS: Final = frozenset((str, type(None)))
#: What converters raise.
_MISFITS: Final = (ValueError, TypeError, KeyError, ArithmeticError)
_MOST_LISTED: Final = 20
#: What a new field may be called: the tap and its targets have `ds_sequence` and `_sdc_…`.
_COLUMN: Final = re.compile(rf"(?!(?i:_sdc_|{DATA_SOURCE}$))[^\W\d]\w{{0,30}}")
_JSON: Final = msgspec.json.Encoder(decimal_format="number").encode
_DATE: Final = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})"
    r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6})\d*)?)?(Z|[+-]\d{2}:?\d{2})?)?",
    re.ASCII,
)
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class Converter:
    """Converts rows of U8 to records of a stream.

    Attributes:
        nulled: By field, the number of values that could not be converted and became null.
        dropped: By field that the schema does not know, the number of its values.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        selected: Iterable[str],
        key: Sequence[str] = (),
        constants: Mapping[str, Any] | None = None,
        ignored: Iterable[str] = (),
    ) -> None:
        """Compile the schema.

        Args:
            schema: The JSON Schema of the stream.
            selected: The fields to emit.
            key: Of several fields, a text that is missing becomes `""`: a key is never null.
            constants: Fields with the same value in every record, whatever the row says.
            ignored: Fields of rows that are dropped without a count.
        """
        self.nulled: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        properties = schema.get("properties", {})
        self._fields = [(name, _value(properties[name], name, self.nulled)) for name in selected]
        texts = [name for name in key if "string" in properties[name].get("type", "string")]
        self._key_parts = texts if len(key) > 1 else ()
        self._names = tuple(name for name, _ in self._fields)
        self._not_text = [field for field in self._fields if field[1] is not _text]
        self._constants = constants or {}
        self._new: list[str] | None = None
        self._known = {*properties, *ignored}
        # The case of names is not reliable in U8 (`ModifyDate` arrives as `modifydate`).
        self._spelling = {name.casefold(): name for name in properties}

    def keep_new(self, names: list[str]) -> None:
        """Keep fields that the schema does not know as texts; those that are met are added."""
        self._new = names
        self._known |= {*names}
        self._spelling |= {name.casefold(): name for name in names}

    def records(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Convert rows to records, which have every selected field; null where U8 has no value."""
        if self._new is None:
            return self._records(rows)
        rows = [row if self._known.issuperset(row) else self._respelt(row) for row in rows]
        records = self._records(rows)
        for row, record in zip(rows, records, strict=True):
            for name in self._new:
                record[name] = self._as_text(name, row.get(name))
        return records

    def _records(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        records, names, all_text = [], self._names, _TEXTS.issuperset
        knows, constants = self._known.issuperset, self._constants
        for row in rows:
            if not knows(row):
                row = self._respelt(row)  # noqa: PLW2901 -- the same row, with other names
            get = row.get
            # Nearly all rows are all text: looking at the types costs less than converting each.
            if not all_text(map(type, row.values())):
                record = {name: None if (v := get(name)) == "" else v for name in names}
                fields = self._fields
            else:
                record = {name: get(name) or None for name in names}
                fields = self._not_text
            for name, convert in fields:
                if (value := record[name]) is not None:
                    try:
                        record[name] = convert(value)
                    except _MISFITS:
                        self.nulled[name] += 1
                        record[name] = None
            for name in self._key_parts:
                if record[name] is None:
                    record[name] = ""
            if constants:
                record.update(constants)
            records.append(record)
        return records

    def _as_text(self, name: str, value: Any) -> str | None:
        if isinstance(value, list | dict):
            return _JSON(value).decode()
        try:
            return None if value is None or value == "" else _text(value)
        except TypeError:
            self.nulled[name] += 1
            return None

    def summary(self) -> str:
        """Give both counts, for example `2 values set to null (birthday 2); 0 fields dropped`."""
        nulled = counted(self.nulled.total(), "value")
        dropped = counted(len(self.dropped), "field")
        return f"{nulled} set to null{_listed(self.nulled)}; {dropped} dropped"

    def warning(self) -> str:
        """Name the dropped fields, and how to keep one; `""` if there is none."""
        if not self.dropped:
            return ""
        fields = counted(len(self.dropped), "field")
        return (
            f"{fields} dropped{_listed(self.dropped)}: no schema knows what they are; to keep one, "
            "add it to the stream's schema in the catalog, with Meltano by the extractor's "
            "`schema` extra, or set new_fields to text"
        )

    def _respelt(self, row: Mapping[str, Any]) -> dict[str, Any]:
        known = {name: value for name, value in row.items() if name in self._known}
        for key, value in row.items():
            if key not in self._known:
                name = self._spelling.get(key.casefold())
                if name is None and self._new is not None and _COLUMN.fullmatch(key):
                    # Another data source may have met it.
                    spelt = {new.casefold(): new for new in self._new}
                    name = self._spelling[key.casefold()] = spelt.get(key.casefold(), key)
                    self._known.add(name)
                    if name not in self._new:
                        self._new.append(name)
                if name is None or name in known:
                    self.dropped[key] += 1
                else:
                    known[name] = value
        return known


def _listed(counts: Counter[str]) -> str:
    if not counts:
        return ""
    names = [f"{one_line(name, 40)} {number}" for name, number in counts.most_common(_MOST_LISTED)]
    if len(counts) > _MOST_LISTED:
        names.append(f"and {len(counts) - _MOST_LISTED} more")
    return f" ({', '.join(names)})"


def _value(schema: Mapping[str, Any], name: str, nulled: Counter[str]) -> Value:
    """Choose how values of a property are converted; a converter raises one of `_MISFITS`.

    What fails within an object or array becomes null and is counted in `nulled`.
    """
    types = schema.get("type", [])
    match [kind for kind in ([types] if isinstance(types, str) else types) if kind != "null"]:
        case ["string"]:
            return _STRINGS.get(schema.get("format", ""), _text)
        case ["object"]:
            return _object(schema.get("properties", {}), name, nulled)
        case ["array"]:
            return _array(schema.get("items", {}), name, nulled)
        case [kind]:
            return _OTHERS.get(kind, _as_it_is)
        case _:
            return _as_it_is


def _object(properties: Mapping[str, Any], name: str, nulled: Counter[str]) -> Value:
    known = {
        key.casefold(): (key, _within(about, f"{name}.{key}", nulled))
        for key, about in properties.items()
    }

    def convert(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise TypeError
        # Fields that the schema does not know stay: they are not columns.
        fields = ((known.get(key.casefold(), (key, _as_it_is)), v) for key, v in value.items())
        return {key: convert_inside(inside) for (key, convert_inside), inside in fields}

    return convert


def _array(items: Mapping[str, Any], name: str, nulled: Counter[str]) -> Value:
    inner = _within(items, name, nulled)

    def convert(value: Any) -> list[Any]:
        # A single object may come without its list.
        values = [value] if isinstance(value, dict) else value
        if not isinstance(values, list):
            raise TypeError
        return [*map(inner, values)]

    return convert


def _within(schema: Mapping[str, Any], name: str, nulled: Counter[str]) -> Value:
    if not schema:
        return _as_it_is
    convert = _value(schema, name, nulled)

    def convert_or_null(value: Any) -> Any:
        if value is None or value == "":
            return None
        try:
            return convert(value)
        except _MISFITS:
            nulled[name] += 1
            return None

    return convert_or_null


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    raise TypeError


class _Booleans(dict[Any, bool | None]):
    """What values mean; a look-up takes a third of the time of a call."""

    def __missing__(self, value: Any) -> bool | None:
        """Read another spelling; a KeyError if there is none."""
        if isinstance(value, str) and (text := value.strip().lower()) != value:
            return self[text]
        raise KeyError


# JSON true and the numbers 1 and 1.0 are the same key.
_BOOLEANS: Final = _Booleans(
    dict.fromkeys((1, -1, "1", "-1", "true"), True)
    | dict.fromkeys((0, "0", "false"), False)
    | {"": None}
)


@lru_cache(maxsize=1 << 15)
def date(value: Any) -> str | None:
    """Read a date, with or without a time, as the day in China (`yyyy-MM-dd`); None for a blank."""
    moment = _moment(value)
    return moment.astimezone(CHINA).date().isoformat() if moment else None


def _date_time(value: Any) -> str | None:
    moment = _moment(value)
    return moment.isoformat() if moment else None


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        raise TypeError
    value = value.strip()
    if not value:
        return None
    if not (match := _DATE.fullmatch(value)):
        raise ValueError
    year, _, month, day, hour, minute, second, fraction, zone = match.groups(default="")
    time = f"{hour or 0:0>2}:{minute or 0:0>2}:{second or 0:0>2}.{fraction:0<6}"
    moment = datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}T{time}{zone}")
    return moment if zone else moment.replace(tzinfo=CHINA)


def _number(value: Any) -> int | Decimal | None:
    if isinstance(value, str):
        value = value.strip()
        if not value:
            return None
        if not _NUMBER.fullmatch(value):
            raise ValueError
    if isinstance(value, int):
        return int(value)  # a boolean is an int, too
    return Decimal(value)


def _integer(value: Any) -> int | None:
    number = _number(value)
    if number is not None and number != int(number):
        raise ValueError
    return None if number is None else int(number)


def _as_it_is(value: Any) -> Any:
    if value is NO_TEXT:
        raise ValueError
    return value


_STRINGS: Final[Mapping[str, Value]] = {"date": date, "date-time": _date_time}
_OTHERS: Final[Mapping[str, Value]] = {
    "boolean": _BOOLEANS.__getitem__,
    "integer": _integer,
    "number": _number,
}
