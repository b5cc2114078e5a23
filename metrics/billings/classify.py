"""Every line of every invoice and credit note in exactly one class, and what is left of each total.

Set-based: frames of facts in, one tidy frame out. Amounts are minor units, exact. An invoice counts in the month in which it was finalised, a
credit note in the month in which it was issued. For each invoice that is neither draft, void nor uncollectible the classes add up to
Stripe's `total`, for each credit note that isn't void to its `total` with the sign turned: what no line, discount or tax accounts for is a class of its own.

It stands beside the engine and uses nothing of it.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from metrics.billings import classes

HEADS: Final = {
    "account": pl.Int64,
    "customer": pl.String,
    "invoice": pl.String,
    "status": pl.String,
    "subscription": pl.String,
    "currency": pl.String,
    "at": pl.Int64,
    "other_lines": pl.Int64,
    "other_amount": pl.Int64,
    "total": pl.Int64,
    "tax": pl.Int64,
    "inclusive_tax": pl.Int64,
    "discount": pl.Int64,
    "credits": pl.Int64,
    "shipping": pl.Int64,
}
"""Heads of invoices, one row for each status seen; `at` is when it was finalised (epoch seconds), else when it was made."""
LINES: Final = {
    "account": pl.Int64,
    "customer": pl.String,
    "invoice": pl.String,
    "line": pl.String,
    "price": pl.String,
    "proration": pl.Boolean,
    "amount": pl.Int64,
    "inclusive_tax": pl.Int64,
}
"""Lines of subscription items."""
OTHERS: Final = {
    "account": pl.Int64,
    "customer": pl.String,
    "invoice": pl.String,
    "line": pl.String,
    "kind": pl.String,
    "mark": pl.String,
    "price": pl.String,
    "product": pl.String,
    "amount": pl.Int64,
    "discount": pl.Int64,
    "inclusive_tax": pl.Int64,
}
"""Lines that no subscription item has."""
NOTES: Final = {
    "account": pl.Int64,
    "customer": pl.String,
    "note": pl.String,
    "invoice": pl.String,
    "status": pl.String,
    "currency": pl.String,
    "at": pl.Int64,
    "total": pl.Int64,
    "tax": pl.Int64,
}
NOTE_LINES: Final = {
    "account": pl.Int64,
    "customer": pl.String,
    "note": pl.String,
    "line": pl.String,
    "invoice_line": pl.String,
    "amount": pl.Int64,
    "discount": pl.Int64,
    "inclusive_tax": pl.Int64,
}
PRICES: Final = {"account": pl.Int64, "price": pl.String, "metered": pl.Boolean, "product": pl.String}

BILLED: Final = {
    "at": pl.Int64,
    "account": pl.Int64,
    "customer": pl.String,
    "currency": pl.String,
    "object": pl.String,
    "class": pl.String,
    "mark": pl.String,
    "product": pl.String,
    "lines": pl.Int64,
    "amount": pl.Int64,
    "discount": pl.Int64,
}
"""What comes out: one row per invoice or credit note (`object`) and class, mark and product. `lines` counts lines, 1 for what is of the object
as a whole; `discount` is what discounts took off these very lines, where that is known line by line."""

_RANK: Final = {"draft": 0, "open": 1, "uncollectible": 2, "paid": 3, "void": 4}
_APART: Final = {"draft": classes.DRAFT, "void": classes.VOID, "uncollectible": classes.UNCOLLECTIBLE}
_NOT_THERE: Final = "deleted"
_OBJECT: Final = ("account", "customer", "invoice")
_NOTE: Final = ("account", "customer", "note")


@dataclass(frozen=True, slots=True)
class Facts:
    """The frames, each with the schema of its name above."""

    heads: pl.DataFrame
    lines: pl.DataFrame
    others: pl.DataFrame
    notes: pl.DataFrame
    note_lines: pl.DataFrame
    prices: pl.DataFrame


def classified(facts: Facts) -> pl.DataFrame:
    """Everything billed, as BILLED has it; what is listed apart (drafts, void, uncollectible) with its total alone."""
    heads = last_standing(facts.heads)
    lines = _lines(facts, heads)
    counted = heads.filter(~pl.col("apart"))
    parts = [
        _of_lines(lines, counted),
        _of_wholes(lines, counted),
        _apart(heads.filter("apart")),
        _of_notes(facts, lines),
    ]
    return pl.concat([part.select(pl.col(name).cast(kind) for name, kind in BILLED.items()) for part in parts])


def last_standing(heads: pl.DataFrame) -> pl.DataFrame:
    """One row per invoice, as it stands last: statuses can only be passed in one order. `apart`: it is in no sum."""
    held = heads.filter(pl.col("status") != _NOT_THERE).with_columns(
        pl.col("status").replace_strict(_RANK, default=1, return_dtype=pl.Int8).alias("rank")
    )
    gone = heads.filter(pl.col("status") == _NOT_THERE).select(_OBJECT)
    standing = held.sort("rank").unique(list(_OBJECT), keep="last", maintain_order=True)
    if len(gone):
        standing = standing.join(gone, on=list(_OBJECT), how="anti")
    return standing.with_columns(
        pl.col("status").is_in(list(_APART)).alias("apart"),
        *(pl.col(name).fill_null(0) for name in ("tax", "inclusive_tax", "discount", "credits", "shipping")),
    )


def _lines(facts: Facts, heads: pl.DataFrame) -> pl.DataFrame:
    """All lines, each with its class: line, class, mark, product, amount without the tax in it, its discount, the tax in it."""
    of_items = facts.lines.join(facts.prices, on=["account", "price"], how="left").select(
        *_OBJECT,
        "line",
        pl.when("proration")
        .then(pl.lit(classes.PRORATION))
        .when(pl.col("metered").fill_null(value=False))
        .then(pl.lit(classes.USAGE))
        .otherwise(pl.lit(classes.SUBSCRIPTION))
        .alias("class"),
        pl.lit("").alias("mark"),
        pl.col("product").fill_null(""),
        (pl.col("amount") - pl.col("inclusive_tax")).alias("amount"),
        pl.lit(0, dtype=pl.Int64).alias("discount"),
        "inclusive_tax",
        pl.lit(1, dtype=pl.Int64).alias("lines"),
    )
    named = facts.prices.select("account", "price", pl.col("product").alias("of_price"))
    # What was no subscription's for want of a field was told by another sight of it, where that had the field.
    told = facts.others.join(facts.lines.select(*_OBJECT, "line"), on=[*_OBJECT, "line"], how="anti")
    others = told.join(named, on=["account", "price"], how="left").select(
        *_OBJECT,
        "line",
        pl.when(pl.col("kind") == "").then(pl.lit(classes.UNTOLD)).otherwise("kind").alias("class"),
        "mark",
        pl.coalesce("product", "of_price", pl.lit("")).alias("product"),
        (pl.col("amount").fill_null(0) - pl.col("inclusive_tax")).alias("amount"),
        "discount",
        "inclusive_tax",
        pl.lit(1, dtype=pl.Int64).alias("lines"),
    )
    # Of invoices that an older release read only the sum of such lines is known.
    summed = (
        heads.filter(pl.col("other_lines").fill_null(0) > 0, pl.col("total").is_null())
        .join(facts.others.select(_OBJECT).unique(), on=list(_OBJECT), how="anti")
        .select(
            *_OBJECT,
            pl.lit("").alias("line"),
            pl.when(pl.col("subscription").is_null())
            .then(pl.lit(classes.OUTSIDE))
            .otherwise(pl.lit(classes.ONE_OFF))
            .alias("class"),
            pl.when(pl.col("subscription").is_null())
            .then(pl.lit(classes.MANUAL))
            .otherwise(pl.lit(classes.ONE_OFF_MARK))
            .alias("mark"),
            pl.lit("").alias("product"),
            pl.col("other_amount").alias("amount"),
            pl.lit(0, dtype=pl.Int64).alias("discount"),
            pl.lit(0, dtype=pl.Int64).alias("inclusive_tax"),
            pl.col("other_lines").alias("lines"),
        )
    )
    return pl.concat([of_items, others, summed])


def _of_lines(lines: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    groups = lines.group_by(*_OBJECT, "class", "mark", "product").agg(pl.col("lines", "amount", "discount").sum())
    return groups.join(heads.select(*_OBJECT, "at", "currency"), on=list(_OBJECT)).rename({"invoice": "object"})


def _of_wholes(lines: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """What an invoice says as a whole, and what is left of its total."""
    sums = lines.group_by(*_OBJECT).agg(pl.col("lines", "amount").sum(), pl.col("inclusive_tax").sum().alias("within"))
    whole = heads.join(sums, on=list(_OBJECT), how="left").with_columns(pl.col("lines", "amount", "within").fill_null(0))
    # Lines and invoice may differ by a unit a line in the tax within amounts; lines that tell no tax leave it in their amounts.
    told = (pl.col("within") - pl.col("inclusive_tax")).abs() <= pl.col("lines")
    tax = pl.when(told).then("tax").otherwise(pl.col("tax") - pl.col("inclusive_tax") + pl.col("within"))
    accounted = pl.col("amount") + pl.col("all_tax") + pl.col("shipping") - pl.col("discount") - pl.col("credits")
    # Where no total is known, nothing can be left of it.
    whole = whole.with_columns(tax.alias("all_tax")).with_columns((pl.col("total") - accounted).fill_null(0).alias("left"))
    small = pl.col("left").abs() <= pl.col("lines")
    amounts = {
        classes.SHIPPING: pl.col("shipping"),
        classes.DISCOUNT: -pl.col("discount"),
        classes.CREDITS: -pl.col("credits"),
        classes.TAX: pl.col("all_tax"),
        classes.ROUNDING: pl.when(small).then("left").otherwise(0),
        classes.DIFFERENCE: pl.when(small).then(0).otherwise(pl.col("left")),
    }
    parts = [
        _row(whole.with_columns(amount.alias("amount")).filter(pl.col("amount") != 0), name) for name, amount in amounts.items()
    ]
    return pl.concat(parts)


def _apart(heads: pl.DataFrame) -> pl.DataFrame:
    named = heads.with_columns(
        pl.col("total").fill_null(0).alias("amount"), pl.col("status").replace_strict(_APART, default="").alias("class")
    )
    return _row(named, None)


def _row(frame: pl.DataFrame, name: str | None, key: str = "invoice") -> pl.DataFrame:
    """Rows of BILLED for whole objects with their `amount`, of the class `name` (None: `class` is there)."""
    named = frame if name is None else frame.with_columns(pl.lit(name).alias("class"))
    return named.select(
        "at",
        "account",
        "customer",
        "currency",
        pl.col(key).alias("object"),
        "class",
        pl.lit("").alias("mark"),
        pl.lit("").alias("product"),
        pl.lit(1, dtype=pl.Int64).alias("lines"),
        "amount",
        pl.lit(0, dtype=pl.Int64).alias("discount"),
    )


def _of_notes(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """Credit notes: each line under the class of what it takes back (as mark), what is left of a note's total under none."""
    notes = facts.notes.with_columns(pl.col("tax").fill_null(0))
    issued = notes.filter(pl.col("status") != "void")
    void = _row(
        notes.filter(pl.col("status") == "void").with_columns(pl.col("total").fill_null(0).alias("amount")),
        classes.VOID_CREDIT_NOTE,
        "note",
    )
    credited = (
        lines.filter(pl.col("line") != "")
        .select("account", "line", pl.col("class").alias("mark"), "product")
        .unique(["account", "line"])
    )
    net = pl.col("amount") - pl.col("inclusive_tax") - pl.col("discount")
    each = facts.note_lines.join(
        credited, left_on=["account", "invoice_line"], right_on=["account", "line"], how="left"
    ).with_columns(net.alias("net"), pl.col("mark", "product").fill_null(""))
    groups = each.group_by(*_NOTE, "mark", "product").agg(
        pl.len().cast(pl.Int64).alias("lines"), -pl.col("net").sum().alias("amount")
    )
    of_lines = groups.join(issued.select(*_NOTE, "at", "currency"), on=list(_NOTE)).select(
        "at",
        "account",
        "customer",
        "currency",
        pl.col("note").alias("object"),
        pl.lit(classes.CREDIT_NOTE).alias("class"),
        "mark",
        "product",
        "lines",
        "amount",
        pl.lit(0, dtype=pl.Int64).alias("discount"),
    )
    sums = each.group_by(*_NOTE).agg(pl.col("net").sum())
    whole = issued.join(sums, on=list(_NOTE), how="left").with_columns(pl.col("net").fill_null(0))
    rest = pl.col("total").fill_null(pl.col("net") + pl.col("tax")) - pl.col("tax") - pl.col("net")
    left = _row(whole.with_columns((-rest).alias("amount")).filter(pl.col("amount") != 0), classes.CREDIT_NOTE, "note")
    tax = _row(whole.with_columns((-pl.col("tax")).alias("amount")).filter(pl.col("amount") != 0), classes.CREDIT_NOTE_TAX, "note")
    return pl.concat(
        [part.select(pl.col(name).cast(kind) for name, kind in BILLED.items()) for part in (of_lines, left, tax, void)]
    )
