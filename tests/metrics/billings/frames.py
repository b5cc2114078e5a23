"""Frames of what is billed, made of evidence without a store."""

from collections.abc import Iterable, Mapping

import polars as pl

from metrics.billings import classify
from metrics.billings.classify import Facts
from metrics.evidence import CreditNote, InvoiceEvidence, Totals


def facts_of(
    invoices: Iterable[InvoiceEvidence], notes: Iterable[CreditNote] = (), metered: Mapping[str, bool] | None = None
) -> Facts:
    """The facts of some invoices and credit notes of one account; `metered` says of each price that is known whether it is metered."""
    heads, lines, others, note_rows, note_lines = [], [], [], [], []
    for each in invoices:
        head, said = each.head, each.totals or Totals()
        place = (1, head.customer or "", head.id)
        at = head.created if head.finalized_at is None else head.finalized_at
        whole = (said.total, said.tax, said.inclusive_tax, said.discount, said.credits, said.shipping)
        heads.append(
            (*place, head.status, head.subscription, head.currency, at, each.other_lines or None, each.other_amount, *whole)
        )
        lines += [(*place, x.id, x.price, x.proration, x.amount, x.inclusive_tax) for x in each.lines]
        others += [(*place, x.id, x.kind, x.mark, x.price, x.product, x.amount, x.discount, x.inclusive_tax) for x in each.others]
    for note in notes:
        place = (1, note.customer or "", note.id)
        note_rows.append((*place, note.invoice, note.status, note.currency, note.created, note.totals.total, note.totals.tax))
        note_lines += [(*place, x.id, x.line, x.amount, x.discount, x.inclusive_tax) for x in note.lines]
    prices = [(1, price, usage, f"prod_{price}") for price, usage in (metered or {}).items()]
    return Facts(
        *(
            pl.DataFrame(rows, schema=schema, orient="row")
            for rows, schema in (
                (heads, classify.HEADS),
                (lines, classify.LINES),
                (others, classify.OTHERS),
                (note_rows, classify.NOTES),
                (note_lines, classify.NOTE_LINES),
                (prices, classify.PRICES),
            )
        )
    )


def amounts(rows: pl.DataFrame) -> dict[str, int]:
    """What each class comes to, in minor units."""
    return {str(name): int(total) for name, total in rows.group_by("class").agg(pl.col("amount").sum()).iter_rows()}


def by_object(rows: pl.DataFrame) -> dict[str, int]:
    """What the summed classes of each invoice and credit note come to."""
    from metrics.billings.classes import SUMMED

    summed = rows.filter(pl.col("class").is_in(SUMMED)).group_by("object").agg(pl.col("amount").sum())
    return {str(name): int(total) for name, total in summed.iter_rows()}
