"""From a night's readings to what is said: every rule judged against its alert's state, and what follows put into messages.

All of it is a pure function of readings, earlier states and the night; storing and sending is done elsewhere (`worker.alerts.evaluate`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from metrics.alerts.evaluate import Reading
from metrics.alerts.grouping import Notice, notices
from metrics.alerts.rules import BAD_WHEN_HIGH, LOSSES, AnyRule, MovementRule, Rule, Watch
from metrics.alerts.states import LOUD, Alert, Event, Hush, SingleMovement, step, step_movement

RETIRED: Final = "the rule is no longer there"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a night sees: readings of rules, and of each rule of movements what is there, and how those that are not have ended."""

    readings: Sequence[Reading] = ()
    movements: Mapping[str, Sequence[SingleMovement]] = field(default_factory=dict)
    endings: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a night leads to: alerts that changed, with how they stood before, and the messages in order. `over`: nothing to keep."""

    changed: tuple[tuple[Alert | None, Alert], ...]
    notices: tuple[Notice, ...]
    over: tuple[tuple[str, str], ...] = ()


def decide(watch: Watch, seen: Seen, states: Mapping[tuple[str, str], Alert], night: date, hush: Hush = LOUD) -> Decision:
    """Everything that follows from one night's readings."""
    rules = watch.named()
    after: dict[tuple[str, str], Alert] = {}
    events: list[Event] = []
    for reading in seen.readings:
        rule = rules[reading.rule]
        assert not isinstance(rule, MovementRule)
        key = (reading.rule, reading.segment)
        held = replace(states.get(key) or Alert(*key), family=_family(rule, reading))
        after[key], said = step(held, reading, rule.judgement, night, hush)
        events += said
    read_rules = {r.rule for r in seen.readings}
    for key, held in states.items():
        rule_of = rules.get(key[0])
        if rule_of is None and held.state in ("firing", "pending", "noted"):
            after[key] = replace(held, state="ok", nights=0, since=None, shown={**held.shown, "note": RETIRED})
        elif isinstance(rule_of, Rule) and key[0] in read_rules and key not in after:
            gone = Reading(key[0], key[1], held.fired_window, "gone", "gone", until=held.fired_until)
            after[key], said = step(held, replace(gone, history=held.judged), rule_of.judgement, night, hush)
            events += said
    over = _single_movements(watch, seen, states, night, hush, after, events)
    said_now = notices(watch, rules, events, {**states, **after})
    threads = {e.alert.key: n.thread for n in said_now for e in n.events if e.kind in ("firing", "still")}
    after = {key: replace(a, thread=threads.get(key, a.thread)) for key, a in after.items()}
    changed = tuple((states.get(key), a) for key, a in sorted(after.items()) if states.get(key) != a)
    return Decision(changed, tuple(said_now), tuple(over))


def _single_movements(
    watch: Watch,
    seen: Seen,
    states: Mapping[tuple[str, str], Alert],
    night: date,
    hush: Hush,
    after: dict[tuple[str, str], Alert],
    events: list[Event],
) -> list[tuple[str, str]]:
    over = []
    for rule in watch.movements:
        if rule.name not in seen.movements:
            continue  # nobody looked
        looked = (rule.name, "")
        after[looked] = states.get(looked) or Alert(*looked)  # that it was looked at stays, if there is nothing to find
        here = {m.key: m for m in seen.movements.get(rule.name, ())}
        held = {key[1]: a for key, a in states.items() if key[0] == rule.name and key != looked}
        for segment in sorted({*here, *held}):
            movement, alert = here.get(segment), held.get(segment)
            ending = seen.endings.get((rule.name, segment), "past")
            if movement is None and alert is not None and alert.state == "resolved":
                over.append((rule.name, segment))
                continue
            after[rule.name, segment], said = step_movement(alert, rule, movement, ending, night, hush)
            events += said
    return over


def _family(rule: AnyRule, reading: Reading | None) -> str:
    """What alerts with one cause have in common, besides the end of their window."""
    if isinstance(rule, Rule):
        group = "losses" if rule.metric in LOSSES and (rule.side == "below" or rule.metric in BAD_WHEN_HIGH) else rule.metric
        return f"{group} {reading.currency if reading else ''}"
    return rule.name
