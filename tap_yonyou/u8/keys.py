"""Keys of rows: when two of them are the same, and how many are packed into little.

A key is a text or a number, or a tuple of these if several fields identify a row.
"""

from __future__ import annotations

import zlib
from array import array
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

import msgspec
from singer_sdk.contrib.msgspec import decoder, encoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: How many keys are packed, and unpacked, at a time.
_BLOCK: Final = 4096
#: The most that a key shares with the one before it, for a byte to tell.
_MOST_SHARED: Final = 255
#: What keys may be unpacked to, in bytes: ten million of them and more.
_MOST_BYTES: Final = 1 << 30

_TEXT: Final = {str}
_PARTS: Final = {str, int, Decimal}


class LostError(Exception):
    """There was a snapshot, and it cannot be used."""

    def __init__(self, why: str = "the snapshot is damaged") -> None:
        """Say why.

        Args:
            why: The beginning of a sentence for the log.
        """
        super().__init__(why)


def hashes(keys: Sequence[Any]) -> array[int]:
    """Hash keys: equal ones alike, others, as far as 64 bits go, not.

    Args:
        keys: Keys, or the numbers of rows that have none.

    Returns:
        Their hashes, good for this process only.
    """
    if isinstance(keys, range):
        return array("q", keys)
    are_tuples = bool(keys) and isinstance(keys[0], tuple)
    if not _TEXT.issuperset(map(type, chain.from_iterable(keys) if are_tuples else keys)):
        keys = [_canonical(key) for key in keys]
    return array("q", map(hash, keys))


def _canonical(key: Any) -> Any:
    """Write a number as a text: its own hash is the number, save that -1 and -2 share one.

    So 1, 1.0 and, where U8 spells it like that now and then, "1" are one key.
    """
    if isinstance(key, str):
        return key
    if isinstance(key, tuple):
        return tuple(map(_canonical, key))
    if isinstance(key, Decimal) and key:
        text = f"{key:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(key or 0) if isinstance(key, int | Decimal) else encoder.encode(key)


def to_json(keys: Iterable[Any]) -> bytes:
    """Give keys as a list in JSON.

    Args:
        keys: Keys of one list.
    """
    return encoder.encode(keys)


def of_json(content: bytes, parts: int = 1) -> list[Any]:
    """Read keys.

    Args:
        content: What `to_json` gave.
        parts: How many fields each key has.

    Raises:
        LostError: These are no such keys.
    """
    try:
        found: list[Any] = decoder.decode(content)
    except (ValueError, RecursionError):
        raise LostError from None
    keys = found if parts == 1 else [tuple(key) for key in found if isinstance(key, list)]
    values = keys if parts == 1 else [part for key in keys for part in key]
    if len(values) != len(found) * parts or not _PARTS.issuperset(map(type, values)):
        raise LostError
    return keys


def pack(keys: Iterable[Any]) -> bytes:
    """Pack keys: what each shares with the one before it is left out, the rest is compressed.

    Args:
        keys: Keys of one list.

    Returns:
        About a byte for each key that follows closely on the one before it.
    """
    keys, blocks = iter(keys), []
    while block := [*islice(keys, _BLOCK)]:
        lengths, rests, before = bytearray(), [], b""
        for text in map(encoder.encode, block):
            length = min(len(text), len(before), _MOST_SHARED)
            while text[:length] != before[:length]:
                length -= 1
            lengths.append(length)
            rests.append(text[length:])
            before = text
        blocks.append((lengths, b"\n".join(rests)))  # JSON has no line feed
    return zlib.compress(msgspec.msgpack.encode(blocks))


def unpack(packed: bytes) -> Iterator[bytes]:
    """Unpack keys.

    Args:
        packed: What `pack` gave.

    Yields:
        Some of the keys at a time, in their order, as JSON.

    Raises:
        LostError: This is something else.
    """
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, _MOST_BYTES)
        blocks = msgspec.msgpack.decode(content, type=list[tuple[bytes, bytes]])
    except (msgspec.DecodeError, zlib.error):
        raise LostError from None
    if not unpacking.eof:
        raise LostError
    for lengths, rests in blocks:
        texts, text = [], b""
        for length, rest in zip(lengths, rests.split(b"\n"), strict=False):
            text = text[:length] + rest
            texts.append(text)
        yield b"[%b]" % b",".join(texts)
