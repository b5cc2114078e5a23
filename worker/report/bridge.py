"""The bridge of the whole book as a waterfall, the causes behind its lines, and who moved the period's retention, explained."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

from integrations.report import charts
from integrations.report.content import Block, Cell, Chart, Charts, Explanations, Lines, Section, Table, Text
from metrics.labels import INFERRED, cause_name
from metrics.money import MICROS_PER_MAJOR, ratio_text
from metrics.number_words import currency_name, money, signed_money
from metrics.retention.analysis.customers_behind import KINDS as FLOWS
from metrics.retention.analysis.insight import Driver, drivers
from metrics.retention.figures import TOP, Figures
from worker.queries.customers import explained
from worker.queries.figures import explained as figure_explained
from worker.queries.movements import inferred, movements
from worker.report import numbers
from worker.report.customers import arithmetic, customer_cell
from worker.report.gather import Gathered, with_people

_LINES: Final = {
    "opening": "Opening",
    "new": "New",
    "reactivation": "Returned",
    "expansion": "Expansion",
    "contraction": "Contraction",
    "churn": "Churn",
    "fx": "Exchange",
    "closing": "Closing",
}
_MEANT: Final = {
    "opening": "MRR as the period began",
    "new": "customers that never had MRR before",
    "reactivation": "customers that had left and came back",
    "expansion": "customers that pay more",
    "contraction": "customers that pay less and stay",
    "churn": "customers that pay nothing any more",
    "fx": "standing MRR at other exchange rates",
    "closing": "MRR as the period ended",
}
_SIGNS: Final = {"contraction": -1, "churn": -1}
_ORDER: Final = ("new", "reactivation", "expansion", "contraction", "churn")
_NEWCOMERS: Final = 10
_EXPLAINED_STEPS: Final = 40
"""So many movements of one customer are explained in a file; the rest is in the window and on the command line."""


def bridge(g: Gathered) -> Section:
    """From opening to closing, and which causes made it."""
    f, before = g.now, g.earlier
    lines = f.bridge()
    shown = {name: micros for name, micros in lines.items() if micros or name in ("opening", "closing", "new", "churn")}
    bars = [
        charts.Bar(_LINES[name], micros / MICROS_PER_MAJOR, numbers.compact(micros, signed=not _is_end(name)), _is_end(name))
        for name, micros in shown.items()
    ]
    cut = "" if charts.begins_at_zero(bars) else "the bars of opening and closing are cut at the bottom"
    code = currency_name(f.currency)
    alt = f"MRR bridge of {g.period_words}: " + ", ".join(f"{_LINES[n].lower()} {_shown(n, m, f)}" for n, m in shown.items()) + "."
    chart = Chart(f"MRR, {code}, {g.period_words}", alt, charts.waterfall(bars), charts.waterfall(bars, upright=False), cut)
    columns = ["line", g.period_words, "of the opening"]
    rows: list[tuple[Cell, ...]] = []
    for name, micros in shown.items():
        share = None if not lines["opening"] or _is_end(name) else numbers.share(Fraction(micros, lines["opening"]))
        row: list[Cell] = [Lines((_LINES[name], _MEANT[name])), _number(name, micros, f), share or ""]
        if before is not None:
            row.append(_number(name, before.bridge()[name], before))
        rows.append(tuple(row))
    if before is not None:
        columns.append(f"the {before.kind} before" if before.kind != "custom" else "just before")
    table = Table("bridge", "From opening to closing", tuple(columns), tuple(rows), frozenset(range(1, len(columns))))
    blocks: list[Block] = [Charts((chart,), "large"), table, *_inferred(g), *_causes(g)]
    lead = f"The MRR of all customers, with those that came in {g.period_words}. Losses are of whoever left or pays less, whenever they came."
    return Section("bridge", "From opening to closing", tuple(blocks), lead)


def movers(g: Gathered) -> Section:
    """Who moved the period's retention and who came, each explained."""
    all_lost, all_gained = _cohort(g)
    lost, gained = all_lost[:TOP], all_gained[:TOP]
    moved = movements(g.session, g.period.first, g.period.until)
    rows = [row for row in moved.iter_rows(named=True) if g.covers(row["currency"])]
    by_customer: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_customer[row["customer"]].append(row)
    new = sorted(
        (row for row in rows if g.is_whole and row["kind"] in ("new", "reactivation")),
        key=lambda r: (-r["delta_micros"], r["customer"]),
    )
    newcomers = _largest_of_each_currency(new)
    named = list(dict.fromkeys([*(d.customer for d in (*lost, *gained)), *(row["customer"] for row in newcomers)]))
    g = with_people(g, named)
    why = [] if g.options.in_window else _explanations(g, named)
    known = {each for each, _ in why}
    blocks: list[Block] = []
    for title, name, every, whole in (
        ("Lost", "lost", all_lost, -(g.now.contraction + g.now.churn)),
        ("Gained", "gained", all_gained, g.now.expansion),
    ):
        if every:
            blocks.append(_movers_table(g, title, name, every, whole, by_customer, known))
    if newcomers:
        blocks.append(_newcomers_table(g, newcomers, len(new), known))
    if len(blocks) == 0:
        blocks.append(Text((f"Nobody's MRR moved in {g.period_words}.",)))
    if why:
        blocks.append(Explanations("Why, down to Stripe's objects", tuple(each for _, each in why)))
    lead = (
        f"The customers behind NRR, GRR and logo retention of {g.period_words}, by what they had at its beginning and at its end"
        + (", at the opening's exchange rates." if g.now.whole_book else ".")
    )
    return Section("movers", "Who moved it", tuple(blocks), lead)


# --- parts --------------------------------------------------------------------------------------------------------------------


def _is_end(name: str) -> bool:
    return name in ("opening", "closing")


def _shown(name: str, micros: int, f: Figures) -> str:
    return money(micros, f.currency) if _is_end(name) else signed_money(micros, f.currency)


def _number(name: str, micros: int, f: Figures) -> Cell:
    return numbers.amount(micros, f.currency, signed=not _is_end(name), tone="total" if _is_end(name) else "plain")


def _inferred(g: Gathered) -> list[Block]:
    """How much of it is dated at its first evidence only, so that a first read's spike isn't taken for one of the time."""
    parts = inferred(g.session, g.period.first, g.period.until, g.currency) if g.is_whole else {}
    if not parts:
        return []
    said = ", ".join(f"{_LINES[kind].lower()} {money(parts[kind], g.currency)}" for kind in _ORDER if kind in parts)
    return [Text((f"Of the movements of {g.period_words}, {INFERRED}: {said}.",), "quiet")]


def _causes(g: Gathered) -> list[Block]:
    """What each line of the bridge is made of."""
    found = drivers(g.now).causes
    if not found:
        return []
    ordered = sorted(found, key=lambda c: (_ORDER.index(c.kind) if c.kind in _ORDER else len(_ORDER), -c.micros, c.cause))
    rows = tuple(
        (
            f"{_LINES.get(c.kind, c.kind.capitalize())}: {cause_name(c.cause)}",
            numbers.amount(_SIGNS.get(c.kind, 1) * abs(c.micros), g.currency, signed=True),
            numbers.whole(c.movements),
            numbers.share(c.share),
        )
        for c in ordered
    )
    columns = ("cause", "MRR", "movements", "of the opening")
    return [Table("causes", "What caused it", columns, rows, frozenset({1, 2, 3}))]


def _movers_table(
    g: Gathered,
    title: str,
    name: str,
    every: Sequence[Driver],
    whole: int,
    by_customer: dict[str, list[dict[str, Any]]],
    known: set[str],
) -> Table:
    some = every[:TOP]
    rows = tuple(
        (
            customer_cell(g, d.customer, explained=d.customer in known),
            numbers.amount(d.opening, g.currency),
            numbers.amount(d.closing, g.currency),
            numbers.amount(d.change, g.currency, signed=True),
            numbers.share(d.share),
            _causes_of(by_customer.get(d.customer, ()), lost=name == "lost"),
        )
        for d in some
    )
    columns = ("customer", "opening", "end", "change", "of the opening", "cause")
    rest = whole - sum(d.change for d in some)
    more = ""
    if rest:
        known_all = whole == sum(d.change for d in every)
        how_many = f"{len(every) - len(some):,} more" if known_all else "others"
        more = f"and {how_many}: {signed_money(rest, g.currency)}"
    return Table(name, title, columns, rows, frozenset({1, 2, 3, 4}), more=more)


def _cohort(g: Gathered) -> tuple[Sequence[Driver], Sequence[Driver]]:
    """Who lost and who gained between the period's ends, largest first, and all of them: from the ledger as it stands, where that makes
    the figures that are shown; else (as known at an instant that is past) the largest that were kept with them."""
    dimension, segment = g.options.segment or ("", "")
    if g.options.as_known_at is None:
        found = next(
            (
                e
                for e in figure_explained(g.session, g.period, dimension=dimension, segment=segment)
                if e.figure.currency == g.currency
            ),
            None,
        )
        if found is not None and all(getattr(found.figure, name) == getattr(g.now, name) for name in ("opening", *FLOWS)):
            moved = [
                Driver(p.customer, p.opening, p.end, ratio_text(p.change, g.now.opening))
                for some in found.parts.values()
                for p in some
            ]
            ordered = sorted(moved, key=lambda d: (-abs(d.change), d.customer))
            return [d for d in ordered if d.change < 0], [d for d in ordered if d.change > 0]
    kept = drivers(g.now)
    return kept.lost, kept.gained


def _causes_of(rows: Sequence[dict[str, Any]], *, lost: bool) -> str:
    """The causes of a customer's movements of one direction, the largest first; of the other one, if there are none of it."""
    mine = [r for r in rows if (r["delta_micros"] < 0) == lost] or list(rows)
    ordered = sorted(mine, key=lambda r: (-abs(r["delta_micros"]), r["day"]))
    words = [cause_name(r["cause"]) + (" (inferred)" if r["inferred"] else "") for r in ordered]
    return ", ".join(dict.fromkeys(words)) or "no movement of its own"


def _largest_of_each_currency(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    seen: dict[str, int] = defaultdict(int)
    for row in rows:
        seen[row["currency"]] += 1
        if seen[row["currency"]] <= (_NEWCOMERS if len({r["currency"] for r in rows}) == 1 else _NEWCOMERS // 2):
            out.append(row)
    return sorted(out, key=lambda r: (r["currency"], -r["delta_micros"], r["customer"]))


def _newcomers_table(g: Gathered, rows: Sequence[dict[str, Any]], whole: int, known: set[str]) -> Table:
    shown = tuple(
        (
            customer_cell(g, row["customer"], explained=row["customer"] in known),
            f"{row['day']}",
            "new" if row["kind"] == "new" else "returned",
            numbers.amount(row["delta_micros"], row["currency"], signed=True),
        )
        for row in rows
    )
    more = f"and {whole - len(rows):,} more, all in the bridge under new and returned" if whole > len(rows) else ""
    return Table("arrived", "New and returned", ("customer", "day", "what", "MRR"), shown, frozenset({3}), more=more)


def _explanations(g: Gathered, customers: Sequence[str]) -> list[tuple[str, Any]]:
    """Each customer's movements of the period, explained from the evidence, in the order in which they are named."""
    first, until = g.period.first.isoformat(), g.period.until.isoformat()
    made = {}
    for each in explained(g.session, customers):
        mine = [m for m in each.movements if first <= m.date < until][:_EXPLAINED_STEPS]
        if mine:
            made[each.ledger.customer] = arithmetic(g, each.ledger.customer, mine)
    return [(customer, made[customer]) for customer in customers if customer in made]
