"""The tables that people work with, as polars frames under the names of `metrics.columns`: what notebooks ask for and `nrr export` writes.

Columns are those of the SQL views of the same thing, as far as they have them: micros are exact integers, the column of the same name without
`_micros` is the amount in major units, rates are numbers. Older names stand at their sides for one release.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

import polars as pl

from worker.queries.accounts import accounts_read
from worker.queries.billings import by_month
from worker.queries.customers import names_of
from worker.queries.figures import figures_frame
from worker.queries.movements import movements as stored_movements
from worker.queries.movements import movements_by_month
from worker.queries.names import names_of_segments
from worker.queries.session import Session
from worker.queries.snapshots import month_ends

MICROS: Final = 1_000_000

_MOVEMENTS: Final = {
    "before_micros": "mrr_before_micros",
    "after_micros": "mrr_after_micros",
    "delta_micros": "change_micros",
    "list_before_micros": "list_mrr_before_micros",
    "list_after_micros": "list_mrr_after_micros",
}
_SNAPSHOTS: Final = {
    "net_micros": "mrr_micros",
    "list_micros": "list_mrr_micros",
    "scheduled_micros": "scheduled_churn_micros",
    "usage_micros": "usage_mrr_micros",
}
_BILLINGS: Final = {"micros": "amount_micros"}
_BESIDE_MOVEMENT: Final = ("plan", "plan_name", "account", "account_number", "customer_name", "learnt_at")
_IN_MICROS: Final = "_micros"


def movements(
    session: Session, first: date | None = None, until: date | None = None, *, customer: str | None = None
) -> pl.DataFrame:
    """What each customer's MRR did on the days [first, until), a row for each movement; all of them without bounds. Raises NothingDerived."""
    return pl.concat(named_movements(session, iter([stored_movements(session, first, until, customer=customer, beside=True)])))


def mrr_by_customer(session: Session, first: date | None = None, until: date | None = None) -> pl.DataFrame:
    """MRR of each customer at the closing of each month that ends in [first, until), a row for each currency. Raises NothingDerived."""
    return pl.concat(list(mrr_by_customer_in_parts(session, first, until)))


def retention(session: Session, first: date | None = None, until: date | None = None) -> pl.DataFrame:
    """All current stored figures of windows within [first, until), a row for each window, currency and segment. Raises NothingDerived."""
    names = names_of_segments(session)
    frame = figures_frame(session, first, until)
    if frame.is_empty():
        return frame
    called = [names.get((dimension, segment), segment) for dimension, segment in frame.select("dimension", "segment").iter_rows()]
    major = [major_of(name) for name in frame.columns if name.endswith(_IN_MICROS)]
    return frame.with_columns(*major, pl.Series("segment_name", called, dtype=pl.String))


def billings(session: Session, first: date | None = None, until: date | None = None) -> pl.DataFrame:
    """What was billed on the days [first, until) by month, account, customer, currency, class, mark and product."""
    return pl.concat(list(billings_in_parts(session, first, until)))


def movements_in_parts(session: Session, first: date | None = None, until: date | None = None) -> Iterator[pl.DataFrame]:
    """The same month by month, so that memory doesn't grow with the years; at least one frame comes, as of the others."""
    yield from named_movements(session, movements_by_month(session, first, until, beside=True))


def named_movements(session: Session, found: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Movements as the ledger has them with what stands beside them, under the names that they have everywhere."""
    names, accounts = names_of_segments(session), _accounts(session)
    for frame in found:
        moved = _both(frame, _MOVEMENTS).with_columns(date=pl.col("day"))
        named = _with_account(_called(moved, names, ("plan",)), accounts)
        who = names_of(session, named["customer"].unique().to_list())
        called = pl.Series("customer_name", [who.get(each) for each in named["customer"]], pl.String)
        yield named.with_columns(called).select(
            "customer", "date", pl.exclude("customer", "date", *_BESIDE_MOVEMENT), *_BESIDE_MOVEMENT
        )


def mrr_by_customer_in_parts(session: Session, first: date | None = None, until: date | None = None) -> Iterator[pl.DataFrame]:
    """The same a month end at a time."""
    return named_month_ends(session, month_ends(session, first, until))


def named_month_ends(session: Session, found: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Month ends as they are stored, under the names that they have everywhere."""
    names, accounts = names_of_segments(session), _accounts(session)
    for frame in found:
        named = _both(frame, _SNAPSHOTS, also=("at_risk_micros",))
        yield _with_account(_called(named, names, ("plan", "product")), accounts)


def billings_in_parts(session: Session, first: date | None = None, until: date | None = None) -> Iterator[pl.DataFrame]:
    """The same month by month."""
    names, accounts = names_of_segments(session), _accounts(session)
    for frame in by_month(session, first, until):
        named = _both(frame, _BILLINGS, also=("discount_micros",))
        yield _with_account(_called(named, names, ("product",)), accounts)


def _both(frame: pl.DataFrame, names: Mapping[str, str], *, also: Sequence[str] = ()) -> pl.DataFrame:
    """The frame with its amounts under the names that they have everywhere, in micros and in major units, beside their own."""
    named = frame.with_columns(pl.col(old).alias(new) for old, new in names.items())
    return named.with_columns(major_of(micros) for micros in (*names.values(), *also))


def major_of(micros: str) -> pl.Expr:
    """A column of micros in major units, under its name without `_micros`: the number that is nearest.

    Polars divides by a constant as it multiplies by its inverse, which is a last digit off in every third amount; rounding puts it right.
    """
    return (pl.col(micros) / MICROS).round(6).alias(micros.removesuffix(_IN_MICROS))


def _called(frame: pl.DataFrame, names: Mapping[tuple[str, str], str], dimensions: Sequence[str]) -> pl.DataFrame:
    """The frame with what people call its plans and products."""
    return frame.with_columns(
        pl.Series(f"{name}_name", [None if each is None else names.get((name, each), each) for each in frame[name]], pl.String)
        for name in dimensions
    )


def _accounts(session: Session) -> dict[int, str]:
    return {each.number: each.name for each in accounts_read(session)}


def _with_account(frame: pl.DataFrame, accounts: Mapping[int, str]) -> pl.DataFrame:
    """The frame with its accounts by name, beside their numbers in the database."""
    called: list[Any] = [None if each is None else accounts.get(each, str(each)) for each in frame["account"]]
    return frame.with_columns(pl.Series("account", called, pl.String), account_number=pl.col("account"))
