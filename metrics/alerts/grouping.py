"""How the events of one night become messages: alerts with one cause share one, and many at once are told together.

A total and its segments, or NRR and GRR of windows that end on the same day, have one cause: the first of them leads, the others are
named beneath it. Who joins a message that was sent on an earlier night follows it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metrics.alerts.rules import AnyRule, Rule, Watch
from metrics.alerts.states import Alert, Event


@dataclass(frozen=True, slots=True)
class Notice:
    """One message: its events, the first of them leading. `follows`: it belongs under the message `thread`, which was sent before."""

    kind: str  # firing, resolved, restated, reminder, still, many
    events: tuple[Event, ...]
    thread: str
    follows: bool = False
    withheld: str | None = None
    channels: tuple[str, ...] = ()
    others: tuple[Alert, ...] = ()
    """Alerts of the same message that still fire, when others are resolved."""

    @property
    def lead(self) -> Event:
        """The event that the message is written about."""
        return self.events[0]


def notices(
    watch: Watch, rules: Mapping[str, AnyRule], events: Sequence[Event], states: Mapping[tuple[str, str], Alert]
) -> list[Notice]:
    order = {name: index for index, name in enumerate(rules)}
    channels = {name: rule.channels for name, rule in rules.items()}

    def rank(event: Event) -> tuple[Any, ...]:
        rule = rules[event.alert.rule]
        size = -event.movement.size_micros if event.movement else 0
        return (isinstance(rule, Rule) and bool(rule.dimension), order[event.alert.rule], size, event.alert.segment)

    quiet = [
        Notice(e.kind, (e,), thread_of(e.alert), withheld=e.withheld, channels=channels[e.alert.rule]) for e in events if e.withheld
    ]
    loud = sorted((e for e in events if not e.withheld), key=rank)
    begun = _grouped([e for e in loud if e.kind in ("firing", "still")], lambda e: (*_cause(e), channels[e.alert.rule]))
    fresh: list[Notice] = []
    follow: list[Notice] = []
    for group in begun:
        thread = _joined(group[0], states, rules)
        notice = Notice(
            "firing", tuple(group), thread or thread_of(group[0].alert), bool(thread), channels=channels[group[0].alert.rule]
        )
        (follow if thread else fresh).append(notice)
    if len(fresh) > watch.digest_above:
        fresh = _merged(fresh)
    out = [*fresh, *follow]
    for kind in ("resolved", "restated", "reminder"):
        mine = [e for e in loud if e.kind == kind]
        for group in _grouped(
            mine, lambda e: (e.alert.thread, channels[e.alert.rule], e.alert.key if e.kind == "restated" else "")
        ):
            thread = group[0].alert.thread
            others = tuple(a for a in states.values() if thread and a.thread == thread and a.state == "firing")
            follows = bool(thread)
            out.append(Notice(kind, tuple(group), thread, follows, channels=channels[group[0].alert.rule], others=others))
    return [*out, *quiet]


def thread_of(alert: Alert) -> str:
    """The name of the message that tells of this episode."""
    return f"{alert.rule}|{alert.segment}|{alert.episode}"


def _cause(event: Event) -> tuple[Any, ...]:
    """Events that are equal in this have one cause. Movements of one rule share a message too."""
    if event.movement is not None:
        return ("movement", event.alert.rule)
    return (event.alert.family, event.alert.fired_until)


def _joined(event: Event, states: Mapping[tuple[str, str], Alert], rules: Mapping[str, AnyRule]) -> str:
    """The message that already tells of the same cause, if there is one; empty if not.

    That is one about a window with the same end, or, for a segment, the one about the whole by the same metric, while it fires.
    """
    if event.movement is not None or event.alert.fired_until is None:
        return ""
    mine = rules[event.alert.rule]
    found = []
    for alert in states.values():
        if alert.state != "firing" or not alert.told or not alert.thread or alert.key == event.alert.key:
            continue
        other = rules.get(alert.rule)
        together = alert.fired_until == event.alert.fired_until
        if alert.family == event.alert.family and (together or (other is not None and _is_part_of(mine, other))):
            found.append(alert.thread)
    return min(found, default="")


def _is_part_of(part: AnyRule, whole: AnyRule) -> bool:
    """Whether one rule watches segments of what the other one watches as a whole."""
    if not isinstance(part, Rule) or not isinstance(whole, Rule):
        return False
    return bool(part.dimension) and not whole.dimension and (part.metric, part.window) == (whole.metric, whole.window)


def _merged(notices: Sequence[Notice]) -> list[Notice]:
    """One message for many, for each set of channels."""
    out = []
    for group in _grouped(notices, lambda n: n.channels):
        events = tuple(e for n in group for e in n.events)
        out.append(Notice("many" if len(group) > 1 else "firing", events, group[0].thread, channels=group[0].channels))
    return out


def _grouped(items: Iterable[Any], key: Any) -> list[list[Any]]:
    """Items with equal keys together, in order of the first of each."""
    out: dict[Any, list[Any]] = {}
    for item in items:
        out.setdefault(key(item), []).append(item)
    return list(out.values())
