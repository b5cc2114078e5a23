"""Amounts, days, standings and movements as rows: the fixed names of the JSON."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from metrics.money import BookCurrency, major_text

if TYPE_CHECKING:
    import polars as pl

    from worker.figures.standing import Standing


def amount(name: str, micros: int | None, currency: str) -> dict[str, Any]:
    """`name` as a decimal string in major units beside `name_micros`."""
    return {name: None if micros is None else major_text(micros, code_of(currency)), f"{name}_micros": micros}


def amounts(named: Mapping[str, int | None], currency: str) -> dict[str, Any]:
    """Several amounts of one currency."""
    return {key: value for name, micros in named.items() for key, value in amount(name, micros, currency).items()}


def number(text: str | int | None) -> float | None:
    """A decimal text as a number: the same digits, as JSON writes them. What it was reckoned from, whole micros and counts, stands beside it."""
    return None if text is None else float(text)


def code_of(currency: str) -> str:
    """The code of `usd` and of `all:usd`, the whole book expressed in it."""
    return BookCurrency.of(currency).code


def days_row(first: date, last: date) -> dict[str, Any]:
    """Both ends of a range of days, the last being part of it; under their older names too."""
    return {"first_day": first, "last_day": last, "from": first, "to": last}


def window_row(kind: str, first: date, until: date) -> dict[str, Any]:
    """The kind and both ends of the window [first, until); under their older names too."""
    return {"window_kind": kind, **days_row(first, until - timedelta(days=1)), "kind": kind}


def standing_row(s: "Standing") -> dict[str, Any]:
    """What the book stands at in one currency."""
    named = {
        "mrr": s.net_micros,
        "list_mrr": s.list_micros,
        "arr": s.net_micros * 12,
        "at_risk": s.at_risk_micros,
        "scheduled_churn": s.scheduled_micros,
        "committed": s.committed_micros,
        "usage_mrr": s.usage_micros,
    }
    return {
        "currency": code_of(s.currency),
        **amounts(named, s.currency),
        "customers": s.customers,
        "subscriptions": s.subscriptions,
    }


MOVEMENT: Final = (
    "date",
    "customer",
    "kind",
    "cause",
    "currency",
    "before_micros",
    "after_micros",
    "delta_micros",
    "list_before_micros",
    "list_after_micros",
    "inferred",
    "evidence",
    "plan",
    "plan_name",
    "account",
    "account_number",
    "customer_name",
    "learnt_at",
)


IN_VIEWS: Final = {
    "before": "mrr_before",
    "after": "mrr_after",
    "delta": "change",
    "list_before": "list_mrr_before",
    "list_after": "list_mrr_after",
}
"""What the SQL views call a movement's amounts: the JSON has them under both names."""


def movement_rows(frame: "pl.DataFrame") -> Iterable[dict[str, Any]]:
    """Movements with the names that scripts rely on, and before, after and delta in major units beside the micros."""
    for row in frame.select(MOVEMENT).iter_rows(named=True):
        major = {name: major_text(row[f"{name}_micros"], row["currency"]) for name in ("before", "after", "delta")}
        day = row["date"].isoformat()
        in_views = amounts({view: row[f"{name}_micros"] for name, view in IN_VIEWS.items()}, row["currency"])
        learnt = row["learnt_at"]
        yield {**row, "date": day, **major, "day": day, **in_views, "learnt_at": None if learnt is None else learnt.isoformat()}


def explained_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A movement in words with the names of its amounts in the SQL views beside its own."""
    in_views = {view: row[f"{name}_micros"] for name, view in IN_VIEWS.items() if f"{name}_micros" in row}
    return {**row, "day": row["date"], **amounts(in_views, row["currency"])}


def instant_or_none(seconds: int | None) -> str | None:
    """Seconds since 1970 as an instant of UTC; None for none."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
