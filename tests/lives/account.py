"""A made-up Stripe account that lives: versions of its objects, events, and what Stripe's read endpoints say of it at any moment.

Objects are kept whole; an answer shows of them what was asked for: first ten entries of inner lists, ids where nothing was expanded,
no tiers, currency options and scopes unless asked. Nothing of the product is used here, nor of the sandbox.
"""

import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.lives.aged import aged, before_aged
from tests.lives.objects import BEGIN, DAY, JSON, event

EVENTS_KEPT = 30 * DAY
INLINED = 10
ENDED = ("canceled", "incomplete_expired")
_LISTS = (
    "customers",
    "products",
    "prices",
    "coupons",
    "subscriptions",
    "invoices",
    "credit_notes",
    "invoiceitems",
    "subscription_schedules",
)
Query = Sequence[tuple[str, str]]


@dataclass
class Account:
    """The account. `old_events` are drawn in the shape of an older version, which an account's events keep; `old` is a host without versions."""

    old_events: bool = False
    old: bool = False
    versions: dict[str, dict[str, list[tuple[int, JSON | None]]]] = field(default_factory=lambda: {name: {} for name in _LISTS})
    events: list[tuple[int, JSON]] = field(default_factory=list)
    """Each with the moment from which on the list has it: an event may appear late."""
    hidden: set[str] = field(default_factory=set)
    """Kinds whose lists are empty: `events`, `invoices`."""
    tag: str = ""
    """Part of the ids of its events."""

    def absorb(self, other: "Account") -> None:
        """What happened there happened here too. Ids must differ."""
        for kind, objects in other.versions.items():
            self.versions[kind].update(objects)
        self.events += other.events

    # --- what happens --------------------------------------------------------------------------------------------------------

    def put(self, kind: str, obj: JSON | None, at: int = BEGIN, object_id: str | None = None) -> JSON | None:
        """From `at` on the object is so (None: it is in no list any more)."""
        name = object_id or (obj or {})["id"]
        self.versions[kind].setdefault(name, []).append((at, deepcopy(obj)))
        self.versions[kind][name].sort(key=lambda version: version[0])
        return obj

    def catalog(self, *objects: JSON) -> None:
        """Prices (with a product for each), products and coupons, there from the beginning."""
        for obj in objects:
            self.put(obj["object"] + "s", obj)
            if obj["object"] == "price" and obj["product"] not in self.versions["products"]:
                self.put("products", {"id": obj["product"], "object": "product", "created": BEGIN, "name": obj["product"]})

    def now(self, kind: str, object_id: str, at: int) -> JSON:
        """A copy of the object as it was at a moment."""
        found = self._version(kind, object_id, at)
        assert found is not None, f"{object_id} is not there"
        return deepcopy(found)

    def tell(self, kind: str, about: JSON, at: int, previous: JSON | None = None, *, appears: int | None = None) -> None:
        """An event; it `appears` in the list at its moment, or later."""
        number = len(self.events) + 1
        old = self.old or self.old_events
        was = (
            previous
            if previous is None or not old
            else before_aged(previous, about)
            if about["object"] == "subscription"
            else aged(previous)
        )
        told = event(f"evt_{self.tag}{number:04d}", kind, deepcopy(aged(about) if old else about), at, deepcopy(was))
        self.events.append((at if appears is None else appears, told))

    def begin(self, sub: JSON, *, appears: int | None = None) -> JSON:
        """A subscription comes into being."""
        self.put("subscriptions", sub, sub["created"])
        self.tell("customer.subscription.created", sub, sub["created"], appears=appears)
        return sub

    def change(
        self,
        sub_id: str,
        at: int,
        how: Callable[[JSON], None] | None = None,
        *,
        told: bool = True,
        appears: int | None = None,
        kind: str = "customer.subscription.updated",
        **values: Any,
    ) -> JSON:
        """The subscription is changed; an event tells it with the old values (`told`)."""
        before = self.now("subscriptions", sub_id, at)
        after = deepcopy(before)
        if how is not None:
            how(after)
        after.update(values)
        self.put("subscriptions", after, at)
        if told:
            old = {key: before.get(key) for key in after if before.get(key) != after[key]}
            self.tell(kind, after, at, old if kind.endswith("updated") else None, appears=appears)
        return after

    def end(self, sub_id: str, at: int, *, reason: str | None = "cancellation_requested", told: bool = True, **values: Any) -> JSON:
        """The subscription is canceled at once."""
        details = {"comment": None, "feedback": None, "reason": reason}
        gone: JSON = {"status": "canceled", "ended_at": at, "canceled_at": at, "cancellation_details": details, **values}
        return self.change(sub_id, at, told=told, kind="customer.subscription.deleted", **gone)

    def bill(self, bill: JSON, *, told: bool = True) -> JSON:
        """An invoice comes into being, finalized, and paid or voided as it says at the dates that it gives."""
        moments = bill["status_transitions"]
        settled = {"paid_at": "paid", "voided_at": "void", "marked_uncollectible_at": "uncollectible"}
        steps = sorted((moments[name], status) for name, status in settled.items() if moments[name] is not None)
        if not steps or steps[0][0] > bill["created"]:
            self.put("invoices", bill | {"status": "open", "amount_paid": 0}, bill["created"])
        if told:
            self.tell("invoice.finalized", bill | {"status": "open"}, bill["created"])
        for at, status in steps:
            self.put("invoices", bill | {"status": status}, at)
            if told:
                self.tell({"paid": "invoice.paid", "void": "invoice.voided"}.get(status, "invoice.marked_uncollectible"), bill, at)
        return bill

    def credit(self, note: JSON, *, told: bool = True) -> JSON:
        """A credit note is issued, and voided at the date that it gives."""
        over = note["voided_at"]
        issued = note | {"status": "issued", "voided_at": None}
        self.put("credit_notes", issued, note["created"])
        if told:
            self.tell("credit_note.created", issued, note["created"])
        if over is not None:
            self.put("credit_notes", note, over)
            if told:
                self.tell("credit_note.voided", note, over)
        return note

    def totals(self, at: int) -> dict[str, int]:
        """What the account says that each invoice and credit note comes to that counts at a moment; what credit notes take back is below 0."""
        found: dict[str, int] = {}
        for kind, apart, sign in (("invoices", ("draft", "void", "uncollectible"), 1), ("credit_notes", ("void",), -1)):
            for name in self.versions[kind]:
                held = self._version(kind, name, at)
                if held is not None and held["status"] not in apart:
                    found[name] = sign * held["total"]
        return found

    # --- what is answered ------------------------------------------------------------------------------------------------------

    def answer(self, path: str, query: Query, at: int) -> JSON | None:
        """What Stripe answers at a moment; None when there is no such thing."""
        parts = path.removeprefix("/v1/").split("/")
        expand = tuple(value for name, value in query if name.startswith("expand"))
        one = dict(query)
        if parts[0] == "account":
            return {"id": "acct_lives", "object": "account", "country": "US", "default_currency": "usd"}
        if parts[0] == "subscription_items":
            sub = self._shown_version("subscriptions", one.get("subscription", ""), at)
            return None if sub is None else _listed(sub["items"]["data"], query, expand)
        if parts[0] == "events":
            seen = [e for appears, e in self.events if appears <= at and at - EVENTS_KEPT < e["created"] <= at]
            seen = [] if "events" in self.hidden else [e for e in seen if _of_type(e["type"], query)]
            return _listed(sorted(seen, key=lambda e: (-e["created"], e["id"])), query, expand)
        if parts[0] not in self.versions:
            return None
        if len(parts) > 1:
            found = self._shown_version(parts[0], parts[1], at)
            if found is None:
                return None
            if parts[2:] == ["lines"]:
                lines: JSON = found.get("lines") or found["_lines"]
                return _listed(lines["data"], query, expand)
            one_of: JSON = shown(found, expand)
            return one_of
        kept = [v for name in self.versions[parts[0]] if (v := self._shown_version(parts[0], name, at)) is not None]
        kept = [] if parts[0] in self.hidden else [o for o in kept if _wanted(parts[0], o, one)]
        return _listed(sorted(kept, key=lambda o: (-o.get("created", 0), o["id"])), query, expand)

    def _version(self, kind: str, object_id: str, at: int) -> JSON | None:
        past = [obj for since, obj in self.versions[kind].get(object_id, ()) if since <= at]
        return past[-1] if past else None

    def _shown_version(self, kind: str, object_id: str, at: int) -> JSON | None:
        found = self._version(kind, object_id, at)
        return aged(found) if self.old and found is not None else found


def _wanted(kind: str, obj: JSON, one: dict[str, str]) -> bool:
    status = one.get("status")
    if kind == "subscriptions" and status != "all":
        return obj["status"] not in ENDED if status is None else bool(obj["status"] == status)
    if kind == "invoices" and status is not None and obj["status"] != status:
        return False
    return all(name not in one or one[name] == obj.get(name) for name in ("customer", "subscription") if kind != "subscriptions")


def _of_type(kind: str, query: Query) -> bool:
    types = [value for name, value in query if name.startswith("type")]
    return not types or any(re.fullmatch(re.escape(t).replace(r"\*", ".*"), kind) for t in types)


_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "created[gte]": lambda created, bound: created >= bound,
    "created[gt]": lambda created, bound: created > bound,
    "created[lt]": lambda created, bound: created < bound,
    "created[lte]": lambda created, bound: created <= bound,
}


def _listed(objects: Sequence[JSON], query: Query, expand: Sequence[str]) -> JSON:
    one = dict(query)
    kept = [o for o in objects if all(holds(o.get("created", 0), int(one[n])) for n, holds in _BOUNDS.items() if n in one)]
    ids = [o["id"] for o in kept]
    if one.get("starting_after") in ids:
        kept = kept[ids.index(one["starting_after"]) + 1 :]
    limit = int(one.get("limit", 10))
    whole = {"object": "list", "data": kept[:limit], "has_more": len(kept) > limit, "url": "/v1/list"}
    out: JSON = shown(whole, expand, top=True)
    return out


# --- what an answer shows of an object ------------------------------------------------------------------------------------------

_ON_DEMAND = ("tiers", "currency_options", "applies_to")


def shown(value: Any, expand: Sequence[str], path: str = "", *, top: bool = False) -> Any:
    """The object as an answer has it: expanded where asked, ids else, and of lists inside objects the first ten entries (`_cut` of them)."""
    if isinstance(value, list):
        return [shown(each, expand, path) for each in value]
    if not isinstance(value, dict):
        return value
    cut = value.get("object") == "list" and not top
    out: JSON = {}
    for key, inner in value.items():
        here = f"{path}.{key}" if path else key
        if key.startswith("_") or (key in _ON_DEMAND and here not in _prefixes(expand)):
            continue
        if key == "discounts" and isinstance(inner, list) and here not in _prefixes(expand):
            out[key] = [each["id"] if isinstance(each, dict) and "id" in each else each for each in inner]
        elif key == "coupon" and isinstance(inner, dict) and value.get("type") == "coupon" and here not in _prefixes(expand):
            out[key] = inner["id"]
        elif cut and key == "data":
            out[key] = [shown(each, expand, here) for each in inner[: value.get("_cut", INLINED)]]
        elif cut and key == "has_more":
            out[key] = bool(inner) or len(value["data"]) > value.get("_cut", INLINED)
        else:
            out[key] = shown(inner, expand, here)
    return out


def _prefixes(expand: Sequence[str]) -> set[str]:
    """Every path that is expanded on the way to one that was asked for."""
    return {".".join(path.split(".")[: n + 1]) for path in expand for n in range(path.count(".") + 1)}
