"""Storing what is billed beside MRR: totals of invoices, lines that no subscription item has, credit notes, and which days have news.

Nothing of it is evidence of MRR. The engine reads none of these rows; the figures of what is billed do (`integrations.store.figures.billings`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from integrations.store.db.bulk import append, insert_new
from integrations.store.db.words import bucket_of
from integrations.store.facts.schema import billing_news, credit_note, credit_note_line, other_line
from metrics.evidence import CreditNote, Instant, Invoice, InvoiceEvidence, Totals

TOTALS: Final = ("total", "tax", "inclusive_tax", "discount", "credits", "shipping")
"""The columns of what an invoice or a credit note says that it comes to; what is nothing is empty, but for the total."""
_DAY: Final = 86_400

_OTHER: Final = (
    "bucket",
    "customer_id",
    "account",
    "invoice_id",
    "line_id",
    "kind",
    "mark",
    "price_id",
    "product_id",
    "amount",
    "discount",
    "inclusive_tax",
    "learnt_at",
)
_NOTE: Final = (
    "bucket",
    "customer_id",
    "account",
    "note_id",
    "invoice_id",
    "status",
    "created",
    "currency",
    *TOTALS,
    "voided_at",
    "learnt_at",
)
_GROWING: Final = ("invoice_id", "status", *TOTALS, "voided_at")
"""What of a credit note can still be missing, or change: it is issued, and void after that (which is the greater word)."""
_NOTE_LINE: Final = (
    "bucket",
    "customer_id",
    "account",
    "note_id",
    "line_id",
    "invoice_line_id",
    "amount",
    "discount",
    "inclusive_tax",
    "learnt_at",
)


def totals_row(totals: Totals | None) -> tuple[int | None, ...]:
    """What an object says that it comes to, as its columns."""
    if totals is None:
        return (None,) * len(TOTALS)
    return (
        totals.total,
        totals.tax or None,
        totals.inclusive_tax or None,
        totals.discount or None,
        totals.credits or None,
        totals.shipping or None,
    )


def day_of(head: Invoice) -> int:
    """The day, in days since 1970 in UTC, on which an invoice counts: when it was finalised, as far as that is known."""
    return int(head.finalized_at if head.finalized_at is not None else head.created) // _DAY


def put_others(connection: Connection, account: int, found: Sequence[InvoiceEvidence], learnt_at: datetime) -> set[str]:
    """Store the lines of invoices that no subscription item has; gives the ids of the invoices that have new ones."""
    rows: dict[tuple[int, str, str, str], tuple[Any, ...]] = {}
    for each in found:
        if each.others and each.head.status != "draft":
            customer = each.head.customer or ""
            bucket = bucket_of(customer)
            for line in each.others:
                place = (bucket, customer, each.head.id, line.id)
                rows[place] = (
                    bucket,
                    customer,
                    account,
                    each.head.id,
                    line.id,
                    line.kind,
                    line.mark,
                    line.price,
                    line.product,
                    line.amount,
                    line.discount,
                    line.inclusive_tax,
                    learnt_at,
                )
    if not rows:
        return set()
    fresh = insert_new(
        connection,
        other_line,
        _OTHER,
        [rows[place] for place in sorted(rows)],
        returning=("invoice_id",),
        greatest=("kind", "mark", "price_id", "product_id", "amount", "discount", "inclusive_tax"),
    )
    return {str(row[0]) for row in fresh}


def put_notes(connection: Connection, account: int, found: Sequence[CreditNote], learnt_at: datetime) -> int:
    """Store credit notes with their lines; gives how many rows are new. One that became void stays so, whatever is read after it."""
    notes: dict[tuple[int, str, str], tuple[Any, ...]] = {}
    lines: dict[tuple[int, str, str, str], tuple[Any, ...]] = {}
    days = {}
    for note in sorted(found, key=lambda each: each.status):
        customer = note.customer or ""
        bucket = bucket_of(customer)
        days[note.id] = int(note.created) // _DAY
        notes[bucket, customer, note.id] = (
            bucket,
            customer,
            account,
            note.id,
            note.invoice,
            note.status,
            note.created,
            note.currency,
            *totals_row(note.totals),
            note.voided_at,
            learnt_at,
        )
        for line in note.lines:
            lines[bucket, customer, note.id, line.id] = (
                bucket,
                customer,
                account,
                note.id,
                line.id,
                line.line,
                line.amount,
                line.discount,
                line.inclusive_tax,
                learnt_at,
            )
    new = insert_new(
        connection, credit_note, _NOTE, [notes[place] for place in sorted(notes)], returning=("note_id",), greatest=_GROWING
    )
    fresh = insert_new(connection, credit_note_line, _NOTE_LINE, [lines[place] for place in sorted(lines)], returning=("note_id",))
    mark_days(connection, account, {days[str(row[0])] for row in (*new, *fresh)})
    return len(new) + len(fresh)


def mark_days(connection: Connection, account: int, days: Iterable[int]) -> None:
    """Note days of which the figures don't know everything yet."""
    append(connection, billing_news, ("account", "day"), [(account, day) for day in sorted(set(days))])


def day_instant(day: int) -> Instant:
    """The moment at which a day of `billing_news` begins."""
    return Instant(day * _DAY)
