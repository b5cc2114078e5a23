"""What happened, as a title and a sentence: what crossed what, by how much, since when. Plain text; `metrics.alerts.content` adds the rest."""

from typing import Final

from metrics.alerts.certainty_words import verdict_words
from metrics.alerts.evaluate import Judged, Reading, bad_since
from metrics.alerts.rules import DRIFT, FRESHNESS, IDENTITY, QUARANTINE, AnyRule, MovementRule, Rule, SystemRule, Watch
from metrics.alerts.states import Event
from metrics.labels import cause_name, change_text, label_words, metric_name, short_label, value_text
from metrics.number_words import counted, duration, money, percents_adding_up, signed_money
from metrics.retention.figures import METRICS, UNITS
from metrics.window_kinds import day_words, window_words


def sentences(event: Event, rule: AnyRule, watch: Watch) -> tuple[str, str]:
    """A title, and a sentence that says it in full."""
    if isinstance(rule, SystemRule):
        return _system(event, rule)
    if isinstance(rule, MovementRule):
        return _movement(event, rule)
    return _figure(event, rule, watch)


def _figure(event: Event, rule: Rule, watch: Watch) -> tuple[str, str]:
    reading = event.reading
    assert reading is not None
    name = _subject(rule, event, watch)
    if event.kind == "restated":
        assert event.was is not None
        assert event.now is not None
        was, now = (value_of(rule, j, reading.currency) for j in (event.was, event.now))
        said = {"bad": "is beyond its limit after all", "note": "is beyond its limit by no more than noise"}.get(
            event.now.verdict, "is within its limit after all"
        )
        where = label_words(event.window)
        return f"Restated: {name} of {where} {said}", f"{name} of {where} was {was} and is now {now}."
    if reading.value is None:
        return (
            f"{_opening(event)}{name}: nothing left to judge",
            f"{name}: there are no figures of {label_words(reading.window)} any more.",
        )
    where = (
        window_words(reading.figures.kind, reading.figures.first, reading.figures.until)
        if reading.figures
        else label_words(reading.window)
    )
    value = value_text(rule.metric, reading.value, reading.currency, apart_from=rule.limit if rule.change is None else None)
    if rule.change is None:
        limit = value_text(rule.metric, rule.limit, reading.currency)
        if event.kind == "resolved":
            return (
                f"Resolved: {name} is back at {value} ({where})",
                f"{name} of {where} is {value}; the limit is {rule.side} {limit}.",
            )
        gap = change_text(_gap_unit(rule), rule.metric, reading.value - rule.limit, reading.currency)
        if _gap_unit(rule) == "points":
            value, limit, gap = percents_adding_up(reading.value, rule.limit)
        since = bad_since(reading)
        lasting = f", {rule.side} it since {label_words(short_label(since))}" if since and since != reading.window else ""
        title = f"{_opening(event)}{name} {rule.side} {limit}: {value} ({where})"
        return title, f"{name} of {where} is {value}, {gap} {rule.side} its limit of {limit}{lasting}.{_verdict(reading, rule)}"
    assert reading.measure is not None
    return _changed(event, rule, reading, name, where, value)


def _unusual(event: Event, rule: Rule, reading: Reading, name: str, where: str, value: str) -> tuple[str, str]:
    """Outside of what its own past lets one expect, or back within it."""
    expected = reading.usual
    assert reading.measure is not None
    assert expected is not None, "a reading with a measure knows what was usual"
    middle = value_text(rule.metric, expected.expected, reading.currency)
    past = f"the {expected.windows} windows before it" + (", each beside the same one a year ago," if expected.seasonal else "")
    off = change_text("spreads", rule.metric, reading.measure, reading.currency, apart_from=rule.limit)
    side = "below" if reading.measure < 0 else "above"
    if event.kind == "resolved":
        return (
            f"Resolved: {name} is as usual again: {value} ({where})",
            f"{name} of {where} is {value}; {past} let one expect {middle}.",
        )
    limit = change_text("spreads", rule.metric, rule.limit, reading.currency)
    how = "low" if rule.side == "below" else "high"
    sentence = f"{name} of {where} is {value}, where {past} let one expect {middle}: {off} {side} it; the limit is {limit}."
    return f"{_opening(event)}{name} is unusually {how}: {value} ({where})", sentence


def _changed(event: Event, rule: Rule, reading: Reading, name: str, where: str, value: str) -> tuple[str, str]:
    assert rule.change is not None
    if rule.change.against == "usual":
        return _unusual(event, rule, reading, name, where, value)
    assert reading.measure is not None
    way = "fell" if reading.measure < 0 else "rose"
    by = change_text(rule.change.unit, rule.metric, reading.measure, reading.currency, apart_from=rule.limit)
    limit = change_text(rule.change.unit, rule.metric, rule.limit, reading.currency)
    against = {
        "previous": "the window before",
        "preceding": "the same span before it",
        "year_ago": "the same window a year before",
        "trailing_mean": f"the mean of the {rule.change.mean_of} windows before",
    }[rule.change.against]
    reference = "" if reading.reference is None else f" ({value_text(rule.metric, reading.reference, reading.currency)})"
    if rule.change.unit == "points" and reading.value is not None and reading.reference is not None:
        value, then, by = percents_adding_up(reading.value, reading.reference, apart_from=abs(rule.limit))
        reference = f" ({then})"
    moved = "did not change" if reading.measure == 0 else "hardly changed" if by.startswith("0 ") else f"{way} by {by}"
    if event.kind == "resolved":
        return f"Resolved: {name} {moved} ({where})", f"{name} of {where} is {value}; against {against}{reference} it {moved}."
    sentence = (
        f"{name} of {where} is {value}: against {against}{reference} it {moved}; the limit is {limit}.{_verdict(reading, rule)}"
    )
    return f"{_opening(event)}{name} {way} by {by} to {value} ({where})", sentence


def _verdict(reading: Reading, rule: Rule) -> str:
    words = verdict_words(reading, rule)
    return f" {words}" if words else ""


def _opening(event: Event) -> str:
    return {"resolved": "Resolved: ", "reminder": "Still: "}.get(event.kind, "")


def _gap_unit(rule: Rule) -> str:
    return "points" if UNITS[rule.metric] == "ratio" and not METRICS[rule.metric].factor else "amount"


def value_of(rule: Rule, judged: Judged, currency: str) -> str:
    return "unknown" if judged.value is None else value_text(rule.metric, judged.value, currency, apart_from=rule.limit)


def _subject(rule: Rule, event: Event, watch: Watch) -> str:
    name = metric_name(rule.metric)
    segment = event.alert.segment
    return f"{name} of {watch.called(segment)}" if segment else name


def _system(event: Event, rule: SystemRule) -> tuple[str, str]:
    value = int(event.reading.value) if event.reading is not None and event.reading.value is not None else 0
    if event.kind == "resolved":
        said = {
            FRESHNESS: ("Resolved: the data is fresh again", f"The last good sync ended {duration(value)} ago."),
            DRIFT: ("Resolved: no drift any more", "The last audit found what we hold to be what Stripe lists."),
            QUARANTINE: ("Resolved: nothing is quarantined any more", "Every object could be read."),
            IDENTITY: ("Resolved: the sums add up again", "Opening and movements make the closing, in every window looked at."),
        }
        return said[rule.name]
    opening = _opening(event)
    details = event.reading.details if event.reading is not None else ()
    if rule.name == FRESHNESS and details:
        return f"{opening}Clocks can't be trusted", f"{'. '.join(details)}. How old the data is can't be told until they agree."
    said = {
        FRESHNESS: (
            f"{opening}The data is {duration(value)} old",
            f"The last good sync ended {duration(value)} ago; the limit is {duration(rule.limit)}. Figures shown since then may be out of date.",
        ),
        DRIFT: (
            f"{opening}{counted(value, 'object has', 'objects have')} drifted",
            "An audit found states that no event explains; they were repaired, but some event never reached us.",
        ),
        QUARANTINE: (
            f"{opening}{counted(value, 'object is', 'objects are')} quarantined",
            "They could not be read, or not be derived, and are not in any figure; the rest goes on without them.",
        ),
        IDENTITY: (
            f"{opening}{counted(value, 'sum does', 'sums do')} not add up",
            "Opening and movements don't make the closing. Don't trust these figures until a rebuild has mended them.",
        ),
    }
    return said[rule.name]


MOVED: Final = {
    "churn": ("churn", "churns"),
    "contraction": ("contraction", "contractions"),
    "expansion": ("expansion", "expansions"),
    "new": ("new customer", "new customers"),
    "reactivation": ("return", "returns"),
    "scheduled": ("scheduled cancellation", "scheduled cancellations"),
}


def _movement(event: Event, rule: MovementRule) -> tuple[str, str]:
    one, _ = MOVED[rule.kind]
    moved = event.movement
    if moved is None:
        shown = event.alert.shown
        amount = money(int(shown.get("micros", 0)), str(shown.get("currency", "usd")))
        customer = str(shown.get("customer", event.alert.segment))
        what = "was withdrawn" if rule.kind == "scheduled" else "is no longer in the ledger"
        return f"Resolved: the {one} of {customer} {what}", f"The {one} of {amount} that was told of {what}."
    delta = signed_money(moved.after_micros - moved.before_micros, moved.currency)
    cause = f", {cause_name(moved.cause)}" if moved.cause else ""
    when = f"on {day_words(moved.day)}" if rule.kind != "scheduled" else f"asked for by {day_words(moved.day)}"
    return f"Large {one}: {moved.customer} {delta}", f"{moved.customer}: {delta} a month {when}{cause}."
