"""What hangs on few customers, what is coming by known dates, and how the figures compare: three short sections."""

from collections import defaultdict
from typing import Final

from integrations.report.content import Block, Cell, Section, Stat, Stats, Table, Text
from metrics.alerts import advice
from metrics.evidence import Instant
from metrics.labels import SIGNALS, signal_name
from metrics.money import ratio_text
from metrics.periods import day_of
from metrics.retention.analysis.insight import benchmark
from metrics.retention.analysis.insight import concentration as concentrated
from metrics.retention.figures import SET_ASIDE, TOP, ratio
from metrics.window_kinds import ANNUAL, day_words
from worker.queries.outlook import Ahead
from worker.queries.outlook import outlook as ahead_of
from worker.report import numbers
from worker.report.customers import customer_cell
from worker.report.gather import Gathered, with_people

_STANDINGS: Final = {
    "below": "below what is called good",
    "good": "good",
    "great": "great",
    "world_class": "world-class",
}


def concentration(g: Gathered) -> Section | None:
    """How much hangs on the largest customers; None of a segment, of which nobody is ranked."""
    f = g.headline
    found = concentrated(f)
    if found.share_of_top is None or not g.is_whole:
        return None
    top = found.largest[:TOP]
    g = with_people(g, [d.customer for d in top])
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            customer_cell(g, d.customer, explained=False),
            numbers.amount(d.opening, g.currency),
            numbers.share(ratio_text(d.opening, f.opening)),
            numbers.amount(d.closing, g.currency),
            numbers.amount(d.change, g.currency, signed=True),
        )
        for d in top
    )
    members = f"{f.opening_customers:,} customers"
    stats = Stats(
        (
            Stat(
                f"Share of the {TOP} largest",
                numbers.rate(f, "concentration"),
                (f"of the opening's MRR; of {members}",),
                name="concentration",
            ),
            Stat("NRR", numbers.rate(f, "nrr"), ("with everybody",), name="concentration-nrr"),
            Stat(
                f"NRR without the {SET_ASIDE} largest",
                numbers.rate(f, "nrr_without_largest"),
                ("those at the opening",),
                name="without",
            ),
        )
    )
    columns = ("customer", "opening", "share", "end", "change")
    table = Table("largest", f"The largest at the opening of {g.headline_words}", columns, rows, frozenset({1, 2, 3, 4}))
    return Section("concentration", "Concentration", (stats, table), f"How much of {g.headline_words} hangs on few.")


def coming(g: Gathered) -> Section:
    """What known dates bring, within 30 and 90 days of the last night."""
    day = None
    if g.options.as_known_at is not None:
        day = day_of(Instant(int(g.options.as_known_at.timestamp())), g.session.basis.timezone)
    found = [a for a in ahead_of(g.session, day) if g.covers(a.currency)]
    if not found:
        words = (
            "No date that is known brings anything within 90 days."
            if g.is_whole
            else "What is coming is known of the whole book only."
        )
        return Section("coming", "What is coming", (Text((words,)),))
    horizons = sorted({a.within_days for a in found})
    table: dict[tuple[str, str], dict[int, Ahead]] = defaultdict(dict)
    for a in found:
        table[a.name, a.currency][a.within_days] = a
    order = list(SIGNALS)
    keys = sorted(table, key=lambda key: (order.index(key[0]) if key[0] in order else len(order), key[1]))
    several = len({currency for _, currency in keys}) > 1
    rows: list[tuple[Cell, ...]] = []
    for name, currency in keys:
        cells: list[Cell] = []
        for horizon in horizons:
            signal = table[name, currency].get(horizon)
            cells.append(numbers.amount(signal.micros if signal else None, currency))
            cells.append(numbers.whole(signal.customers if signal else None))
        words = signal_name(name)
        rows.append((f"{words}, {currency.upper()}" if several else words, *cells))
    columns = ["what", *(text for horizon in horizons for text in (f"within {horizon} days", "customers"))]
    lead = (
        f"By dates that are known on {day_words(found[0].day)}; nothing is forecast. A discount's end counts with what it adds, a renewal with what "
        "the customer stands at."
    )
    caption = "MRR that a known date concerns"
    return Section(
        "coming",
        "What is coming",
        (Table("coming", caption, tuple(columns), tuple(rows), frozenset(range(1, len(columns)))),),
        lead,
    )


def comparison(g: Gathered) -> Section | None:
    """Rules of thumb beside the year's NRR, and where most is to be gained; None for shorter windows and segments."""
    f = g.headline
    band = benchmark(f) if f.kind in ANNUAL and g.is_whole else None
    nrr = ratio(f, "nrr")
    if band is None or nrr is None:
        return None
    rows: tuple[tuple[Cell, ...], ...] = (
        ("good from", f"{band.good} %"),
        ("great from", f"{band.great} %"),
        ("world-class from", f"{band.world_class} %"),
        (f"NRR of {g.headline_words}", numbers.rate(f, "nrr")),
    )
    blocks: list[Block] = [
        Text((f"NRR of {numbers.rate(f, 'nrr').shown} is {_STANDINGS[band.standing]} for ARR {band.size}.",), "strong"),
        Table("benchmarks", f"NRR of a year, ARR {band.size}", ("rule of thumb", "NRR"), rows, frozenset({1}), last_is_total=True),
    ]
    lever = advice.lever_words(f)
    if lever:
        blocks.append(Text((f"Where most is to be gained: {lever[0].lower()}{lever[1:]}",)))
    if band.worth_a_look:
        blocks.append(
            Text(("NRR of 150 % and more is rather a young book or an error than a prize: have a second look.",), "warning")
        )
    notes = (
        (
            f"Rules of thumb as of {band.of:%B %Y}, from published glossaries of subscription metrics; no survey, and not of companies like yours. "
            "Sizes are in US dollars; other currencies are taken as they are."
        ),
    )
    return Section("benchmarks", "How it compares", (*blocks, Text(notes, "quiet")))
