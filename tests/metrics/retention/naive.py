"""Retention by loops over one customer after another: slow, plain, without frames, to hold the set-based engine against.

Written from the definitions alone. An *account book* here is dictionaries: for each customer and currency the list of (day, standing).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from metrics.periods import Window
from metrics.retention.spans import Book
from metrics.retention.window_changes import SUMS

Rate = Callable[[str, date], Fraction | None]
"""What one unit of a currency is worth on a day."""
MEASURES = ("list", "at_risk", "scheduled", "usage")


def by_segment(book: Book, window: Window, dimension: str, view: str, rate: Rate | None = None) -> dict[str, dict[str, int]]:
    """segment → SUMS of `window`: in one currency (`usd`), or with `rate` in the reporting currency (`all:usd`)."""
    t0, t1 = window.first - timedelta(days=1), window.until - timedelta(days=1)
    history: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in book.standings.sort("day").to_dicts():
        history[row["customer"]][row["currency"]].append(row)
    moves: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in book.movements.to_dicts():
        moves[row["customer"]].append(row)

    out: dict[str, dict[str, int]] = {}
    for customer, lines in history.items():
        stays = _there(lines, t1)  # who has left a currency for another one is still a customer
        if rate is None:
            lines = {c: rows for c, rows in lines.items() if c == view}
        elif any(rate(c, _needed(rows, t0)) is None for c, rows in lines.items() if _matters(rows, t0, t1)):
            continue
        if not lines:
            continue
        found = _one(customer, lines, [m for m in moves[customer] if m["currency"] in lines], t0, t1, rate, stays)
        if not any(found.values()):
            continue
        segment = ",".join(
            _escaped(_segment(book, customer, lines, moves[customer], part, t0, t1, rate), dimension)
            for part in dimension.split(",")
            if part
        )
        total = out.setdefault(segment, dict.fromkeys(SUMS, 0))
        for name in SUMS:
            total[name] += found[name]
    return {segment: sums for segment, sums in out.items() if any(sums.values())}


def _anything(row: Mapping[str, Any] | None) -> bool:
    return row is not None and any(row[name] for name in ("net_micros", "subscriptions", *(f"{m}_micros" for m in MEASURES)))


def _matters(rows: list[dict[str, Any]], t0: date, t1: date) -> bool:
    """Whether anything stands at the closing or was learnt within the window."""
    return _anything(_last(rows, t1)) or any(t0 < row["day"] <= t1 for row in rows)


def _needed(rows: list[dict[str, Any]], t0: date) -> date:
    """The first day on which a line needs a rate."""
    return t0 if _anything(_last(rows, t0)) else min(row["day"] for row in rows if row["day"] > t0)


def _escaped(value: str, dimension: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,") if "," in dimension else value


def _last(rows: Iterable[Mapping[str, Any]], day: date) -> Mapping[str, Any] | None:
    return max((r for r in rows if r["day"] <= day), key=lambda r: r["day"], default=None)


def worth(micros: int, currency: str, day: date, rate: Rate | None) -> int:
    """Micros at the day's rate, rounded half to even."""
    if rate is None:
        return micros
    found = (rate(currency, day + timedelta(days=later)) for later in range(1000))  # before the first rate, that one
    return round(micros * next(one for one in found if one is not None))


def _at(lines: Mapping[str, list[dict[str, Any]]], day: date, priced: date, rate: Rate | None, name: str = "net_micros") -> int:
    rows = ((c, _last(rows, day)) for c, rows in lines.items())
    return sum(worth(row[name], c, priced, rate) for c, row in rows if row)


def _there(lines: Mapping[str, list[dict[str, Any]]], day: date) -> bool:
    return any(row["net_micros"] > 0 for row in (_last(rows, day) for rows in lines.values()) if row)


def _one(
    customer: str,
    lines: Mapping[str, list[dict[str, Any]]],
    moves: list[dict[str, Any]],
    t0: date,
    t1: date,
    rate: Rate | None,
    stays: bool,
) -> dict[str, int]:
    opening, end, closing = _at(lines, t0, t0, rate), _at(lines, t1, t0, rate), _at(lines, t1, t1, rate)
    was, is_there = _there(lines, t0), _there(lines, t1)
    days = [t0, *sorted({r["day"] for rows in lines.values() for r in rows if t0 < r["day"] <= t1})]
    found: dict[str, int] = dict.fromkeys(SUMS, 0)
    found |= {"opening": opening, "closing": closing, "opening_customers": int(was), "closing_customers": int(is_there)}
    if was:
        found["retained_customers"] = int(stays)
        found["lowest"] = min(_at(lines, day, t0, rate) for day in days)
        kept = end if is_there else 0
        found |= {"opening_squared": opening * opening, "opening_by_end": opening * kept, "end_squared": kept * kept}
        found["churn"] = 0 if stays else opening
        found["expansion"] = max(end - opening, 0) if stays else 0
        found["contraction"] = max(opening - end, 0) if stays else 0
    for name in MEASURES:
        found[name] = _at(lines, t1, t1, rate, f"{name}_micros")
    found["subscriptions"] = sum(row["subscriptions"] for row in (_last(rows, t1) for rows in lines.values()) if row)
    _flow(found, lines, [m for m in moves if t0 < m["day"] <= t1], was, rate)
    revalued = 0
    if rate is not None:
        for currency, rows in lines.items():
            marks = sorted({t0, t1, *(r["day"] for r in rows if t0 < r["day"] <= t1)})
            for since, until in pairwise(marks):
                row = _last(rows, since)
                if row:
                    revalued += worth(row["net_micros"], currency, until, rate) - worth(row["net_micros"], currency, since, rate)
    found["fx"] = revalued
    return found


def _flow(found: dict[str, int], lines: Mapping[str, Any], moves: list[dict[str, Any]], was: bool, rate: Rate | None) -> None:
    by_day: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for move in moves:
        by_day[move["day"]].append(move)
    for day, some in by_day.items():
        deltas = [
            worth(m["after_micros"], m["currency"], day, rate) - worth(m["before_micros"], m["currency"], day, rate) for m in some
        ]
        kind, delta = some[0]["kind"], sum(deltas)
        if kind in ("expansion", "contraction") and len(some) > 1:
            kind = "expansion" if delta >= 0 else "contraction"
        lost = kind in ("contraction", "churn")
        name = kind if kind in ("new", "reactivation") else f"flow_{kind}"
        found[name] += -delta if lost else delta
        if not was and name.startswith("flow_"):
            found[f"arrivals_{kind}"] += -delta if lost else delta
        if was and kind in ("new", "reactivation"):
            found["member_returns"] += delta
        if rate is None:  # of one line
            (move,) = some
            logo = {"new": "new_logos", "reactivation": "returned_logos", "churn": "lost_logos"}.get(kind)
            if move["before_micros"] == 0:
                found[logo or "switched_logos"] += 1
            if move["after_micros"] == 0:
                found[logo or "switched_logos"] += 1 if logo else -1
        elif kind in ("new", "reactivation", "churn"):
            found[{"new": "new_logos", "reactivation": "returned_logos", "churn": "lost_logos"}[kind]] += 1


def _segment(
    book: Book,
    customer: str,
    lines: Mapping[str, list[dict[str, Any]]],
    moves: list[dict[str, Any]],
    part: str,
    t0: date,
    t1: date,
    rate: Rate | None,
) -> str:
    """What the customer was at the opening, at its first arrival after it, or else at the closing."""
    candidates = []
    for currency, rows in lines.items():
        if not _matters(rows, t0, t1):
            continue
        then = _last(rows, t0)
        live = bool(then and then["net_micros"] > 0)
        day = t0
        if not live:
            arrival = min((r for r in rows if t0 < r["day"] <= t1 and r["net_micros"] > 0), key=lambda r: r["day"], default=None)
            then = arrival or _last(rows, t1)
            day = arrival["day"] if arrival else t1
        size = worth(then["net_micros"], currency, t0, rate) if then else 0
        usage = worth(then["usage_micros"], currency, t0, rate) if then else 0
        arrives = bool(then) and not live and day <= t1 and bool(then and then["net_micros"] > 0)
        order = (not live, not arrives, day if arrives else date.min, -size, currency)
        candidates.append((order, currency, then, size, usage, day))
    _, currency, row, size, usage, day = first = min(candidates, key=lambda c: c[0])
    if part in ("size", "usage"):
        counted = [first] if first[0][0] else [c for c in candidates if not c[0][0]]
        return _band(sum(c[3] if part == "size" else c[4] for c in counted), part)
    if part == "currency":
        return currency
    if part == "signup":
        return f"{min(m['day'] for m in moves):%Y-%m}" if moves else "(none)"
    if part in ("plan", "product", "interval", "account"):
        return str(row[part]) if row and row[part] is not None else "(none)"
    key = part if part == "country" else f"metadata.{part}"
    known = sorted((a["day"], a["value"]) for a in book.attributes.to_dicts() if a["customer"] == customer and a["key"] == key)
    value = next((v for d, v in reversed(known) if d <= day), known[0][1] if known else None)
    return value if value is not None else "(none)"


def _band(micros: int, part: str) -> str:
    edges = (0, 50, 100, 250, 500, 1000, 5000, 10000, 50000) if part == "size" else (0, 10, 100, 1000, 10000)
    if micros == 0:
        return "(none)"
    for low, high in pairwise(edges):
        if micros < high * 10**6:
            return f"{low}-{high}"
    return f"{edges[-1]}+"
