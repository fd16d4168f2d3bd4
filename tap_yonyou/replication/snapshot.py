"""What a complete read brought, in the form in which it is kept: keys and digests, no values."""

from __future__ import annotations

import json
import lzma
import os
from hashlib import blake2b
from io import BytesIO
from itertools import chain
from struct import iter_unpack
from typing import TYPE_CHECKING, Any, Final

import msgspec
from singer_sdk.contrib.msgspec import decoder, encoder

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Bytes of a digest. A changed record has the digest of the former one by a chance of one in
#: 3 · 10^14.
DIGEST_BYTES: Final = 6


class LostError(Exception):
    """There was a snapshot, and it cannot be used; the text says why."""


class Snapshot(msgspec.Struct, array_like=True, kw_only=True):
    """What the last complete read of a list brought.

    Attributes:
        secret: The key of all digests, drawn anew for each baseline: those of two snapshots cannot
            be compared.
        scope: Which rows were read: by account, filters and so on, a digest of each.
        shape: How rows became records: a digest of schema, selection and stream maps.
        keys: The keys, as compressed JSON.
        digests: One for each key, in the same order.
    """

    secret: bytes
    scope: dict[str, bytes]
    shape: bytes
    keys: bytes
    digests: bytes
    #: How many keys there are.
    size: int

    def encode(self) -> bytes:
        """Give the snapshot as bytes; about 9 for each row, if keys are codes of U8."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, content: bytes, width: int = DIGEST_BYTES) -> Snapshot:
        """Read what `encode` gave; a LostError if it has not so many bytes for each key."""
        made = msgspec.msgpack.decode(content, type=cls)
        if len(made.digests) != made.size * width:
            msg = "the snapshot is damaged"
            raise LostError(msg)
        return made

    @classmethod
    def of(
        cls, secret: bytes, scope: Mapping[str, Any], shape: Any, held: Mapping[Any, bytes]
    ) -> Snapshot:
        """Make a snapshot of records by their keys."""
        digests = BytesIO()
        digests.writelines(held.values())  # join() would take 80 bytes for each, for a moment
        return cls(
            secret=secret,
            scope={name: fingerprint(secret, part) for name, part in scope.items()},
            shape=fingerprint(secret, shape),
            # On a list of codes its fastest preset takes less room, and no more time, than zlib.
            keys=lzma.compress(encoder.encode([*held]), preset=1),
            digests=digests.getvalue(),
            size=len(held),
        )

    def differences(self, scope: Mapping[str, Any]) -> list[str]:
        """Name the parts of the scope that are others than then."""
        return [
            name
            for name in {**self.scope, **scope}
            if self.scope.get(name) != fingerprint(self.secret, scope.get(name))
        ]

    def held(self) -> dict[Any, bytes]:
        """Give the digests by key."""
        keys = decoder.decode(lzma.decompress(self.keys))
        if keys and isinstance(keys[0], list):
            keys = [*map(tuple, keys)]
        width = len(self.digests) // (self.size or 1)
        digests = iter_unpack(f"{width}s", self.digests) if keys else ()
        return dict(zip(keys, chain.from_iterable(digests), strict=True))


def new_secret() -> bytes:
    """Draw a key for digests."""
    return os.urandom(16)


def fingerprint(secret: bytes, what: Any) -> bytes:
    """Make a digest of anything that JSON has a form for; the order of names does not matter."""
    text = json.dumps(what, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=8, key=secret).digest()
