"""What has changed: records against what the target holds.

That begins as the snapshot of the last complete read, and follows what is emitted.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec
from singer_sdk.contrib.msgspec import enc_hook

from tap_yonyou.replication import Counts
from tap_yonyou.replication.snapshot import DIGEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_yonyou.replication import Records

# As records are emitted, but nested objects may have their names in any order.
encode: Final = msgspec.json.Encoder(
    enc_hook=enc_hook, decimal_format="number", order="deterministic"
).encode


def content(record: dict[str, Any], width: int) -> bytes:
    """Give what a digest is made of: the values of so many fields, and new fields with a value.

    Names would be the longer part, and all records have the same fields in the same order.
    """
    values = [*record.values()]
    if len(values) > width:
        new = islice(record.items(), width, None)
        values[width:] = sorted(field for field in new if field[1] is not None)
    return encode(values)


class Comparison:
    """The digests of the records that the target holds, by key; some 200 bytes a row."""

    def __init__(self, secret: bytes, width: int, held: dict[Any, bytes] | None = None) -> None:
        """Begin with the digests of a snapshot, made with this secret; `content` has `width`."""
        self._width = width
        #: False if the target may hold other records for the keys of the snapshot.
        self.is_trusted = True
        #: What the target holds; every key that came is here.
        self.held = held or {}
        self.kept = len(self.held)
        self._digest = blake2b(digest_size=DIGEST_BYTES, salt=secret)
        #: For keys of which something was emitted, the digest before.
        self._replaced: dict[Any, bytes] = {}
        #: The keys that are not in the snapshot; not collected if that has none.
        self._new: set[Any] = set()

    def differing(self, keys: Sequence[Any], records: Records) -> Records:
        """Choose the records that the target does not hold, and assume that it gets them."""
        held, replaced, width, is_trusted = self.held, self._replaced, self._width, self.is_trusted
        differing, new_digest = [], self._digest.copy  # which takes less than a new one
        for key, record in zip(keys, records, strict=True):
            made, is_plain = new_digest(), len(record) == width  # as nearly all are
            made.update(encode([*record.values()]) if is_plain else content(record, width))
            digest, before = made.digest(), held.get(key)
            if before == digest and (is_trusted or key in replaced):
                continue
            if before is not None:
                replaced.setdefault(key, before)
            elif self.kept:
                self._new.add(key)
            held[key] = digest
            differing.append(record)
        return differing

    def missing(self, keys: set[Any]) -> set[Any]:
        """Give the keys of which the target may hold a record, and that are not among these."""
        if len(keys) == len(self.held):
            return set()
        return {key for key in self.held if key not in keys}

    def counts(self, missing: set[Any]) -> Counts:
        """Compare what the list has, all keys but these, with the snapshot."""
        held, new = self.held, self._new
        living = len(held) - len(missing)
        still_new = len(new - missing) if self.kept else living
        changed = sum(
            held[key] != before
            for key, before in self._replaced.items()
            if self.kept and key not in missing and key not in new
        )
        return Counts(still_new, changed, len(missing), living - still_new - changed)
