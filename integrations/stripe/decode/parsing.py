"""From the bytes of an answer to typed objects, each with its own fate.

A page is decoded whole. Only when that fails is it taken apart, so that one object with a wrong field, a NUL or half a surrogate is
set aside alone and the rest of its page goes on. A body that is no JSON, or no list, is `Garbled`: that is a fault of the transport,
to be asked for again, and never the end of a list.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

from integrations.stripe.decode.text import cleaned
from integrations.stripe.page import Rejected
from integrations.stripe.schemas import catalog as catalog_schemas
from integrations.stripe.schemas import customers as customer_schemas
from integrations.stripe.schemas import events as event_schemas
from integrations.stripe.schemas import invoices as invoice_schemas
from integrations.stripe.schemas import subscriptions as subscription_schemas
from integrations.stripe.schemas.shape import PageOf, Shape

SHAPES: Final[dict[str, type[Shape]]] = {
    shape.KIND: shape
    for module in (catalog_schemas, customer_schemas, event_schemas, invoice_schemas, subscription_schemas)
    for shape in vars(module).values()
    if isinstance(shape, type) and issubclass(shape, Shape) and vars(shape).get("KIND")
}
"""The shape of each kind of object: each says itself which it is."""
_UNDATED: Final = frozenset(kind for kind, shape in SHAPES.items() if "created" not in shape.__struct_fields__)
KEPT: Final = frozenset({"subscription", "event"})
"""The kinds whose own bytes are handed on beside what they mean."""

_ESCAPE: Final = b"\\"
_NUL: Final = b"\\u0000"
_LONGEST_NUMBER: Final = 60
_MODE_INSIDE: Final = re.compile(rb'"livemode"\s*:\s*(true|false)')
MOST_OBJECTS: Final = 1_000
"""Stripe gives a hundred objects at a time at most; a page of more than ten times that is none of Stripe's."""


class Garbled(Exception):
    """The answer isn't what was asked for: cut, no JSON, or no list."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The objects of an answer. `raws` are their bytes, in the same order, for the kinds that are kept."""

    objects: Sequence[Any]
    has_more: bool
    count: int
    last_id: str | None
    oldest: int | None
    raws: Sequence[bytes | msgspec.Raw] = ()
    rejected: list[Rejected] = field(default_factory=list)
    modes: dict[bool, str] = field(default_factory=dict)
    """By mode (True: live) the first object that says it is of that mode, also one that can't be used otherwise."""


_PAGE: Final[Any] = PageOf
# Made here, on import, and never by whoever first needs one: msgspec builds what it knows of a type without a lock, and threads that do
# so at once may use what is half built, which ends the process.
_WHOLE: Final[dict[str, msgspec.json.Decoder[Any]]] = {kind: msgspec.json.Decoder(_PAGE[shape]) for kind, shape in SHAPES.items()}
_SINGLE: Final[dict[str, msgspec.json.Decoder[Any]]] = {kind: msgspec.json.Decoder(shape) for kind, shape in SHAPES.items()}
_TAKEN_APART: Final = msgspec.json.Decoder(PageOf[msgspec.Raw])
_LOOSE: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(float_hook=Decimal)
_AS_SENT: Final = msgspec.json.Encoder(decimal_format="number")
"""Writes what was taken apart as it came: a number stays a number, digit by digit."""


def parse_list(kind: str, body: bytes) -> Parsed:
    """The objects of a list answer. Raises Garbled when it is none."""
    # A single byte is looked for ten times as fast as six, and nearly no body has even one.
    if _ESCAPE not in body or _NUL not in body:
        try:
            return _parse_kept(kind, body) if kind in KEPT else _parse_whole(kind, body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass  # taken apart below, which tells a bad object from a bad body
    answer = _loaded(body)
    data, has_more = answer.get("data"), answer.get("has_more")
    if not isinstance(data, list) or not isinstance(has_more, bool):
        missing = [name for name, value in (("data", data), ("has_more", has_more)) if value is None] or ["data"]
        raise Garbled(f"the answer is no list: it lacks {' and '.join(missing)}")
    _require_a_page(len(data))
    return _apart(kind, data, has_more)


def _require_a_page(count: int) -> None:
    """Raises Garbled for a list of far more objects than were asked for."""
    if count > MOST_OBJECTS:
        raise Garbled(f"the page has {count:,} objects, and a hundred were asked for")


def parse_object(kind: str, body: bytes) -> Parsed:
    """The one object of an answer. Raises Garbled when it is none."""
    answer = _loaded(body)
    if "id" not in answer:
        raise Garbled(f"the answer is no {kind}: it lacks an id")
    return _apart(kind, [answer], has_more=False)


def _parse_whole(kind: str, body: bytes) -> Parsed:
    page = _WHOLE[kind].decode(body)
    objects = page.data
    _require_a_page(len(objects))
    if kind in _UNDATED:
        return Parsed(objects, page.has_more, len(objects), _last_id(objects), None, modes=_modes(objects))
    dates = [o.created for o in objects if o.created is not None]
    return Parsed(objects, page.has_more, len(objects), _last_id(objects), min(dates, default=None), modes=_modes(objects))


def _parse_kept(kind: str, body: bytes) -> Parsed:
    page = _TAKEN_APART.decode(body)
    _require_a_page(len(page.data))
    decoder = _SINGLE[kind]
    objects = [decoder.decode(raw) for raw in page.data]
    dates = [o.created for o in objects if o.created is not None]
    oldest = min(dates, default=None)
    return Parsed(objects, page.has_more, len(objects), _last_id(objects), oldest, page.data, modes=_modes(objects))


def _modes(objects: Iterable[Any]) -> dict[bool, str]:
    """The first object of each mode, as they say themselves; of an event what it is about may say it, too."""
    found: dict[bool, str] = {}
    for each in objects:
        if each.livemode is True or each.livemode is False:
            found.setdefault(each.livemode, each.id or "(no id)")
        if isinstance(each, event_schemas.Event) and each.data is not None:
            inside = _MODE_INSIDE.search(each.data.object)
            if inside is not None:
                found.setdefault(inside[1] == b"true", each.id or "(no id)")
    return found


def _last_id(objects: Sequence[Any]) -> str | None:
    """What to go on from: the last object that has an id."""
    return next((o.id for o in reversed(objects) if o.id), None)


def _apart(kind: str, data: list[Any], has_more: bool) -> Parsed:
    decoder = _SINGLE[kind]
    objects, raws = [], []
    rejected: list[Rejected] = []
    last_id, dates = None, []
    modes: dict[bool, str] = {}
    for value in data:
        object_id, created = _named(value)
        if isinstance(value, dict) and isinstance(value.get("livemode"), bool):
            modes.setdefault(value["livemode"], object_id or "(no id)")
        last_id = object_id or last_id
        if created is not None:
            dates.append(created)
        try:
            value, spoilt = cleaned(value)
            raw = _AS_SENT.encode(value)
            if spoilt is None:
                objects.append(decoder.decode(raw))
        except msgspec.ValidationError as error:
            rejected.append(Rejected(object_id or "(no id)", kind, "bad_shape", str(error)))
            continue
        except RecursionError:
            rejected.append(Rejected(object_id or "(no id)", kind, "bad_shape", "it is nested too deeply"))
            continue
        if spoilt is not None:
            detail = f"{spoilt} holds a NUL or half a surrogate pair"
            rejected.append(Rejected(object_id or "(no id)", kind, "bad_text", detail))
            continue
        raws.append(raw)
    kept = raws if kind in KEPT else ()
    modes = modes | _modes(objects) if kind == "event" else modes
    return Parsed(objects, has_more, len(data), last_id, min(dates, default=None), kept, rejected, modes)


def _named(value: Any) -> tuple[str | None, int | None]:
    """The id and the date of an object that may be unusable otherwise."""
    if not isinstance(value, dict):
        return None, None
    object_id, created = value.get("id"), value.get("created")
    whole = isinstance(object_id, str) and cleaned(object_id, "id")[1] is None
    dated = isinstance(created, int) and not isinstance(created, bool)
    return (object_id if whole else None), (created if dated else None)


def _loaded(body: bytes) -> dict[str, Any]:
    """The body by the standard library's more forgiving reader, with exact numbers."""
    try:
        text = body.decode("utf-8", "replace")
        # NaN and its like are no numbers of anything: as text they spoil the object that has one where a number belongs, and no other.
        answer = json.loads(text, strict=False, parse_float=Decimal, parse_int=_whole_number, parse_constant=str)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise Garbled("the answer is cut or is no JSON") from error
    if not isinstance(answer, dict):
        raise Garbled("the answer is no JSON object")
    return answer


def _whole_number(text: str) -> int | str:
    return int(text) if len(text) < _LONGEST_NUMBER else text


def loose(raw: bytes | msgspec.Raw) -> Any:
    """A piece of JSON as plain values, its numbers exact: for what has to be merged before it has a shape."""
    return _LOOSE.decode(raw)
