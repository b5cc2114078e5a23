"""What a message says, as plain data: title, sentence, bridge, customers, causes, chart, and what to do next.

The same content makes a Slack message and a mail. It is stored with the change of state, so it says what was known then. Customers are
named by their ids here; names are put in when it is sent, if somebody wants that. No markup, no escaping.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any, Final

from metrics.alerts.advice import benchmark_words, lever_words
from metrics.alerts.certainty_words import verdict_in_short
from metrics.alerts.evaluate import Reading
from metrics.alerts.grouping import Notice
from metrics.alerts.headlines import MOVED, sentences, value_of
from metrics.alerts.rules import (
    BAD_WHEN_HIGH,
    DRIFT,
    FRESHNESS,
    IDENTITY,
    QUARANTINE,
    AnyRule,
    MovementRule,
    Rule,
    SystemRule,
    Watch,
)
from metrics.alerts.states import Event
from metrics.labels import cause_name, change_text, label_words, metric_name, short_label, value_text
from metrics.money import MICROS_PER_MAJOR, ratio_text
from metrics.number_words import counted, decimal, duration, money, places_alike, signed_money
from metrics.periods import Window
from metrics.retention.analysis.certainty import WITH_INTERVAL, interval
from metrics.retention.figures import METRICS, TOP, UNITS, Figures, metric
from metrics.window_kinds import WINDOW_KINDS

CUSTOMERS: Final = 5
LISTED: Final = 12
"""So many alerts are named in one message; the count is of all."""

Content = dict[str, Any]


def content(notice: Notice, watch: Watch) -> Content:
    """The message of a notice. Keys: kind, title, summary, facts, bridge, customers, causes, lever, benchmark, chart, also, notes,
    commands, link; those that have nothing to say are left out."""
    rules = watch.named()
    lead = notice.lead
    rule = rules[lead.alert.rule]
    if notice.kind == "many":
        return _tidy(_many(notice, watch))
    title, summary = sentences(lead, rule, watch)
    out: Content = {"kind": notice.kind, "title": title, "summary": summary, "link": watch.report_url}
    out["follows"] = notice.follows
    if isinstance(rule, MovementRule):
        out |= _of_movements(notice, rule)
    elif isinstance(rule, SystemRule):
        out["notes"] = list(lead.reading.details[:LISTED]) if lead.reading else []
    elif notice.kind != "resolved" and lead.reading is not None:
        out |= _of_figures(lead.reading, rule, watch)
    elif lead.reading is not None:
        out |= {"facts": _facts(lead.reading, rule), "chart": _chart(lead.reading, rule, watch)}
    out["notes"] = [*out.get("notes", ()), *_restatement(lead, rule), *_still(notice, watch), *_asides(notice, watch)]
    if not isinstance(rule, MovementRule):
        out["also"] = _listed([_in_short(e, rules[e.alert.rule], watch) for e in notice.events[1:]])
    if notice.kind != "resolved":
        out["commands"] = _commands(notice, out)
    return _tidy(out)


def shown(reading: Reading, rule: AnyRule) -> dict[str, Any]:
    """What a list of alerts and their history show of the figures behind one."""
    out: dict[str, Any] = {"window": reading.window, "verdict": reading.verdict, "why": reading.why}
    if reading.certainty is not None:
        out["certainty"] = reading.certainty
    if reading.value is None:
        return out
    if isinstance(rule, SystemRule):
        seconds = rule.name == FRESHNESS
        value, limit = int(reading.value), rule.limit
        return out | {"value": duration(value) if seconds else f"{value:,}", "limit": duration(limit) if seconds else f"{limit:,}"}
    assert isinstance(rule, Rule)
    out["value"] = value_text(rule.metric, reading.value, reading.currency, apart_from=rule.limit if rule.change is None else None)
    if rule.change is None:
        return out | {"limit": f"{rule.side} {value_text(rule.metric, rule.limit, reading.currency)}"}
    verb = "falls by" if rule.side == "below" else "rises by"
    if rule.change.unit == "spreads":
        verb = f"unusually {'low' if rule.side == 'below' else 'high'}, by"
    out["limit"] = f"{verb} {change_text(rule.change.unit, rule.metric, rule.limit, reading.currency)}"
    if reading.measure is not None:
        sign = "+" if reading.measure > 0 else "\N{MINUS SIGN}" if reading.measure < 0 else ""
        out["change"] = sign + change_text(rule.change.unit, rule.metric, reading.measure, reading.currency)
    return out


def named(content: Content, names: Mapping[str, str]) -> Content:
    """The same with customers' names beside their ids, where they are known."""
    known = {c["customer"]: names[c["customer"]] for c in content.get("customers", ()) if names.get(c["customer"])}
    if not known:
        return content
    people = [{**c, "name": known[c["customer"]]} if c["customer"] in known else c for c in content["customers"]]
    out = {**content, "customers": people}
    if len(known) == 1 and len(people) == 1:
        ((customer, name),) = known.items()
        out |= {key: content[key].replace(customer, name) for key in ("title", "summary") if key in content}
    return out


def linked(content: Content, addresses: Mapping[str, str]) -> Content:
    """The same with the address of each customer's page, where it has one."""
    rows = content.get("customers", ())
    if not any(c["customer"] in addresses for c in rows):
        return content
    return {**content, "customers": [c | ({"url": addresses[c["customer"]]} if c["customer"] in addresses else {}) for c in rows]}


def _tidy(content: Content) -> Content:
    return {name: value for name, value in content.items() if value not in (None, [], "", {})}


def _in_short(event: Event, rule: AnyRule, watch: Watch) -> str:
    """One of several in a message: its title, with its verdict where it has one of its own."""
    title, _ = sentences(event, rule, watch)
    sure = verdict_in_short(shown(event.reading, rule)) if event.reading is not None and event.kind != "resolved" else ""
    return f"{title}: {sure}" if sure else title


def _listed(lines: Sequence[str]) -> list[str]:
    more = len(lines) - LISTED
    return [*lines[:LISTED], *([f"and {more} more"] if more > 0 else [])]


# --- what stands behind it -------------------------------------------------------------------------------------------------------


def _of_figures(reading: Reading, rule: Rule, watch: Watch) -> Content:
    figures = reading.figures
    assert figures is not None
    places = places_of(figures, reading.before)
    return {
        "facts": _facts(reading, rule),
        "bridge": bridge(figures, reading.before, of_cohort=_of_cohort(rule), places=places) if figures.kind != "day" else [],
        "customers": customers(figures, rising=not _loses(rule), places=places),
        "customers_more": customers_more(figures, rising=not _loses(rule), places=places) if _of_cohort(rule) else None,
        "causes": causes(figures, _loses(rule), places) if _same_set(figures, rule) else [],
        "lever": lever_words(figures) if figures.kind != "day" else None,
        "benchmark": benchmark_words(figures) if rule.metric == "nrr" else None,
        "chart": _chart(reading, rule, watch),
    }


def _loses(rule: Rule) -> bool:
    return rule.side == "below" or rule.metric in BAD_WHEN_HIGH


def _of_cohort(rule: Rule) -> bool:
    """Whether the metric is of the opening cohort by end points."""
    return METRICS[rule.metric].whose == "cohort"


def _same_set(figures: Figures, rule: Rule) -> bool:
    """Whether the causes, which are of the whole book's movements, are of the very customers and amounts that the bridge is of.

    A year's churn of those who came within it is no part of a cohort's; then the bridge and the customers speak alone.
    """
    if not _of_cohort(rule):
        return True
    named = sum(abs(int(c["micros"])) for c in figures.companions.get("causes", []) if c["kind"] in ("churn", "contraction"))
    return _of_one_set(figures) and (named == figures.churn + figures.contraction or not _loses(rule))


def _of_one_set(figures: Figures) -> bool:
    """Whether all movements of the window are those of its opening cohort, amount for amount: nobody came and moved, no rate changed."""
    flow = {kind: figures.companion(f"flow_{kind}") for kind in ("expansion", "contraction", "churn")}
    arrivals = any(figures.companion(f"arrivals_{kind}") for kind in flow)
    return not arrivals and all(flow[kind] == getattr(figures, kind) for kind in flow)


def _facts(reading: Reading, rule: Rule) -> list[list[str]]:
    figures = reading.figures
    if figures is None or reading.value is None:
        return []
    out = []
    for other in ("nrr", "grr", "logo_retention"):
        value = metric(figures, other) if figures.kind != "day" else None
        if value is not None and other != rule.metric:
            out.append([metric_name(other), value_text(other, Fraction(value), reading.currency)])
    if figures.kind == "day":
        return [["MRR", money(figures.closing, figures.currency)], ["Customers", f"{figures.closing_customers:,}"]]
    return [*out, ["Customers", f"{figures.retained_customers:,} of {figures.opening_customers:,} stayed"]]


def places_of(figures: Figures, before: Figures | None = None, others: Iterable[int] = ()) -> int:
    """To how many places a message writes the amounts of its bridge, customers and causes, and others that stand with them: all alike,
    so that they can be added up."""
    amounts = list(others)
    for each in (figures, before):
        if each is not None:
            amounts += [*_lines(each, of_cohort=True).values(), *_lines(each, of_cohort=False).values()]
    for name in ("lost", "gained"):
        amounts += [c[end] for c in figures.companions.get(name, [])[:CUSTOMERS] for end in ("opening", "closing")]
    amounts += [int(c["micros"]) for c in figures.companions.get("causes", [])]
    return places_alike(amounts, figures.currency)


def bridge(
    figures: Figures, before: Figures | None = None, *, of_cohort: bool = False, places: int | None = None
) -> list[list[str]]:
    """Lines from opening to closing, with those of an earlier window beside them. Lines of nothing at all are left out."""
    places = places_of(figures, before) if places is None else places
    code = figures.currency
    now = _lines(figures, of_cohort=of_cohort)
    then = _lines(before, of_cohort=of_cohort) if before is not None else {}
    out = []
    for name, micros in now.items():
        ends = name in ("Opening", "Closing", "End of the cohort")
        if not ends and micros == 0 and not then.get(name):
            continue
        row = [name, money(micros, code, places) if ends else signed_money(micros, code, places)]
        if before is not None:
            row.append(money(then[name], code, places) if ends else signed_money(then[name], code, places))
        out.append(row)
    return out


def _lines(figures: Figures, *, of_cohort: bool) -> dict[str, int]:
    if of_cohort:
        return {
            "Opening": figures.opening,
            "Expansion": figures.expansion,
            "Contraction": -figures.contraction,
            "Churn": -figures.churn,
            "End of the cohort": figures.closing_of_cohort,
        }
    return {"Exchange rates" if name == "fx" else name.capitalize(): micros for name, micros in figures.bridge().items()}


def customers(figures: Figures, *, rising: bool = False, places: int | None = None) -> list[dict[str, str]]:
    """The customers that moved the window most, as ids with amounts. Known of the whole book only."""
    places = places_of(figures) if places is None else places
    listed = figures.companions.get("gained" if rising else "lost", [])[:CUSTOMERS]
    return [
        {
            "customer": str(c["customer"]),
            "before": money(c["opening"], figures.currency, places),
            "after": money(c["closing"], figures.currency, places),
            "delta": signed_money(c["closing"] - c["opening"], figures.currency, places),
        }
        for c in listed
    ]


def customers_more(figures: Figures, *, rising: bool = False, places: int | None = None) -> str | None:
    """What the list of customers leaves out, so that it adds up to the cohort's losses (or gains): `and 12 more: −1,250 USD`.

    Figures hold the largest alone; how many there are in all is the companion `members_behind`, where somebody counted them.
    """
    kept = figures.companions.get("gained" if rising else "lost", [])
    whole = figures.expansion if rising else -(figures.contraction + figures.churn)
    rest = whole - sum(c["closing"] - c["opening"] for c in kept[:CUSTOMERS])
    if not kept or rest == 0:
        return None
    behind = figures.companions.get("members_behind", {}).get("gained" if rising else "lost")
    amount = signed_money(rest, figures.currency, places_of(figures) if places is None else places)
    count = (behind or len(kept)) - len(kept[:CUSTOMERS])
    if behind is not None or len(kept) < TOP:
        return f"and {count} more: {amount}" if count else None
    return f"and at least {count} more: {amount}"


def causes(figures: Figures, losing: bool, places: int | None = None) -> list[list[str]]:
    """The causes behind the window's movements, the largest first: name, amount, how many."""
    wanted = ("churn", "contraction") if losing else ("expansion", "new", "reactivation")
    found = [c for c in figures.companions.get("causes", []) if c["kind"] in wanted]
    found.sort(key=lambda c: (-abs(c["micros"]), c["kind"], c["cause"]))
    sign = -1 if losing else 1
    places = places_of(figures) if places is None else places
    rest = found[CUSTOMERS:]
    more = signed_money(sign * sum(abs(c["micros"]) for c in rest), figures.currency, places)
    return [
        [
            f"{str(c['kind']).capitalize()}: {cause_name(c['cause'])}",
            signed_money(sign * abs(c["micros"]), figures.currency, places),
            counted(c["movements"], "movement", "movements"),
        ]
        for c in found[:CUSTOMERS]
    ] + ([[f"and {len(rest)} more", more, counted(sum(c["movements"] for c in rest), "movement", "movements")]] if rest else [])


def _chart(reading: Reading, rule: Rule, watch: Watch) -> Content | None:
    """A series of the metric's values as decimal texts, with the limit where the value itself is limited."""
    points = [[short_label(label), _plain(j.value)] for label, j in reading.history.items() if j.value is not None]
    if len(points) < 2:
        return None
    return {
        "title": metric_name(rule.metric) + (f" of {watch.called(reading.segment)}" if reading.segment else ""),
        "unit": "factor" if METRICS[rule.metric].factor else UNITS[rule.metric],
        "currency": reading.currency,
        "points": points,
        "limit": _plain(rule.limit) if rule.change is None else None,
        "band": _band(reading, rule) if len(points) == len(reading.series) else None,
    }


def _band(reading: Reading, rule: Rule) -> list[list[str] | None] | None:
    """The ends of the interval at each point of the chart, as decimal texts; None where there is none, and for metrics without."""
    if rule.metric not in WITH_INTERVAL:
        return None
    ends = [interval(f, rule.metric) for f in reading.series]
    return [None if e is None else [f"{e.low:f}", f"{e.high:f}"] for e in ends] if any(ends) else None


def _plain(value: Fraction | None) -> str | None:
    return None if value is None else ratio_text(value.numerator, value.denominator)


# --- beside it ----------------------------------------------------------------------------------------------------------------------


def _restatement(event: Event, rule: AnyRule) -> list[str]:
    if event.was is None or event.kind == "restated" or not isinstance(rule, Rule) or event.reading is None:
        return []
    reading = event.reading
    now = reading.history.get(reading.window)
    was_text = value_of(rule, event.was, reading.currency)
    now_text = value_of(rule, now, reading.currency) if now else "unknown"
    name = metric_name(rule.metric)
    return [
        f"This is a restatement: {name} of {label_words(reading.window)} was {was_text} when it was first judged and is {now_text} now."
    ]


def _still(notice: Notice, watch: Watch) -> list[str]:
    if notice.kind != "resolved" or not notice.others:
        return []
    rules = watch.named()
    names = []
    for alert in notice.others[:LISTED]:
        rule = rules.get(alert.rule)
        name = metric_name(rule.metric) if isinstance(rule, Rule) else alert.rule
        names.append(f"{name} of {watch.called(alert.segment)}" if alert.segment else name)
    return [f"Still firing: {', '.join(names)}."]


def _commands(notice: Notice, content: Content) -> list[list[str]]:
    lead = notice.lead.alert
    out = []
    if content.get("customers"):
        figure = _figure_named(notice.lead.reading)
        out.append(["Why", f"nrr explain {figure or content['customers'][0]['customer']}"])
    if lead.rule in (FRESHNESS, DRIFT, QUARANTINE, IDENTITY):
        out.append(["See more", "nrr doctor"])
    else:
        out.append(["See more", _see_more(notice)])
    segment = f" --segment '{lead.segment}'" if lead.segment and not notice.lead.movement else ""
    out.append(["Acknowledge", f"nrr alerts ack {lead.rule}{segment}"])
    out.append(["Mute", f"nrr alerts mute {lead.rule}{segment} --days 7"])
    return out


def _figure_named(reading: Reading | None) -> str | None:
    """The figure behind a message as `nrr explain` takes it, which names all customers that make it; None for what is no window's."""
    figures = None if reading is None else reading.figures
    kind = None if figures is None else WINDOW_KINDS.get(figures.kind)
    if figures is None or kind is None or kind.shape not in ("calendar", "trailing"):
        return None
    last = figures.until - timedelta(days=1)
    named = f"{kind.name}@{last:%Y-%m}" if kind.shape == "trailing" else Window(figures.kind, figures.first, figures.until).label
    return f"{named} --segment '{figures.dimension}={figures.segment}'" if figures.dimension else named


def _see_more(notice: Notice) -> str:
    """The command that shows the window of the message, as it can be typed."""
    movement, reading = notice.lead.movement, notice.lead.reading
    if movement is not None:
        return f"nrr show movements --from {movement.day} --to {movement.day}"
    figures = None if reading is None else reading.figures
    if figures is None:
        return "nrr show retention"
    by = f" --by {figures.dimension}" if figures.dimension else ""
    return f"nrr show retention --from {figures.first} --to {figures.until - timedelta(days=1)}{by}"


def _asides(notice: Notice, watch: Watch) -> tuple[str, ...]:
    """What is said beside figures that are told because something is or was wrong; not beside the word that all is well again."""
    rules = watch.named()
    return watch.asides if notice.kind != "resolved" and any(isinstance(rules[e.alert.rule], Rule) for e in notice.events) else ()


def _many(notice: Notice, watch: Watch) -> Content:
    rules = watch.named()
    lines = [_in_short(e, rules[e.alert.rule], watch) for e in notice.events]
    reading = notice.lead.reading
    rule = rules[notice.lead.alert.rule]
    behind = _of_figures(reading, rule, watch) if isinstance(rule, Rule) and reading is not None and reading.figures else {}
    return {
        "kind": "many",
        "title": f"{len(lines)} alerts at once",
        "summary": f"First of them: {lines[0]}.",
        "also": _listed(lines),
        "notes": list(_asides(notice, watch)),
        "commands": [["All of them", "nrr alerts list"]],
        "link": watch.report_url,
        **{name: behind[name] for name in ("bridge", "customers", "customers_more", "causes", "chart") if name in behind},
    }


def _of_movements(notice: Notice, rule: MovementRule) -> Content:
    moves = [e.movement for e in notice.events if e.movement is not None]
    out: Content = {}
    if not moves:
        return out
    if len(moves) > 1:
        sums: dict[str, int] = {}
        for m in moves:
            sums[m.currency] = sums.get(m.currency, 0) + m.after_micros - m.before_micros
        total = ", ".join(signed_money(amount, currency) for currency, amount in sorted(sums.items()))
        out["title"] = f"{len(moves)} large {MOVED[rule.kind][1]}: {total}"
        least = (
            money(rule.above_micros, rule.currency) if rule.currency else decimal(Fraction(rule.above_micros, MICROS_PER_MAJOR), 0)
        )
        out["summary"] = f"Each is larger than {least} a month{'' if rule.currency else ' in the reporting currency'}."
    places = {
        code: places_alike([a for m in moves if m.currency == code for a in (m.before_micros, m.after_micros)], code)
        for code in {m.currency for m in moves}
    }
    out["customers"] = [
        {
            "customer": m.customer,
            "before": money(m.before_micros, m.currency, places[m.currency]),
            "after": money(m.after_micros, m.currency, places[m.currency]),
            "delta": signed_money(m.after_micros - m.before_micros, m.currency, places[m.currency]),
            "why": cause_name(m.cause) if m.cause else "",
        }
        for m in moves[:LISTED]
    ]
    if len(moves) > LISTED:
        out["notes"] = [f"and {len(moves) - LISTED} more"]
    return out
