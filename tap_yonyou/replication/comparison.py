"""What has changed: records against what the target holds.

That begins as the snapshot of the last complete read, and follows what is emitted: a record is
compared with what this run last emitted for its key, else with the snapshot.
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from itertools import chain, compress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from singer_sdk.contrib.msgspec import enc_hook

from tap_yonyou.replication.snapshot import DIGEST_BYTES
from tap_yonyou.u8.keys import LostError, hashes, of_json, pack, to_json, unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_yonyou.replication.snapshot import Snapshot

#: Turns 0 into 1, and 1 into 0.
_NOT: Final = bytes((1, 0)) + bytes(254)

# As records are emitted, save that what is nested may have its names in any order.
_encode: Final = msgspec.json.Encoder(
    enc_hook=enc_hook, decimal_format="number", order="deterministic"
).encode


class Counts(NamedTuple):
    """How a pass differs from the snapshot."""

    new: int
    changed: int
    gone: int
    unchanged: int


class Comparison:
    """The keys of a list, each with the digest of the record that the target holds.

    Those of the snapshot come first, in its order, which is the server's: a page of which nothing
    has changed is compared at once. Keys are told apart by hashes of 64 bits, as the proof of
    completeness does it. Memory: about 25 bytes a row, and the keys as JSON.

    Attributes:
        kept: How many keys the snapshot has.
    """

    def __init__(self, secret: bytes, parts: int) -> None:
        """Know nothing yet.

        Args:
            secret: The key of the digests.
            parts: How many fields a key of the list has.
        """
        self.kept = 0
        self._parts = parts
        self._kept_digests = b""
        self._secret = secret
        self._keys: list[bytes] = []  # some at a time, as JSON
        self._hashes = array("q")
        self._digests = bytearray()
        self._came = bytearray()  # 1 if the key came in this pass, else 0
        self._expected = 0
        # A hash table of entries, made when one is looked for; in a dictionary they would take
        # ten times the memory.
        self._slots = array("i")

    def load(self, snapshot: Snapshot) -> None:
        """Take over a snapshot.

        Args:
            snapshot: One with the same secret.

        Raises:
            LostError: Its keys cannot be read.
        """
        for keys in unpack(snapshot.keys):
            self._hashes.extend(hashes(of_json(keys, self._parts)))
            self._keys.append(keys)
        self.kept = len(self._hashes)
        self._kept_digests, self._digests = snapshot.digests, bytearray(snapshot.digests)
        if len(self._digests) != self.kept * DIGEST_BYTES:
            raise LostError
        self.begin_pass()

    def doubt_all(self) -> None:
        """Forget what the target holds, but not for which keys."""
        self._digests = bytearray(len(self._digests))

    def doubt(self, keys: Sequence[Any]) -> None:
        """Forget what the target holds for some keys; it may hold something.

        Args:
            keys: Which, known or not.
        """
        self._take_over(keys, [bytes(DIGEST_BYTES)] * len(keys))

    def begin_pass(self) -> None:
        """Forget which keys came."""
        self._came = bytearray(len(self._hashes))
        self._expected = 0

    def differing(self, keys: Sequence[Any], records: Iterable[Any]) -> list[int]:
        """Find the records that the target does not hold, and take it that it gets them.

        Args:
            keys: The keys of the records.
            records: As they would be emitted, all with the same fields in the same order.

        Returns:
            The places of these records.
        """
        secret = self._secret
        # Of the values alone: which fields these are is a part of the fingerprint, and their names
        # would be the longer part of what is hashed.
        digests = [
            blake2b(_encode([*record.values()]), digest_size=DIGEST_BYTES, key=secret).digest()
            for record in records
        ]
        return self._take_over(keys, digests)

    def gone(self) -> Iterator[Any]:
        """Give the keys of which the target may hold a record, and that did not come."""
        return self._those(self._came.translate(_NOT))

    @property
    def kept_and_gone(self) -> int:
        """How many keys of the snapshot did not come."""
        return self._came.count(0, 0, self.kept)

    def counts(self) -> Counts:
        """Compare the pass with the snapshot."""
        came = self._came[: self.kept]
        changed = 0
        if not self._digests.startswith(self._kept_digests):
            pairs = zip(_each(self._kept_digests), _each(self._digests), strict=False)
            changed = sum(before != now for before, now in compress(pairs, came))
        return Counts(
            new=self._came.count(1, self.kept),
            changed=changed,
            gone=self._came.count(0),
            unchanged=came.count(1) - changed,
        )

    def packed(self) -> tuple[bytes, bytes]:
        """Give the keys that came, and their digests, as a snapshot has them."""
        digests = bytearray()
        for digest in compress(_each(self._digests), self._came):
            digests += digest
        return pack(self._those(self._came)), bytes(digests)

    def _those(self, selectors: bytearray) -> Iterator[Any]:
        parts = (of_json(keys, self._parts) for keys in self._keys)
        return compress(chain.from_iterable(parts), selectors)

    def _take_over(self, keys: Sequence[Any], digests: list[bytes]) -> list[int]:
        key_hashes = hashes(keys)
        start, stop = self._expected, self._expected + len(keys)
        at_once = slice(start * DIGEST_BYTES, stop * DIGEST_BYTES)
        if self._hashes[start:stop] == key_hashes and self._digests[at_once] == b"".join(digests):
            self._came[start:stop] = b"\1" * len(keys)
            self._expected = stop
            return []
        places, new = [], []
        for place, key_hash in enumerate(key_hashes):
            known = len(self._hashes)
            entry = self._entry(key_hash)
            if entry == known:
                new.append(keys[place])
            else:
                self._expected = entry + 1
            self._came[entry] = 1
            at = slice(entry * DIGEST_BYTES, (entry + 1) * DIGEST_BYTES)
            if entry == known or self._digests[at] != digests[place]:
                self._digests[at] = digests[place]
                places.append(place)
        if new:
            self._keys.append(to_json(new))
        return places

    def _entry(self, key_hash: int) -> int:
        """Find the entry of a key, or make one."""
        known, entry = self._hashes, self._expected
        if entry < len(known) and known[entry] == key_hash:
            return entry
        if 2 * len(known) >= len(self._slots):
            self._make_slots()
        slots, mask = self._slots, len(self._slots) - 1
        slot = key_hash & mask
        while (entry := slots[slot]) >= 0:
            if known[entry] == key_hash:
                return entry
            slot = (slot + 1) & mask
        slots[slot] = entry = len(known)
        known.append(key_hash)
        self._digests += bytes(DIGEST_BYTES)
        self._came.append(0)
        return entry

    def _make_slots(self) -> None:
        size = 1 << (4 * len(self._hashes) + 15).bit_length()
        slots, mask = array("i", (-1,)) * size, size - 1
        for entry, key_hash in enumerate(self._hashes):
            slot = key_hash & mask
            while slots[slot] >= 0:
                slot = (slot + 1) & mask
            slots[slot] = entry
        self._slots = slots


def _each(digests: bytes | bytearray) -> Iterator[bytes | bytearray]:
    return (digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES))
