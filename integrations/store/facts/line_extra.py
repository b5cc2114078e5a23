"""What a line says beyond its columns, and what it leaves unsaid, as bytes and back. Most lines have nothing of it."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from integrations.store.db.encoding import decode, encode, prepare
from metrics.evidence import Discount, InvoiceLine


class Extra(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An array on disk: rows of before have only the first two, and later ones may have more."""

    discounts: tuple[tuple[Discount, int], ...] = ()
    credited_lines: tuple[str, ...] = ()
    quantity_decimal: Decimal | None = None
    untold: tuple[str, ...] = ()
    """What of `discounts`, `discount_amounts`, `taxes` and `quantity_decimal` the line doesn't say."""
    invoice_item: str | None = None
    price_version: str = ""


NOTHING = Extra()
prepare(Extra)
_TOLD: Final = ("discounts", "discount_amounts", "taxes", "quantity_decimal")
_FIRST: Any = tuple[tuple[tuple[Discount, int], ...], tuple[str, ...]]


def extra_of(line: InvoiceLine) -> bytes | None:
    """The bytes to keep with a line, None where there is nothing."""
    told = line.discounts_told, line.discount_amounts_told, line.taxes_told, line.decimal_told
    if line.discounts or line.credited_lines or line.quantity_decimal is not None or line.invoice_item is not None:
        return _extra(line, told)
    return _untold(told, line.price_version)


def _extra(line: InvoiceLine, told: tuple[bool, ...]) -> bytes:
    if all(told) and line.quantity_decimal is None and line.invoice_item is None and not line.price_version:
        return encode((line.discounts, line.credited_lines), _FIRST)
    untold = tuple(name for name, is_told in zip(_TOLD, told, strict=True) if not is_told)
    return encode(Extra(line.discounts, line.credited_lines, line.quantity_decimal, untold, line.invoice_item, line.price_version))


@lru_cache(maxsize=4096)
def _untold(told: tuple[bool, ...], price_version: str) -> bytes | None:
    """What is kept of a line that has nothing but what it leaves unsaid, and the object of its price: the same for very many."""
    if all(told) and not price_version:
        return None
    untold = tuple(name for name, is_told in zip(_TOLD, told, strict=True) if not is_told)
    return encode(Extra(untold=untold, price_version=price_version))


def read_extra(body: bytes | None) -> Extra:
    """What `extra_of` kept."""
    return NOTHING if body is None else decode(body, Extra)


def line_of(columns: Sequence[Any], inclusive_tax: int, extra: Extra) -> InvoiceLine:
    """A line of its columns up to `proration`, its inclusive tax and its extra."""
    if extra is NOTHING:
        return InvoiceLine(*columns, (), inclusive_tax)  # type: ignore[call-arg]  # as many columns as fields up to `proration`
    beyond: dict[str, Any] = {
        "discounts": extra.discounts,
        "inclusive_tax": inclusive_tax,
        "credited_lines": extra.credited_lines,
        "quantity_decimal": extra.quantity_decimal,
        "discounts_told": "discounts" not in extra.untold,
        "discount_amounts_told": "discount_amounts" not in extra.untold,
        "taxes_told": "taxes" not in extra.untold,
        "invoice_item": extra.invoice_item,
        "price_version": extra.price_version,
        "decimal_told": "quantity_decimal" not in extra.untold,
    }
    return InvoiceLine(*columns, **beyond)
