"""Where the objects of a business lie: the position of each, sorted by time, and the lives that they belong to.

Positions (eight bytes an object) are sorted by external buckets into files that are mapped into memory, so a business of any size
needs no more of it than the caches here: a page is a binary search and a walk. Lives are kept packed on disk up to `KEPT_LIVES`
customers; beyond that they are lived again when they are asked for, which takes a millisecond each. Nothing here renders.
"""

import mmap
import tempfile
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from integrations.sandbox import ids
from integrations.sandbox.simulator.billing_cycles import DAY
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.records import Life

KINDS: Final = ("customer", "subscription", "invoice", "invoice_item", "event", "subscription_schedule", "credit_note")
KEPT_LIVES: Final = 50_000
"""Up to so many customers the packed lives are kept on disk: some 15 KB each."""
_CACHED: Final = 512
_BUCKET_SECONDS: Final = 7 * DAY
_IN_MEMORY: Final = 4_000_000
"""Positions gathered in memory before they are written out to their buckets."""


_LIFE = msgspec.msgpack.Decoder(Life)
_ENCODER = msgspec.msgpack.Encoder()


class _Sorted:
    """Sorted positions of one kind, mapped from a file."""

    def __init__(self, path: Path) -> None:
        size = path.stat().st_size
        self._file = path.open("rb")
        self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) if size else None
        self.view: Sequence[int] = memoryview(self._map).cast("q") if self._map is not None else ()

    def close(self) -> None:
        if isinstance(self.view, memoryview):
            self.view.release()
        if self._map is not None:
            self._map.close()
        self._file.close()


class _Buckets:
    """Positions on their way into order: by kind and week, in memory until there are many, then appended to files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[tuple[str, int], array[int]] = {}
        self._spilled: set[tuple[str, int]] = set()
        self._count = 0

    def add(self, kind: str, place: int) -> None:
        key = (kind, ids.created_of(place) // _BUCKET_SECONDS)
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = array("q")
        held.append(place)
        self._count += 1
        if self._count >= _IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        for key, held in self._held.items():
            with self._path(key).open("ab") as file:
                held.tofile(file)
            self._spilled.add(key)
        self._held.clear()
        self._count = 0

    def _path(self, key: tuple[str, int]) -> Path:
        return self._folder / f"{key[0]}.{key[1]}"

    def sort(self, kind: str) -> Path:
        """Write all positions of a kind to one sorted file."""
        out = self._folder / f"{kind}.sorted"
        with out.open("wb") as file:
            for key in sorted(key for key in {*self._held, *self._spilled} if key[0] == kind):
                places = self._held.pop(key, array("q"))
                if key in self._spilled:
                    path = self._path(key)
                    with path.open("rb") as spilled:
                        places.frombytes(spilled.read())
                    path.unlink()
                array("q", sorted(places)).tofile(file)
        return out


class Shelf:
    """All objects of `business` that come into being up to `horizon`. Safe to read from many threads; close it when done."""

    def __init__(self, business: Business, horizon: int) -> None:
        self.business = business
        self.horizon = horizon
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-")
        folder = Path(self._folder.name)
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, Life] = OrderedDict()
        self._offsets = array("q")
        self.redeemed: dict[str, array[int]] = {}
        keep = business.size <= KEPT_LIVES
        buckets = _Buckets(folder)
        with (folder / "lives").open("wb") as packed:
            for index in range(business.size):
                life = business.life(index, horizon)
                if life is not None:
                    self._note(buckets, life)
                    if keep:
                        packed.write(_ENCODER.encode(life))
                if keep:
                    self._offsets.append(packed.tell())
        self._lives = (folder / "lives").open("rb") if keep else None
        self._sorted = {kind: _Sorted(buckets.sort(kind)) for kind in KINDS}

    def _note(self, buckets: _Buckets, life: Life) -> None:
        buckets.add("customer", life.customer.place)
        for sub in life.subscriptions:
            buckets.add("subscription", sub.place)
        for bill in life.invoices:
            buckets.add("invoice", bill.place)
        for item in life.invoice_items:
            buckets.add("invoice_item", item.place)
        for note in life.credit_notes:
            buckets.add("credit_note", note.place)
        for plan in life.schedules:
            buckets.add("subscription_schedule", plan.place)
        for happening in life.happenings:
            buckets.add("event", happening.place)
            if happening.type == "customer.discount.created" and happening.detail is not None:
                self.redeemed.setdefault(happening.detail.coupon, array("q")).append(happening.created)

    def close(self) -> None:
        """Let go of the files."""
        for each in self._sorted.values():
            each.close()
        if self._lives is not None:
            self._lives.close()
        self._folder.cleanup()

    def count(self, kind: str, now: int) -> int:
        """How many objects of a kind there have been by `now`."""
        return bisect_right(self._sorted[kind].view, ids.position(now + 1, 0, 0) - 1)

    def life(self, index: int) -> Life | None:
        """The life of the customer at `index`, None if it never begins."""
        if not 0 <= index < self.business.size:
            return None
        with self._lock:
            found = self._cache.get(index)
            if found is not None:
                self._cache.move_to_end(index)
                return found
            packed = self._packed(index)
        life = self.business.life(index, self.horizon) if packed is None else (_LIFE.decode(packed) if packed else None)
        if life is not None:
            with self._lock:
                self._cache[index] = life
                if len(self._cache) > _CACHED:
                    self._cache.popitem(last=False)
        return life

    def _packed(self, index: int) -> bytes | None:
        if self._lives is None:
            return None
        start = self._offsets[index - 1] if index else 0
        self._lives.seek(start)
        return self._lives.read(self._offsets[index] - start)

    def newest_first(self, kind: str, since: int, until: int, after: int | None = None) -> Iterator[int]:
        """Positions of the objects created in [since, until), newest first, from the one that follows the position `after`."""
        view = self._sorted[kind].view
        low = bisect_left(view, ids.position(max(0, since), 0, 0))
        high = bisect_left(view, ids.position(max(0, until), 0, 0))
        if after is not None:
            high = min(high, bisect_left(view, after))
        for number in range(high - 1, low - 1, -1):
            yield view[number]

    def oldest_first(self, kind: str, since: int, until: int, before: int) -> Iterator[int]:
        """The same the other way round: from the one that precedes the position `before`, towards the present."""
        view = self._sorted[kind].view
        low = max(bisect_left(view, ids.position(max(0, since), 0, 0)), bisect_right(view, before))
        high = bisect_left(view, ids.position(max(0, until), 0, 0))
        yield from (view[number] for number in range(low, high))
