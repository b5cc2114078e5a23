"""`nrr compare`: the bridge between two policies at a date, with the customers and the rule behind each difference."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.common import Config, Context, Json, Now, money, opened, percent, put_json
from worker.cli.dates import closing_of_text
from worker.cli.people import people
from worker.cli.require_ledger import ready

if TYPE_CHECKING:
    from metrics.ledger.basis import Basis
    from metrics.ledger.policy_bridge import Bridge, Difference, Total
    from metrics.retention.figures import Figures

SHOWN = 20
"""So many customers are printed for each currency; `--json` has all of them."""


def compare(
    ours: Annotated[str, typer.Argument(metavar="POLICY", help="default, stripe, chartmogul or profitwell.")],
    theirs: Annotated[str, typer.Argument(metavar="POLICY", help="The one that it is compared with.")],
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="At this day's closing (default: today).")] = None,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Show how MRR under one policy becomes that under another: rule by rule, customer by customer, to the last cent."""
    from worker.queries.policies import policy_bridge

    with opened(json=json, now=now, config=config) as context:
        one, other = context.loaded.settings.basis(ours), context.loaded.settings.basis(theirs)
        ready(context)
        day = closing_of_text(at, "--at", context.today) if at else context.today
        bridge = policy_bridge(context.session, one, other, day)
        rates = _rates(context, [one, other])
        if json:
            put_json({**_row(bridge), "retention": _rates_row(rates)})
        else:
            _tell(context, bridge, rates)


def _row(bridge: "Bridge") -> dict[str, Any]:
    from worker.cli.json_rows import amounts

    return {
        "day": bridge.day,
        "at": bridge.day,
        "policies": [bridge.ours, bridge.theirs],
        "rules": [{"choice": r.choice, "ours": r.ours, "theirs": r.theirs} for r in bridge.rules],
        "totals": [
            {
                "currency": t.currency,
                **amounts(
                    {"ours": t.ours_micros, "theirs": t.theirs_micros, "difference": t.theirs_micros - t.ours_micros}, t.currency
                ),
                "customers": t.customers,
            }
            for t in bridge.totals
        ],
        "shares": [
            {
                "choice": s.rule.choice,
                "currency": s.currency,
                **amounts({"difference": s.delta_micros}, s.currency),
                "customers": s.customers,
            }
            for s in bridge.shares
        ],
        "customers": [
            {
                "customer": d.customer,
                "currency": d.currency,
                **amounts({"ours": d.ours_micros, "theirs": d.theirs_micros, "difference": d.delta_micros}, d.currency),
                "rules": [{"choice": choice, **amounts({"difference": micros}, d.currency)} for choice, micros in d.shares],
            }
            for d in bridge.differences
        ],
    }


def _rates(context: Context, bases: "Sequence[Basis]") -> "list[list[Figures]]":
    """Retention of the last complete month and twelve months under each of the bases, of the whole book or of the only currency; a ledger
    that isn't there yet is derived and kept, as `--policy` does. Nothing where there are several currencies and none to report in."""
    from worker.queries.figures import last_complete, retention
    from worker.queries.session import has_ledger
    from worker.runs import refresh

    windows = [window for window in last_complete(context.session) if window.kind != "quarter"]
    out = []
    for basis in bases:
        session = context.session.under(basis)
        if not has_ledger(session):
            context.say(f"deriving the ledger under the policy {basis.policy.name} …")
            context.finished(refresh.derive(context.wiring.under(basis), rebuild=True, basis=basis))
        made = retention(session, windows)
        whole = [f for f in made if f.whole_book]
        out.append(whole or (made if len({f.currency for f in made}) == 1 else []))
    return out


def _rates_row(rates: "list[list[Figures]]") -> list[dict[str, Any]]:
    from worker.cli.figure_rows import figures_row
    from worker.cli.stored_figures import window_of

    return [
        {**window_of(ours), "ours": figures_row(ours), "theirs": figures_row(theirs)} for ours, theirs in zip(*rates, strict=False)
    ]


def _tell(context: Context, bridge: "Bridge", rates: "list[list[Figures]]") -> None:
    from metrics.ledger.choice_words import switch_words

    context.lines(f"MRR at the closing of {bridge.day}, from the policy {bridge.ours} to {bridge.theirs}", "")
    _tell_rates(context, bridge, rates)
    if not bridge.rules:
        context.lines("the two agree about every rule that changes MRR")
        return
    said = {rule.choice: switch_words(rule.choice, rule.ours, rule.theirs) for rule in bridge.rules}
    if not _tell_together(context, bridge, said):
        for total in bridge.totals:
            _tell_currency(context, bridge, total, said)


def _tell_rates(context: Context, bridge: "Bridge", rates: "list[list[Figures]]") -> None:
    from metrics.retention.figures import rates as rates_of
    from worker.cli.stored_figures import label

    rows = []
    for ours, theirs in zip(*rates, strict=False):
        one, other = rates_of(ours), rates_of(theirs)
        cells = (percent(side[rate]) for rate in ("nrr", "grr") for side in (one, other))
        rows.append((label(ours), *cells))
    if rows:
        columns = ("window", f"NRR {bridge.ours}", f"NRR {bridge.theirs}", f"GRR {bridge.ours}", f"GRR {bridge.theirs}")
        context.table(columns, rows, right=columns[1:])
        context.lines("")


def _tell_together(context: Context, bridge: "Bridge", said: Mapping[str, str]) -> bool:
    """The whole bridge in the reporting currency at the day's rates. False where there is none, or something has no rate."""
    from worker.cli.json_rows import code_of
    from worker.queries.rates import worth_in

    amounts = [
        *((t.currency, t.ours_micros) for t in bridge.totals),
        *((s.currency, s.delta_micros) for s in bridge.shares),
        *((d.currency, micros) for d in bridge.differences for micros in (d.ours_micros, d.theirs_micros)),
    ]
    found = worth_in(context.session, bridge.day, amounts)
    if found is None or None in found[1]:
        return False
    label, worths = found[0], iter([micros or 0 for micros in found[1]])
    ours = sum(next(worths) for _ in bridge.totals)
    shares: dict[str, list[int]] = {}
    for share in bridge.shares:
        summed = shares.setdefault(share.rule.choice, [0, 0])
        summed[0], summed[1] = summed[0] + next(worths), summed[1] + share.customers
    rows: list[tuple[object, ...]] = [(bridge.ours, money(ours, label), "")]
    rows += [(said[choice], money(micros, label), customers) for choice, (micros, customers) in shares.items()]
    theirs = ours + sum(micros for micros, _ in shares.values())
    rows.append((bridge.theirs, money(theirs, label), f"{sum(t.customers for t in bridge.totals)} differ"))
    context.table((f"all in {code_of(label).upper()}", "MRR", "customers"), rows, right=("MRR", "customers"))
    people_rows = [(d, next(worths), next(worths)) for d in bridge.differences]
    _tell_customers(
        context, bridge, [(d, a, b, label) for d, a, b in sorted(people_rows, key=lambda r: (-abs(r[2] - r[1]), r[0].customer))]
    )
    return True


def _tell_currency(context: Context, bridge: "Bridge", total: "Total", said: Mapping[str, str]) -> None:
    rows: list[tuple[object, object, object]] = [(bridge.ours, money(total.ours_micros, total.currency), "")]
    rows += [
        (said[s.rule.choice], money(s.delta_micros, s.currency), s.customers) for s in bridge.shares if s.currency == total.currency
    ]
    rows.append((bridge.theirs, money(total.theirs_micros, total.currency), f"{total.customers} differ"))
    context.table((total.currency.upper(), "MRR", "customers"), rows, right=("MRR", "customers"))
    mine = [(d, d.ours_micros, d.theirs_micros, d.currency) for d in bridge.differences if d.currency == total.currency]
    _tell_customers(context, bridge, mine)
    context.lines("")


def _tell_customers(context: Context, bridge: "Bridge", rows: "Sequence[tuple[Difference, int, int, str]]") -> None:
    from metrics.ledger.choice_words import choice_words

    if not rows:
        return
    who = people(context, [d.customer for d, *_ in rows[:SHOWN]])
    context.table(
        (*who.columns, bridge.ours, bridge.theirs, "difference", "because of"),
        [
            (
                *who.cells(d.customer),
                money(ours, currency),
                money(theirs, currency),
                money(theirs - ours, currency),
                ", ".join(choice_words(choice) for choice, _ in d.shares),
            )
            for d, ours, theirs, currency in rows[:SHOWN]
        ],
        right=(bridge.ours, bridge.theirs, "difference"),
    )
    if len(rows) > SHOWN:
        context.lines(f"and {len(rows) - SHOWN} more (--json)")
