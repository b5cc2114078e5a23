"""Digests: what a day, a week or a month came to, once each, through the same outbox as alerts.

A digest is due when its period is over and complete; which ones were sent is what the outbox's uniqueness knows, so a missed night
sends it later and a repeated one not again.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from integrations.store.alerts import alerts as store
from integrations.store.alerts.outbox import Message
from integrations.store.figures import reports, snapshots
from integrations.store.figures.reports import MadeReport
from metrics.alerts.advice import benchmark_words, lever_words
from metrics.alerts.certainty_words import verdict_in_short
from metrics.alerts.content import CUSTOMERS, bridge, causes, places_of
from metrics.alerts.rules import Watch
from metrics.labels import label_words, metric_name, value_text
from metrics.ledger.basis import Basis
from metrics.money import BookCurrency
from metrics.number_words import counted, currency_name, money, places_alike, signed_money
from metrics.periods import Window, add_months
from metrics.retention.figures import Figures, amounts, metric
from metrics.window_kinds import day_words, window_words
from worker.config.reports import ReportTable

RULE: Final = "digest"
NOTED: Final = 5
"""So many notes are in a digest."""
_KINDS: Final = ("new", "reactivation", "expansion", "contraction", "churn")


def period(kind: str, through: date) -> tuple[date, date]:
    """The last day, week (Monday to Sunday) or month that was over at the end of the day `through`, half-open."""
    after = through + timedelta(days=1)
    if kind == "daily":
        return through, after
    if kind == "weekly":
        until = after - timedelta(days=after.weekday())
        return until - timedelta(days=7), until
    until = add_months(after, 0)
    return add_months(until, -1), until


def messages(
    connection: Connection,
    basis: Basis,
    watch: Watch,
    through: date,
    channels: Sequence[str],
    table: ReportTable | None = None,
) -> list[Message]:
    """The digests of the periods that are over, for the outbox to pass over those that it has.

    That of a month speaks of the reports that were made of a period that ends with it, as `table` says: with a link, or as attachments too.
    """
    out = []
    for kind in watch.digests:
        first, until = period(kind, through)
        content = digest(connection, basis, watch, kind, first, until)
        if content is None:
            continue
        body: dict[str, Any] = {"content": content, "key": f"{RULE}|{kind}|{first}", "thread": None}
        if kind == "monthly" and table is not None and table.digest != "silent":
            _with_reports(connection, basis, table, until, body)
        out += [Message(RULE, kind, f"{first}..{until}", "digest:1", channel, body) for channel in channels]
    return out


def _with_reports(connection: Connection, basis: Basis, table: ReportTable, until: date, body: dict[str, Any]) -> None:
    """Say which reports of a period that ended there were made, and which could not be."""
    made, content = reports.of_period(connection, basis.version, until), body["content"]
    failed = [each for each in reports.failed(connection) if each.until == until]
    content["facts"] = [*content.get("facts", ()), *report_words(made, table.url)]
    content["notes"] = [
        *content.get("notes", ()),
        *(
            f"The {each.what} of {Window(each.kind, each.first, each.until).label} could not be made yet: {each.why}."
            for each in failed
        ),
    ]
    if table.digest == "attached" and made:
        body["attach"] = [each.id for each in made]


def report_words(made: Sequence[MadeReport], url: str | None) -> list[list[str]]:
    """For each report what it is, and where: its address, where the folder is served, else its path."""
    out = []
    for each in made:
        label = Window(each.kind, each.first, each.until).label
        name = f"{each.what.capitalize()} of {label}" + (f", {currency_name(each.currency)}" if each.currency else "")
        out.append([name, f"{url}/{Path(each.path).name}" if url else each.path])
    return out


def digest(connection: Connection, basis: Basis, watch: Watch, kind: str, first: date, until: date) -> dict[str, Any] | None:
    """What the message says; None when there is nothing to tell of in the period."""
    whole = _newest(connection, basis, "trailing_12", until)
    month = _newest(connection, basis, "month", until)
    words = {"daily": day_words(first), "weekly": f"the week to {day_words(until - timedelta(days=1))}"}
    name = words.get(kind) or window_words("month", first, until)
    if kind == "monthly":
        if month is None or (month.first, month.until) != (first, until):
            return None
        movers = store.largest_movements(connection, basis.version, first, until, CUSTOMERS)
        theirs = [a for m in movers if m.currency == month.code for a in (m.before_micros, m.after_micros)]
        places = places_of(month, others=theirs)
        behind: dict[str, Any] = {
            "bridge": bridge(month, places=places),
            **_people(connection, basis, month, movers, places),
            "causes": causes(month, losing=True, places=places),
            "lever": lever_words(month),
        }
        net = amounts(month)["net_new_mrr"] or 0
        headline = f"MRR {money(month.closing, month.currency)}, {signed_money(net, month.currency)} net new"
    else:
        found = _short(connection, basis, first, until)
        if found is None:
            return None
        behind, headline = found
    what = "retention" if kind == "monthly" else "movements"
    facts = _retention(whole, month) + _signals(connection, basis, until - timedelta(days=1))
    content = {
        "kind": "digest",
        "title": f"{ {'daily': 'Day', 'weekly': 'Week', 'monthly': 'Month'}[kind] } in MRR: {headline}",
        "summary": f"What {name} came to.",
        "facts": facts,
        "benchmark": None if whole is None else benchmark_words(whole),
        "chart": _trend(connection, basis, until),
        "notes": [*_firing(connection, watch), *watch.asides],
        "commands": [["See more", f"nrr show {what} --from {first} --to {until - timedelta(days=1)}"]],
        "link": watch.report_url,
        **behind,
    }
    return {key: value for key, value in content.items() if value not in (None, [], "")}


def _people(connection: Connection, basis: Basis, month: Figures, movers: Sequence[store.Large], places: int) -> dict[str, Any]:
    """The month's largest movements, of the whole book like its bridge, and what the others come to: together they are its net new MRR.

    Where the bridge is in the reporting currency and movements are in their own, the others are counted alone.
    """
    flows = store.flows(connection, basis.version, month.first, month.until)
    alike = {each.currency: places if each.currency == month.code else None for each in movers}
    more = sum(moved for some in flows.values() for _, moved in some.values()) - len(movers)
    if more <= 0:
        return {"customers": _rows(movers, alike)}
    words = f"and {counted(more, 'more movement', 'more movements')}"
    if set(flows) == {month.code}:
        rest = sum(micros for micros, _ in flows[month.code].values()) - sum(m.after_micros - m.before_micros for m in movers)
        words += f": {signed_money(rest, month.currency, places)}"
    return {"customers": _rows(movers, alike), "customers_more": words}


def _short(connection: Connection, basis: Basis, first: date, until: date) -> tuple[dict[str, Any], str] | None:
    """Bridge and movers of some days, in each currency."""
    totals = snapshots.day_totals(connection, basis.version, first=first - timedelta(days=1), until=until)
    stands = {(row["currency"], row["day"]): int(row["net_micros"]) for row in totals.iter_rows(named=True)}
    flows = store.flows(connection, basis.version, first, until)
    own = sorted({currency for currency, _ in stands if ":" not in currency} | set(flows))
    movers = store.largest_movements(connection, basis.version, first, until, CUSTOMERS)
    rows: list[list[str]] = []
    heads = []
    places = {}
    for currency in own:
        opening = stands.get((currency, first - timedelta(days=1)), 0)
        closing = stands.get((currency, until - timedelta(days=1)), 0)
        mark = f" ({currency.upper()})" if len(own) > 1 else ""
        moved = flows.get(currency, {})
        theirs = (a for m in movers if m.currency == currency for a in (m.before_micros, m.after_micros))
        alike = places[currency] = places_alike([opening, closing, *(amount for amount, _ in moved.values()), *theirs], currency)
        rows.append([f"Opening{mark}", money(opening, currency, alike)])
        rows += [[kind.capitalize(), signed_money(moved[kind][0], currency, alike)] for kind in _KINDS if kind in moved]
        rows.append([f"Closing{mark}", money(closing, currency, alike)])
        heads.append(f"{money(closing, currency)} ({signed_money(closing - opening, currency)})")
    if not rows:
        return None
    number = {kind: sum(some[kind][1] for some in flows.values() if kind in some) for kind in _KINDS}
    lines = [counted(number[kind], f"movement of {kind}", f"movements of {kind}") for kind in _KINDS if number[kind]]
    more = sum(number.values()) - len(movers)
    rest = f"and {counted(more, 'more movement', 'more movements')}" if more > 0 else None
    return {"bridge": rows, "customers": _rows(movers, places), "customers_more": rest, "lines": lines}, ", ".join(heads)


def _rows(movers: Sequence[store.Large], places: Mapping[str, int | None]) -> list[dict[str, str]]:
    """Movements as a message lists them, each amount to its currency's places."""
    return [
        {
            "customer": m.customer,
            "before": money(m.before_micros, m.currency, places.get(m.currency)),
            "after": money(m.after_micros, m.currency, places.get(m.currency)),
            "delta": signed_money(m.after_micros - m.before_micros, m.currency, places.get(m.currency)),
            "why": m.kind,
        }
        for m in movers
    ]


def _newest(connection: Connection, basis: Basis, kind: str, until: date) -> Figures | None:
    """The newest complete window of the whole book that ends by a day, in the reporting currency where there is one."""
    rows = store.figures_since(connection, basis.version, kind, "", until - timedelta(days=900))
    found = [Figures.from_row({**row, "policy": basis.policy.version}) for row in rows]
    fit = [f for f in found if not f.incomplete and f.until <= until]
    whole = [f for f in fit if f.whole_book]
    return max(whole or fit, key=lambda f: (f.until, f.opening), default=None)


def _retention(whole: Figures | None, month: Figures | None) -> list[list[str]]:
    out = []
    for figures, names in ((whole, ("nrr", "grr", "logo_retention")), (month, ("nrr", "grr"))):
        for name in names if figures is not None else ():
            assert figures is not None
            value = metric(figures, name)
            if value is not None:
                window = "12 months" if figures.kind == "trailing_12" else f"{figures.first:%B}"
                out.append([f"{metric_name(name)}, {window}", value_text(name, Fraction(value), figures.currency)])
    return out


def _signals(connection: Connection, basis: Basis, day: date) -> list[list[str]]:
    """What announces itself: at risk, and cancellations that were asked for."""
    totals = snapshots.day_totals(connection, basis.version, first=day, until=day + timedelta(days=1))
    rows = list(totals.iter_rows(named=True))
    whole = [row for row in rows if BookCurrency.of(str(row["currency"])).whole_book] or rows
    out = []
    for row in whole:
        for name, column in (("At risk", "at_risk_micros"), ("Scheduled churn", "scheduled_micros")):
            if row[column]:
                out.append([name, money(int(row[column]), row["currency"])])
    return out


def _trend(connection: Connection, basis: Basis, until: date) -> dict[str, Any] | None:
    rows = store.figures_since(connection, basis.version, "month", "", until - timedelta(days=400))
    months = [Figures.from_row({**row, "policy": basis.policy.version}) for row in rows if not row["incomplete"]]
    newest = _newest(connection, basis, "month", until)
    if newest is None:
        return None
    same = [f for f in months if f.currency == newest.currency and f.until <= until][-13:]
    points = [[f"{f.first:%Y-%m}", str(f.closing)] for f in same]
    return {"title": "MRR", "unit": "micros", "currency": newest.currency, "points": points} if len(points) > 1 else None


def _firing(connection: Connection, watch: Watch) -> list[str]:
    states = store.states(connection).values()
    firing = [row for row in states if row.state == "firing"]
    noted = [_noted(row, watch) for row in states if row.state == "noted"]
    more = f"and {len(noted) - NOTED} more notes" if len(noted) > NOTED else ""
    notes = [*noted[:NOTED], *([more] if more else [])]
    if not firing:
        return ["No alert is firing.", *notes]
    names = ", ".join(f"{row.rule} {watch.called(row.segment) if row.segment else ''}".strip() for row in firing[:10])
    return [f"{counted(len(firing), 'alert is', 'alerts are')} firing: {names}.", *notes]


def _noted(row: store.AlertRow, watch: Watch) -> str:
    """What crossed a limit and may be chance."""
    shown = row.body.get("shown", {})
    name = f"{row.rule} {watch.called(row.segment) if row.segment else ''}".strip()
    value = shown.get("change") or shown.get("value") or "unknown"
    sure = verdict_in_short(shown) or "within noise"
    return f"Note: {name} is at {value} ({label_words(str(shown.get('window', '')))}), its limit {shown.get('limit', '')}: {sure}."
