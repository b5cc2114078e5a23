"""The share of what is invoiced that lies outside subscriptions, by the monthly figures that are kept: for rules, digests and messages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

import polars as pl
from sqlalchemy import Connection

from integrations.store.figures import billings as store
from metrics.billings import months
from metrics.billings.shares import RISE, Share, added, worth_saying
from metrics.exchange_rates import rates_or_first
from metrics.periods import add_months
from metrics.retention.figures import Figures
from worker.figures.adhoc import exchange_to

METRIC: Final = "outside_share"
Shares = Mapping[tuple[date, str], Share]
"""By month and currency; amounts are micros."""


def shares(connection: Connection, first: date, until: date) -> dict[tuple[date, str], Share]:
    """The shares of the months that begin in [first, until), by currency."""
    rows = store.stored(connection, first, until)
    parts = rows.partition_by("month", "currency", as_dict=True)
    return {(month, str(code)): months.share(part) for (month, code), part in parts.items()}


def in_one_currency(connection: Connection, found: Shares, currency: str) -> dict[date, Share]:
    """The share of each month in all currencies, expressed in one at the rate of the month's last day; without a rate one is left out."""
    places = [(month, code, add_months(month, 1) - timedelta(days=1)) for month, code in found]
    if not places:
        return {}
    exchange = exchange_to(connection, currency, max(day for _, _, day in places) + timedelta(days=1))
    assert exchange is not None, "a currency was named"
    asked = pl.DataFrame([(code, day) for _, code, day in places], schema={"currency": pl.String, "day": pl.Date}, orient="row")
    out: dict[date, list[Share]] = {}
    for (month, code, _), (numerator, denominator) in zip(places, rates_or_first(exchange, asked).rows(), strict=True):
        if code == currency:
            numerator = denominator = 1
        if not numerator or not denominator:
            continue
        rate, share = Fraction(int(numerator), int(denominator)), found[month, code]
        out.setdefault(month, []).append(Share(round(share.outside * rate), round(share.everything * rate)))
    return {month: added(some) for month, some in out.items()}


def beside(connection: Connection, figures: Iterable[Figures]) -> list[Figures]:
    """Figures of the whole book with what was invoiced in their window, and outside subscriptions, as companions.

    Only windows of whole months have them, and of a currency in which anything was invoiced.
    """
    every = list(figures)
    wanted = [f for f in every if _has_companions(f)]
    if not wanted:
        return every
    found = shares(connection, min(f.first for f in wanted), max(f.until for f in wanted))
    whole = {code: in_one_currency(connection, found, code) for code in {f.code for f in wanted if f.whole_book}}
    out = []
    for f in every:
        if not _has_companions(f):
            out.append(f)
            continue
        if f.whole_book:
            mine = [share for month, share in whole[f.code].items() if f.first <= month < f.until]
        else:
            mine = [share for (month, code), share in found.items() if code == f.currency and f.first <= month < f.until]
        share = added(mine)
        more = {"outside": share.outside, "invoiced": share.everything} if mine else {}
        out.append(replace(f, companions={**f.companions, **more}))
    return out


def _has_companions(f: Figures) -> bool:
    return not f.dimension and f.first.day == f.until.day == 1


@dataclass(frozen=True, slots=True)
class Aside:
    """The share of the last month that is over, and of the one before, of the book or of one currency."""

    month: date
    currency: str
    now: Share
    before: Share | None

    def worth_saying(self, above: Fraction) -> bool:
        """Whether a reader of figures must know."""
        return worth_saying(self.now, self.before, above, RISE)


def last_month(connection: Connection, through: date, currency: str | None) -> list[Aside]:
    """The share of the last month that was over at the end of the day `through`: of the book in `currency`, else of each currency."""
    month = add_months(add_months(through + timedelta(days=1), 0), -1)
    earlier = add_months(month, -1)
    found = shares(connection, earlier, add_months(month, 1))
    if currency is not None:
        whole = in_one_currency(connection, found, currency)
        return [Aside(month, currency, whole[month], whole.get(earlier))] if month in whole else []
    codes = sorted(code for at, code in found if at == month)
    return [Aside(month, code, found[month, code], found.get((earlier, code))) for code in codes]
