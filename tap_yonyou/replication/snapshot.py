"""What a complete read brought, in the form in which it is kept: keys and digests, no values."""

from __future__ import annotations

import json
import os
from hashlib import blake2b
from typing import Any, Final

import msgspec

from tap_yonyou.u8.keys import LostError

#: Bytes of a digest. That a changed record has the digest of the former one is a chance of one in
#: 3 · 10^14.
DIGEST_BYTES: Final = 6
#: Bytes of the key of all digests of a snapshot.
_SECRET_BYTES: Final = 16


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
            made = msgspec.msgpack.decode(content, type=cls)
        except msgspec.DecodeError:
            raise LostError from None
        if len(made.secret) != _SECRET_BYTES:
            raise LostError
        return made

    def encode(self) -> bytes:
        """Give the snapshot as bytes; 9 for each row at the most, if keys are codes of U8."""
        return msgspec.msgpack.encode(self)


def new_secret() -> bytes:
    """Draw a key for digests."""
    return os.urandom(_SECRET_BYTES)


def fingerprint(secret: bytes, what: Any) -> bytes:
    """Make a digest of what is compared as a whole.

    Args:
        secret: The key of the digest.
        what: Anything JSON has a form for; the order of names does not matter.
    """
    text = json.dumps(what, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=8, key=secret).digest()
