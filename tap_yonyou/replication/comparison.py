"""What has changed: records against what the target holds.

That begins as the snapshot of the last complete read, and follows what is emitted.
"""

from __future__ import annotations

from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from singer_sdk.contrib.msgspec import enc_hook

from tap_yonyou.replication.snapshot import DIGEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from tap_yonyou.replication import Records

# As records are emitted, but nested objects may have their names in any order.
encode: Final = msgspec.json.Encoder(
    enc_hook=enc_hook, decimal_format="number", order="deterministic"
).encode


class Counts(NamedTuple):
    """How the last pass differs from the snapshot."""

    new: int
    changed: int
    deleted: int
    unchanged: int


class Comparison:
    """The digests of the records that the target holds, by key.

    Memory: about 200 bytes a row.

    Attributes:
        kept: How many keys the snapshot has.
        is_trusted: False if the target may hold other records for the keys of the snapshot.
    """

    def __init__(self, secret: bytes, held: dict[Any, bytes] | None = None) -> None:
        """Begin with the digests of a snapshot, made with this secret."""
        self.is_trusted = True
        self._secret = secret
        # The keys of the snapshot stay the first ones.
        self._held = held or {}
        self.kept = len(self._held)
        #: For keys of which something was emitted, the digest before.
        self._replaced: dict[Any, bytes] = {}

    def differing(self, keys: Sequence[Any], records: Records) -> Records:
        """Choose the records that the target does not hold, and assume that it gets them.

        All records must have the same fields in the same order: digests are made of the values
        alone, because names would be the longer part of what is hashed.
        """
        held, replaced, secret = self._held, self._replaced, self._secret
        differing = []
        for key, record in zip(keys, records, strict=True):
            digest = blake2b(
                encode([*record.values()]), digest_size=DIGEST_BYTES, key=secret
            ).digest()
            before = held.get(key)
            if before != digest or not (self.is_trusted or key in replaced):
                if before is not None:
                    replaced.setdefault(key, before)
                held[key] = digest
                differing.append(record)
        return differing

    def deleted(self, keys: AbstractSet[Any]) -> Iterator[Any]:
        """Give the keys of which the target may hold a record, and that are not among these."""
        return (key for key in self._held if key not in keys)

    def counts(self, keys: AbstractSet[Any]) -> Counts:
        """Compare the keys of a pass with the snapshot."""
        kept, changed = 0, 0
        for key, digest in islice(self._held.items(), self.kept):
            if key in keys:
                kept += 1
                changed += self._replaced.get(key, digest) != digest
        return Counts(
            new=len(keys) - kept,
            changed=changed,
            deleted=sum(1 for _ in self.deleted(keys)),
            unchanged=kept - changed,
        )

    def held(self, keys: AbstractSet[Any]) -> dict[Any, bytes]:
        """Give the digests by key, for the keys that came."""
        return {key: digest for key, digest in self._held.items() if key in keys}
