"""Leaving out of an account's answers what Stripe may leave out: where that can be done, and doing it.

A *place* is one field of one version of one object, or of one event, that the description of the API lets be null, absent or (for a list
inside an object) cut. Doing it changes what every answer says of that version, as if Stripe had said no more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.lives.account import Account
from tests.lives.objects import JSON
from tests.lives.permitted import table

_ROOTS: Final = {
    "customers": "customer",
    "products": "product",
    "prices": "price",
    "coupons": "coupon",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "credit_notes": "credit_note",
    "invoiceitems": "invoiceitem",
}
_ABOUT: Final = {
    "customer.subscription": "subscription",
    "customer.discount": "discount",
    "customer": "customer",
    "credit_note": "credit_note",
    "coupon": "coupon",
    "price": "price",
}
EVENTS: Final = "events"
_ON_DEMAND: Final = ("tiers", "currency_options", "applies_to")
"""Shown only where they are asked for: within another object no answer holds them anyway."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The `version`-th version of the `number`-th object of a list (or the `number`-th event), the way to a field, and what becomes of it."""

    list: str
    number: int
    version: int
    way: tuple[str | int, ...]
    how: str  # null | absent | cut
    kind: str
    """The kind of the object that holds the field."""

    @property
    def field(self) -> str:
        """The field, as a person would name it."""
        return f"{self.kind}.{self.way[-1]}"

    def __str__(self) -> str:
        return f"{self.list}[{self.number}][{self.version}].{'.'.join(map(str, self.way))} {self.how}"


def places(account: Account) -> Iterator[Place]:
    """Every place of an account, in order."""
    for name, kind in _ROOTS.items():
        for number, versions in enumerate(account.versions[name].values()):
            for index, (_, obj) in enumerate(versions):
                if obj is not None:
                    for way, how, holder in _fields(obj, kind, ()):
                        yield Place(name, number, index, way, how, holder)
    for number, (_, told) in enumerate(account.events):
        head = told["type"].rpartition(".")[0]
        if "previous_attributes" in told["data"]:
            yield Place(EVENTS, number, 0, ("data", "previous_attributes"), "absent", "notification_event_data")
        for part in ("object", "previous_attributes"):
            if part in told["data"] and head in _ABOUT:
                for way, how, holder in _fields(told["data"][part], _ABOUT[head], ("data", part)):
                    yield Place(EVENTS, number, 0, way, how, holder)


def _fields(obj: JSON, kind: str, way: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """The fields within an object that hold something and may be left out."""
    for name, field in table().get(kind, {}).items():
        value = obj.get(name)
        if value is None or value == [] or value == {} or (name in _ON_DEMAND and way):
            continue
        here = (*way, name)
        for how in field.may:
            if how != "cut" or value["data"]:
                yield here, how, kind
        if field.holds is None:
            continue
        inner = value["data"] if isinstance(value, dict) and value.get("object") == "list" else value
        at = (*here, "data") if inner is not value else here
        if isinstance(inner, list):
            for index, each in enumerate(inner):
                if isinstance(each, dict):
                    yield from _fields(each, field.holds, (*at, index))
        elif isinstance(inner, dict) and name == "currency_options":
            for code, each in inner.items():
                yield from _fields(each, field.holds, (*at, code))
        elif isinstance(inner, dict):
            yield from _fields(inner, field.holds, at)


def leave_out(account: Account, place: Place) -> set[str]:
    """Do it; gives the ids of what lacks it now: the object that holds the field (the nearest that has an id), the objects within it, and the
    event that told it so.

    Nothing is done where another place has taken the field away before.
    """
    if place.list == EVENTS:
        root: Any = account.events[place.number][1]
    else:
        root = list(account.versions[place.list].values())[place.number][place.version][1]
    obj, holder = root, ""
    for step in place.way[:-1]:
        holder = _id_of(obj) or holder
        try:
            obj = obj[step]
        except (KeyError, IndexError, TypeError):
            return set()
    name = place.way[-1]
    holder = (name != "id" and _id_of(obj)) or holder
    if not isinstance(obj, dict) or obj.get(name) is None:
        return set()
    concerned = {holder, *_inside(obj[name])} | ({root["id"]} if place.list == EVENTS else set())
    if name == "lines":
        obj["_lines"] = obj[name]  # the list of its own still has them
    if place.how == "cut":
        obj[name]["_cut"] = len(obj[name]["data"]) // 2
    elif place.how == "null":
        obj[name] = None
    else:
        del obj[name]
    return concerned


def _id_of(obj: Any) -> str:
    """The object's id, where it has one of its own."""
    found = obj.get("id") if isinstance(obj, dict) else None
    return found if isinstance(found, str) else ""


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            yield value["id"]
        for inner in value.values():
            yield from _inside(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _inside(inner)
