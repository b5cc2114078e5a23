"""What a line says beyond its columns, and what it leaves unsaid, as bytes and back. Most lines have nothing of it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

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
_FIRST: Any = tuple[tuple[tuple[Discount, int], ...], tuple[str, ...]]


def extra_of(line: InvoiceLine) -> bytes | None:
    """The bytes to keep with a line, None where there is nothing."""
    told = line.taxes_told and line.discounts_told and line.discount_amounts_told and line.decimal_told
    if told and line.quantity_decimal is None and line.invoice_item is None and not line.price_version:
        return encode((line.discounts, line.credited_lines), _FIRST) if line.discounts or line.credited_lines else None
    untold = (
        *(() if line.discounts_told else ("discounts",)),
        *(() if line.discount_amounts_told else ("discount_amounts",)),
        *(() if line.taxes_told else ("taxes",)),
        *(() if line.decimal_told else ("quantity_decimal",)),
    )
    return encode(Extra(line.discounts, line.credited_lines, line.quantity_decimal, untold, line.invoice_item, line.price_version))


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
