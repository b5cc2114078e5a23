"""From JSON to a page of evidence without a network, for tests."""

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from integrations.stripe.decode.errors import Unusable
from integrations.stripe.decode.pages import Rest, page_of
from integrations.stripe.decode.parsing import parse_list
from integrations.stripe.page import StripePage
from integrations.stripe.schemas import catalog as catalog_schemas
from integrations.stripe.schemas import invoices as invoice_schemas
from integrations.stripe.schemas import subscriptions as subscription_schemas
from metrics.evidence import Instant

AT = Instant(10_000)


class Nothing:
    """The rest of objects that have none: asking for it is a mistake."""

    def items(self, subscription: str, after: str | None) -> Sequence[subscription_schemas.Item]:
        """Not to be asked."""
        raise AssertionError(f"items of {subscription} after {after}")

    def lines(self, invoice: str, after: str | None) -> Sequence[invoice_schemas.Line]:
        """Not to be asked."""
        raise AssertionError(f"lines of {invoice} after {after}")

    def note_lines(self, note: str, after: str | None) -> Sequence[invoice_schemas.CreditNoteLine]:
        """Not to be asked."""
        raise AssertionError(f"lines of {note} after {after}")

    def price_options(self, price: str, currencies: Sequence[str]) -> catalog_schemas.Price | None:
        """Not to be asked."""
        raise AssertionError(f"options of {price} in {currencies}")


class Unavailable:
    """The rest of objects whose rest can't be had."""

    def items(self, subscription: str, after: str | None) -> Sequence[subscription_schemas.Item]:
        """Never to be had."""
        raise Unusable("incomplete", "gone")

    def lines(self, invoice: str, after: str | None) -> Sequence[invoice_schemas.Line]:
        """Never to be had."""
        raise Unusable("incomplete", "gone")

    def note_lines(self, note: str, after: str | None) -> Sequence[invoice_schemas.CreditNoteLine]:
        """Never to be had."""
        raise Unusable("incomplete", "gone")

    def price_options(self, price: str, currencies: Sequence[str]) -> catalog_schemas.Price | None:
        """Never to be had."""
        return None


def listed(kind: str, *objects: Any, has_more: bool = False, rest: Rest | None = None, **options: bool) -> StripePage:
    """The page that a list of these objects gives; `options` are those of `page_of`."""
    body = json.dumps({"object": "list", "data": list(objects), "has_more": has_more, "url": "/v1/x"}).encode()
    return decoded(kind, body, rest=rest, **options)


def decoded(kind: str, body: bytes, *, rest: Rest | None = None, **options: bool) -> StripePage:
    """The page that these bytes give."""
    return page_of(kind, parse_list(kind, body), AT, rest or Nothing(), stream=kind, **options)


_WHICH = {"coupon_version": "", "price_version": "", "created": None, "scope_told": True, "scope_asked": False}


def bare(value: Any) -> Any:
    """A value without which of the objects of an id it carries, for tests about something else."""
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(bare(each) for each in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    named = type(value).__name__
    plain = {f.name: bare(getattr(value, f.name)) for f in fields(value)}
    for name, nothing in _WHICH.items():
        if name in plain and (name != "created" or named in ("Price", "Coupon")):
            plain[name] = nothing
    return replace(value, **plain)
