"""`nrr show billings`: every invoiced cent in its class, and what part of it lies outside subscriptions."""

from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from worker.cli.common import Config, Context, Json, Now, money, opened, percent, put_json
from worker.cli.dates import day_of_text, until_of_text
from worker.cli.exit_codes import Exit, Stop

if TYPE_CHECKING:
    from worker.queries.billings import Billed, Billings, Party

SHOWN: Final = 5
"""So many customers stand behind the share."""


def billings(
    first: Annotated[str | None, typer.Option("--from", metavar="DATE", help="The first day (default: three months back).")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="The last day, which is part of the range.")] = None,
    by: Annotated[str, typer.Option("--by", metavar="class|customer|product", help="What amounts are shown by.")] = "class",
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Of this Stripe customer only.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many customers or products.")] = 20,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show every invoiced cent by class, and the share outside.

    The classes add up to Stripe's own totals; outside is what no subscription bills.
    """
    from metrics.periods import add_months
    from worker.queries.billings import BYS
    from worker.queries.billings import billings as billed
    from worker.runs.database import require_current

    if by not in BYS:
        raise Stop(f"--by takes one of {', '.join(BYS)}, not {by!r}", Exit.USAGE)
    with opened(json=json, now=now, config=config) as context:
        require_current(context.wiring.engine)
        until = until_of_text(last, "--to") if last else context.today + timedelta(days=1)
        begin = day_of_text(first, "--from") if first else add_months(until - timedelta(days=1), -2)
        if begin >= until:
            raise Stop(f"--from {begin} lies after --to {until - timedelta(days=1)}", Exit.USAGE)
        found = billed(context.session, begin, until, customer)
        if json:
            put_json(_data(found, context, by, limit))
            return
        if not found.wholes:
            context.say(f"nothing was billed from {begin} to {until - timedelta(days=1)}")
        _tables(found, context, by, limit)
        _notes(found, context)


# --- for people ---------------------------------------------------------------------------------------------------------------


def _tables(found: "Billings", context: Context, by: str, limit: int) -> None:
    span = f"{found.first} to {found.until - timedelta(days=1)}"
    open_end = " (the last day isn't over)" if found.until > context.today else ""
    if by == "class":
        for number, whole in enumerate(found.wholes):
            if number:
                context.lines("")
            _classes(found, whole, context, f"Billed in {whole.currency.upper()}, {span}{open_end}")
            _behind(whole, context)
            _customers([p for p in found.customers if p.currency == whole.currency and p.outside], whole, context)
        return
    parties = found.customers if by == "customer" else found.products
    _parties(parties, context, by, limit, f"Billed by {by}, {span}, before tax{open_end}")


def _classes(found: "Billings", whole: "Billed", context: Context, title: str) -> None:
    from metrics.billings.classes import BY_NAME, ORDER

    columns = [each for each in found.months if each.currency == whole.currency]
    shown = [*columns, *([whole] if len(columns) > 1 else [])]
    names = [*(_month(each.first, each.until) for each in columns), *(["all"] if len(columns) > 1 else [])]
    code = whole.currency

    def row(label: str, values: Sequence[str]) -> tuple[str, ...]:
        return (label, *values)

    rows = [
        row(BY_NAME[name].label, [money(each.amounts.get(name, 0), code) for each in shown])
        for name in ORDER
        if name in whole.amounts
    ]
    rows.append(row("total", [money(each.total, code) for each in shown]))
    rows.append(row("share outside", [_share(each.share.ratio) for each in shown]))
    rows += [
        row(f"apart: {BY_NAME[name].label}", [money(each.apart.get(name, 0), code) for each in shown])
        for name in ORDER
        if name in whole.apart
    ]
    context.table(("class", *names), rows, title=title, right=names)
    if "difference" in whole.amounts:
        context.say(
            "not accounted for: these invoices' totals have what no line of theirs says; whose: nrr export billings --out FILE"
        )


def _behind(whole: "Billed", context: Context) -> None:
    from metrics.billings.classes import MARKS

    if not whole.marks:
        return
    rows = [
        (
            MARKS.get(each.mark, each.mark) or "other",
            each.lines,
            money(each.micros, whole.currency),
            _share(_part(each.micros, whole)),
        )
        for each in whole.marks
    ]
    columns = ("beside subscriptions", "lines", "after discounts", "of all lines")
    context.lines("")
    context.table(columns, rows, right=columns[1:])


def _customers(parties: Sequence["Party"], whole: "Billed", context: Context) -> None:
    if not parties:
        return
    shown, rest = parties[:SHOWN], parties[SHOWN:]
    rows: list[tuple[object, ...]] = [
        (each.id or "(no customer)", money(each.outside, each.currency), _share(_part(each.outside, whole))) for each in shown
    ]
    columns = ("largest outside", "after discounts", "of all lines")
    context.lines("")
    context.table(columns, rows, right=columns[1:])
    if rest:
        context.lines(f"and {len(rest)} more: {money(sum(each.outside for each in rest), whole.currency)}")


def _parties(parties: Sequence["Party"], context: Context, by: str, limit: int, title: str) -> None:
    names = (
        {segment: name for (dimension, segment), name in context.names.items() if dimension == "product"} if by == "product" else {}
    )
    shown, rest = parties[:limit], parties[limit:]
    columns = (by, "currency", "subscriptions", "one-off", "outside", "all", "share outside")
    context.table(
        columns,
        [
            (
                names.get(p.id, p.id) or "(none)",
                p.currency.upper(),
                money(p.seen, p.currency),
                money(p.one_off, p.currency),
                money(p.outside, p.currency),
                money(p.billed, p.currency),
                _share(p.share),
            )
            for p in shown
        ],
        title=title,
        right=columns[2:],
    )
    for code in sorted({p.currency for p in rest}):
        mine = [p for p in rest if p.currency == code]
        context.lines(f"and {len(mine)} more: {money(sum(p.billed for p in mine), code)}")
    if by == "product":
        context.say("by product discounts are left in: Stripe takes them off lines or whole invoices")


def _notes(found: "Billings", context: Context) -> None:
    from metrics.billings.classes import BY_NAME, UNSEEN, UNSURE
    from metrics.billings.shares import sees

    for whole in found.wholes:
        part = sees(whole.share)
        if part is not None:
            context.say(f"nrr sees {_share(part)} of what you invoice in {whole.currency.upper()}")
        unsure = [f"{money(whole.amounts[n], whole.currency)} {BY_NAME[n].label}" for n in UNSURE if whole.amounts.get(n)]
        if unsure:
            context.say(f"whether it lies outside isn't known, and the share counts none of it as outside: {', '.join(unsure)}")
    if found.several_currencies:
        context.say(f"{len(found.several_currencies)} customers were billed in more than one currency; each stands apart")
    if found.untotalled:
        context.say(
            f"{found.untotalled} invoices were read by an older release, so what they come to isn't known; "
            "run: nrr backfill run --streams invoices"
        )
    context.say(UNSEEN)


def _month(first: date, until: date) -> str:
    from metrics.periods import add_months

    whole = first.day == 1 and until == add_months(first, 1)
    return f"{first:%Y-%m}" if whole else f"{first:%Y-%m} ({first.day}–{(until - timedelta(days=1)).day})"


def _part(micros: int, whole: "Billed") -> Fraction | None:
    return Fraction(micros, whole.share.everything) if whole.share.everything > 0 else None


def _share(ratio: Fraction | None) -> str:
    return percent(_text(ratio))


def _text(ratio: Fraction | None) -> str | None:
    from metrics.money import ratio_text

    return None if ratio is None else ratio_text(ratio.numerator, ratio.denominator)


def _number(ratio: Fraction | None) -> float | None:
    from worker.cli.json_rows import number

    return number(_text(ratio))


# --- for scripts --------------------------------------------------------------------------------------------------------------


def _data(found: "Billings", context: Context, by: str, limit: int) -> dict[str, Any]:
    from worker.cli.json_rows import days_row

    out: dict[str, Any] = {
        **days_row(found.first, found.until - timedelta(days=1)),
        "by": by,
        "incomplete": found.until > context.today,
        "months": [_billed_row(each) for each in found.months],
        "currencies": [_billed_row(each) for each in found.wholes],
        "untotalled_invoices": found.untotalled,
        "customers_with_several_currencies": list(found.several_currencies),
    }
    if by != "class":
        parties = found.customers if by == "customer" else found.products
        names = context.names if by == "product" else {}
        out[f"{by}s"] = [_party_row(each, by, names) for each in parties[:limit]]
        out["more"] = len(parties[limit:])
    else:
        outside = [each for each in found.customers if each.outside]
        out["largest_outside"] = [_party_row(each, "customer", {}) for each in outside[:limit]]
        out["more"] = len(outside[limit:])
    return out


def _billed_row(each: "Billed") -> dict[str, Any]:
    from metrics.billings.shares import sees
    from worker.cli.json_rows import amount, days_row

    code = each.currency
    return {
        "currency": code,
        **days_row(each.first, each.until - timedelta(days=1)),
        "classes": {name: {**amount("amount", micros, code), "lines": each.lines[name]} for name, micros in each.amounts.items()},
        **amount("total", each.total, code),
        "apart": {name: {**amount("amount", micros, code), "invoices": each.lines[name]} for name, micros in each.apart.items()},
        "outside_share": _number(each.share.ratio),
        "seen_share": _number(sees(each.share)),
        **amount("outside", each.share.outside, code),
        **amount("invoiced", each.share.everything, code),
        "beside_subscriptions": [{"mark": m.mark, "lines": m.lines, **amount("amount", m.micros, code)} for m in each.marks],
    }


def _party_row(each: "Party", by: str, names: Any) -> dict[str, Any]:
    from worker.cli.json_rows import amounts

    name = names.get(("product", each.id))
    named = {"product_name": name, "name": name} if by == "product" else {}
    sums = {
        "of_subscriptions": each.seen,
        "subscriptions": each.seen,
        "one_off": each.one_off,
        "outside": each.outside,
        "billed": each.billed,
    }
    return {
        by: each.id,
        **named,
        "currency": each.currency,
        **amounts(sums, each.currency),
        "lines": each.lines,
        "outside_share": _number(each.share),
    }
