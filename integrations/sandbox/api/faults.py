"""Faults on demand: what can go wrong between a client and Stripe, each as a value that a test puts in place.

A fault strikes the requests whose address begins with its `path`, lets `after` of them pass first and strikes `times` of them. Faults
of the connection replace the answer; faults of the content change what a list or an object says. Nothing here opens a socket.
"""

import hashlib
import itertools
import random
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

CONNECTION: Final = frozenset(
    {"rate_limit", "error", "unauthorized", "forbidden", "reset", "hang", "drip", "cut", "cut_json", "html", "slow"}
)
"""429, another status, 401, 403, the connection reset, no answer for `seconds`, an answer in drips over `seconds`, a body cut off, JSON
cut off in a whole body, HTML in place of JSON, an answer late by `seconds`."""

CONTENT: Final = frozenset({"repeat", "move", "more_lost", "shuffle", "missing", "poison"})
"""Each object of a page twice, the page in reverse (so that the next one repeats it), `has_more` left out, the page in any order, a
share of the objects left out for good, a poisoned object."""

POISONS: Final = frozenset({"nul", "surrogate", "huge", "status", "currency", "price", "mode"})
"""NUL or half a surrogate pair in metadata, huge metadata, an unknown status, an unknown currency, items without a price."""

Json = Any


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `times` None is until it is removed; `after` counts the requests that pass unharmed first.

    `object_id` names the one to poison, `how` is one of POISONS; `status`, `reason` and `retry_after` belong to errors; `share` is the
    part of the objects that is missing; `seed` decides chances.
    """

    kind: str
    path: str = ""
    after: int = 0
    times: int | None = 1
    status: int = 500
    reason: str = "endpoint-rate"
    retry_after: float | None = None
    seconds: float = 1.0
    share: float = 0.1
    object_id: str | None = None
    how: str = "nul"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in CONNECTION | CONTENT:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(sorted(CONNECTION | CONTENT))}")
        if self.kind == "poison" and (self.object_id is None or self.how not in POISONS):
            raise ValueError(f"a poison needs an object_id, and how: {', '.join(sorted(POISONS))}")


@dataclass(slots=True)
class _Placed:
    fault: Fault
    passed: int = 0
    struck: int = 0

    @property
    def spent(self) -> bool:
        return self.fault.times is not None and self.struck >= self.fault.times


class Faults:
    """The faults in place. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._placed: dict[int, _Placed] = {}

    def add(self, fault: Fault) -> int:
        """Put a fault in place; returns its number."""
        with self._lock:
            number = next(self._numbers)
            self._placed[number] = _Placed(fault)
        return number

    def remove(self, number: int) -> None:
        """Take one fault away."""
        with self._lock:
            self._placed.pop(number, None)

    def clear(self) -> None:
        """Take every fault away."""
        with self._lock:
            self._placed.clear()

    def struck(self, number: int) -> int:
        """How many requests a fault has struck."""
        with self._lock:
            placed = self._placed.get(number)
            return placed.struck if placed else 0

    def described(self) -> list[dict[str, Any]]:
        """Every fault in place, with its number and how often it struck."""
        with self._lock:
            return [{"id": n, **asdict(p.fault), "struck": p.struck} for n, p in self._placed.items()]

    def striking(self, path: str) -> list[Fault]:
        """The faults that strike a request for `path` (which is counted)."""
        found = []
        with self._lock:
            for placed in self._placed.values():
                if placed.spent or not path.startswith(placed.fault.path):
                    continue
                placed.passed += 1
                if placed.passed > placed.fault.after:
                    placed.struck += 1
                    found.append(placed.fault)
        return found


def changed(fault: Fault, answer: Json) -> Json:
    """What a fault of the content makes of an answer."""
    if fault.kind == "poison":
        return _poisoned(answer, fault.object_id or "", _POISON[fault.how])
    if not isinstance(answer, dict) or answer.get("object") != "list":
        return answer
    data = list(answer["data"])
    match fault.kind:
        case "repeat":
            return {**answer, "data": [each for one in data for each in (one, one)]}
        case "move":
            return {**answer, "data": data[::-1]}
        case "shuffle":
            random.Random(fault.seed).shuffle(data)
            return {**answer, "data": data}
        case "missing":
            return {**answer, "data": [each for each in data if not _is_missing(each, fault)]}
    return {key: value for key, value in answer.items() if key != "has_more"}


def _is_missing(each: Json, fault: Fault) -> bool:
    """By the object's id, so that what is missing is missing on every page and every day."""
    digest = hashlib.blake2b(f"{fault.seed}/{each.get('id')}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") < fault.share * 2**32


def _poisoned(value: Json, object_id: str, poison: Callable[[dict[str, Any]], dict[str, Any]]) -> Json:
    if isinstance(value, list):
        return [_poisoned(each, object_id, poison) for each in value]
    if not isinstance(value, dict):
        return value
    out = {key: _poisoned(each, object_id, poison) for key, each in value.items()}
    return poison(out) if out.get("id") == object_id else out


def _with_metadata(text: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda obj: {**obj, "metadata": {**(obj.get("metadata") or {}), "note": text}}


def _without_price(obj: dict[str, Any]) -> dict[str, Any]:
    items = obj.get("items")
    if not isinstance(items, dict):
        return {**obj, "price": None, "plan": None}
    return {**obj, "plan": None, "items": {**items, "data": [{**each, "price": None, "plan": None} for each in items["data"]]}}


_POISON: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "nul": _with_metadata("before\x00after"),
    "surrogate": _with_metadata("before\ud800after"),
    "huge": lambda obj: {**obj, "metadata": {f"key_{n:04d}": "x" * 500 for n in range(2_000)}},
    "status": lambda obj: {**obj, "status": "hibernating"},
    "currency": lambda obj: {**obj, "currency": "zzz"},
    "price": _without_price,
    "mode": lambda obj: {**obj, "livemode": not obj.get("livemode")},
}
