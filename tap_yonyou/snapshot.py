"""What a complete read brought, in the form in which it is kept: keys and digests, no values."""

from __future__ import annotations

import json
import os
import zlib
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec
from singer_sdk.contrib.msgspec import decoder, encoder

from tap_yonyou.compat import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Bytes of a digest. That a changed record has the digest of the former one is a chance of one in
#: 3 · 10^14.
DIGEST_BYTES: Final = 6

#: How many keys are packed, and unpacked, at a time.
_BLOCK: Final = 4096
#: The most that a key shares with the one before it, for a byte to tell.
_MOST_SHARED: Final = 255


class Snapshot(msgspec.Struct, array_like=True, forbid_unknown_fields=True, kw_only=True):
    """What the last complete read of a list brought.

    Attributes:
        secret: The key of all digests, drawn anew for each baseline: those of two snapshots cannot
            be compared.
        scope: What was read: a digest of accounts, data source, filters and parameters.
        shape: How rows became records: a digest of schema, selection and stream maps.
        keys: The keys, as `pack` gives them.
        digests: One for each key, in the same order.
    """

    secret: bytes
    scope: bytes
    shape: bytes
    keys: bytes
    digests: bytes

    @classmethod
    def decode(cls, content: bytes) -> Snapshot:
        """Read a snapshot.

        Args:
            content: What `encode` gave.

        Raises:
            LostError: This is none.
        """
        try:
            return msgspec.msgpack.decode(content, type=cls)
        except msgspec.DecodeError:
            raise LostError from None

    def encode(self) -> bytes:
        """Give the snapshot as bytes; 9 for each row at the most, if keys are codes of U8."""
        return msgspec.msgpack.encode(self)


class LostError(Exception):
    """There was a snapshot, and it cannot be used."""

    @override
    def __str__(self) -> str:
        return super().__str__() or "the snapshot is damaged"


def new_secret() -> bytes:
    """Draw a key for digests."""
    return os.urandom(16)


def fingerprint(secret: bytes, what: Any) -> bytes:
    """Make a digest of what is compared as a whole.

    Args:
        secret: The key of the digest.
        what: Anything JSON has a form for; the order of names does not matter.
    """
    text = json.dumps(what, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=8, key=secret).digest()


def to_json(keys: Iterable[Any]) -> bytes:
    """Give keys as a list in JSON.

    Args:
        keys: Texts, numbers, or tuples of them.
    """
    return encoder.encode(keys)


def of_json(content: bytes) -> list[Any]:
    """Read keys.

    Args:
        content: What `to_json` gave.

    Raises:
        LostError: This is no list.
    """
    try:
        keys: list[Any] = decoder.decode(content)
    except msgspec.DecodeError:
        raise LostError from None
    return [*map(tuple, keys)] if keys and isinstance(keys[0], list) else keys


def pack(keys: Iterable[Any]) -> bytes:
    """Pack keys: what each shares with the one before it is left out, the rest is compressed.

    Args:
        keys: Texts, numbers, or tuples of them.

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
    try:
        blocks = msgspec.msgpack.decode(zlib.decompress(packed), type=list[tuple[bytes, bytes]])
    except (msgspec.DecodeError, zlib.error):
        raise LostError from None
    for lengths, rests in blocks:
        texts, text = [], b""
        for length, rest in zip(lengths, rests.split(b"\n"), strict=False):
            text = text[:length] + rest
            texts.append(text)
        yield b"[%b]" % b",".join(texts)
