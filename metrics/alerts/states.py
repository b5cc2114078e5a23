"""The states of one alert, and how a night's reading moves it from one to the next.

A state is left only by a rule that can be told in a sentence. Beyond the limit for enough nights in a row: firing, which is told once.
Back by enough for as many nights: resolved, told if the firing was. For some days after that it is quiet. Muted alerts go through the
same states, and what they would have said is withheld. A night says nothing twice, however often it is judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final, Literal

from metrics.alerts.evaluate import Judged, Reading
from metrics.alerts.rules import Judgement, MovementRule

State = Literal["ok", "noted", "pending", "firing", "resolved"]
"""`noted`: beyond the limit within noise, under a rule that asks for certainty; nobody is told but those who look."""
EventKind = Literal["firing", "resolved", "restated", "reminder", "still"]
MUTED: Final = "muted"


@dataclass(frozen=True, slots=True)
class Alert:
    """Where one alert stands. `nights` counts the nights in a row that speak for the next state, `episode` how often it has fired.

    `thread` names the message that told of this episode. `told` is False while that was withheld. `judged` holds the verdicts of the
    newest windows as they were last given, so that a restatement is noticed.
    """

    rule: str
    segment: str
    state: State = "ok"
    episode: int = 0
    nights: int = 0
    last_night: date | None = None
    since: date | None = None
    fired_on: date | None = None
    fired_window: str = ""
    fired_until: date | None = None
    resolved_on: date | None = None
    told: bool = False
    reminded_on: date | None = None
    thread: str = ""
    family: str = ""
    judged: Mapping[str, Judged] = field(default_factory=dict)
    shown: Mapping[str, Any] = field(default_factory=dict)
    """The figures behind it, in words, for lists and history."""

    @property
    def key(self) -> tuple[str, str]:
        """Rule and segment."""
        return self.rule, self.segment

    def body(self) -> dict[str, Any]:
        """Everything but rule, segment and state, for JSON."""
        days = {name: _iso(getattr(self, name)) for name in _DAYS}
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {**plain, **days, "judged": {k: v.as_list() for k, v in self.judged.items()}, "shown": dict(self.shown)}

    @classmethod
    def of(cls, rule: str, segment: str, state: str, body: Mapping[str, Any]) -> "Alert":
        """Back from what was stored."""
        values: dict[str, Any] = {name: body[name] for name in _PLAIN if name in body}
        values |= {name: date.fromisoformat(body[name]) for name in _DAYS if body.get(name)}
        judged = {k: Judged.of(v) for k, v in body.get("judged", {}).items()}
        return cls(rule, segment, state, judged=judged, shown=body.get("shown", {}), **values)  # type: ignore[arg-type]  # a stored state


_DAYS: Final = ("last_night", "since", "fired_on", "fired_until", "resolved_on", "reminded_on")
_PLAIN: Final = ("episode", "nights", "fired_window", "told", "thread", "family")


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


@dataclass(frozen=True, slots=True)
class SingleMovement:
    """A single movement that a rule looks at; `day` of a scheduled one is the day it was first seen asked for."""

    kind: str
    customer: str
    day: date
    currency: str
    before_micros: int
    after_micros: int
    cause: str = ""

    @property
    def size_micros(self) -> int:
        """How large it is, whichever way it goes."""
        return abs(self.after_micros - self.before_micros)

    @property
    def key(self) -> str:
        """The key of its alert within the rule. A cancellation that was asked for stays one, whatever else changes meanwhile."""
        return f"{self.customer} {self.currency}" if self.kind == "scheduled" else f"{self.customer} {self.currency} {self.day}"


@dataclass(frozen=True, slots=True)
class Event:
    """Something to be said about one alert, as it stands afterwards. `window` and `was` are those of a restated verdict."""

    kind: EventKind
    alert: Alert
    reading: Reading | None = None
    movement: SingleMovement | None = None
    window: str = ""
    was: Judged | None = None
    now: Judged | None = None
    withheld: str | None = None
    note: str = ""

    @property
    def transition(self) -> str:
        """What the outbox knows it by: said once, whatever happens."""
        alert = self.alert
        match self.kind:
            case "restated":
                assert self.now is not None
                return f"restated:{self.now.verdict}:{self.now.version}"
            case "reminder":
                return f"reminder:{alert.episode}:{alert.reminded_on}"
        return f"{self.kind}:{alert.episode}"


@dataclass(frozen=True, slots=True)
class Hush:
    """Which alerts are muted or acknowledged (rule, segment; the segment empty: all of the rule's)."""

    muted: frozenset[tuple[str, str]] = frozenset()
    seen: frozenset[tuple[str, str]] = frozenset()
    all_of_it: str | None = None
    """A reason to withhold everything, such as that there is no channel."""

    def is_muted(self, key: tuple[str, str]) -> bool:
        """Whether what this alert says is withheld."""
        return self.all_of_it is not None or key in self.muted or (key[0], "") in self.muted

    @property
    def reason(self) -> str:
        """Why something is withheld."""
        return self.all_of_it or MUTED

    def is_seen(self, key: tuple[str, str]) -> bool:
        """Whether somebody has acknowledged it."""
        return key in self.seen or (key[0], "") in self.seen


LOUD: Final = Hush()
"""Nothing is muted."""


# --- from one state to the next ---------------------------------------------------------------------------------------------------------------


def step(alert: Alert, reading: Reading, judgement: Judgement, night: date, hush: Hush) -> tuple[Alert, list[Event]]:
    """The alert after one night's reading, and what there is to say about it. The same night again says nothing twice.

    A night before the last one judged changes nothing.
    """
    if alert.last_night is not None and night < alert.last_night:
        return alert, []
    fresh = alert.last_night != night
    events = _restated(alert, reading)
    was = alert.judged.get(reading.window) if reading.window else None
    moved = _moved(alert, reading, judgement, night, fresh=fresh)
    moved = replace(moved, last_night=night, judged=dict(reading.history))
    muted = hush.is_muted(alert.key)
    if moved.state == "firing" and alert.state != "firing":
        moved = replace(moved, told=not muted)
        restated = was if _flipped(was, reading.history.get(reading.window)) else None
        events.append(Event("firing", moved, reading, was=restated, withheld=hush.reason if muted else None))
    elif moved.state == "resolved" and alert.state == "firing":
        if alert.told:
            restated = was if _flipped(was, reading.history.get(reading.window)) else None
            events.append(Event("resolved", moved, reading, was=restated, withheld=hush.reason if muted else None))
    elif moved.state == "firing" and not muted and reading.verdict == "bad":
        if not moved.told:
            moved = replace(moved, told=True)
            events.append(Event("still", moved, reading))
        elif _is_due_again(moved, judgement, night) and not hush.is_seen(alert.key):
            moved = replace(moved, reminded_on=night)
            events.append(Event("reminder", moved, reading))
    if muted:
        events = [replace(e, withheld=hush.reason) for e in events]
    return moved, [replace(e, alert=moved) for e in events]


def _moved(alert: Alert, reading: Reading, judgement: Judgement, night: date, *, fresh: bool) -> Alert:
    """The state after a verdict, with its counters."""
    verdict = reading.verdict
    if verdict == "none":
        return alert
    if alert.state == "firing":
        if verdict == "gone":
            return replace(alert, state="resolved", nights=0, resolved_on=night)
        if verdict != "good":
            return replace(alert, nights=0)
        nights = alert.nights + 1 if fresh or alert.nights == 0 else alert.nights
        if nights >= judgement.confirm_nights:
            return replace(alert, state="resolved", nights=0, resolved_on=night)
        return replace(alert, nights=nights)
    cooling = alert.resolved_on is not None and night < alert.resolved_on + timedelta(days=judgement.cooldown_days)
    if verdict == "note":
        return replace(alert, state="noted", nights=0, since=alert.since if alert.state == "noted" else night)
    if verdict != "bad":
        calm: State = "resolved" if cooling and alert.state == "resolved" else "ok"
        return replace(alert, state=calm, nights=0, since=None)
    pending = alert.state == "pending"
    nights = alert.nights + 1 if pending and fresh else max(alert.nights, 1) if pending else 1
    since = alert.since if pending and alert.since is not None else night
    if nights < judgement.confirm_nights or cooling:
        return replace(alert, state="pending", nights=nights, since=since)
    return replace(
        alert,
        state="firing",
        nights=0,
        since=since,
        episode=alert.episode + 1,
        fired_on=night,
        fired_window=reading.window,
        fired_until=reading.until,
        resolved_on=None,
        reminded_on=None,
    )


def _is_due_again(alert: Alert, judgement: Judgement, night: date) -> bool:
    last = alert.reminded_on or alert.fired_on
    return judgement.remind_days > 0 and last is not None and night >= last + timedelta(days=judgement.remind_days)


def _restated(alert: Alert, reading: Reading) -> list[Event]:
    """Windows before the newest whose figures were restated so that the verdict on them is another one now."""
    out = []
    for label, was in alert.judged.items():
        now = reading.history.get(label)
        if label != reading.window and now is not None and _flipped(was, now):
            out.append(Event("restated", alert, reading, window=label, was=was, now=now))
    return out


def _flipped(was: Judged | None, now: Judged | None) -> bool:
    if was is None or now is None or now.version == was.version or "none" in (was.verdict, now.verdict):
        return False
    return (was.verdict == "bad") != (now.verdict == "bad")


def step_movement(
    alert: Alert | None, rule: MovementRule, movement: SingleMovement | None, ending: str, night: date, hush: Hush
) -> tuple[Alert, list[Event]]:
    """A single movement fires once when it is first seen; when it is gone (`movement` None) the alert ends.

    `ending` says why it is gone: `undone` (a restatement, or a cancellation withdrawn) is told, `past` is not.
    """
    if alert is None:
        assert movement is not None
        muted = hush.is_muted((rule.name, movement.key))
        fired = Alert(
            rule.name,
            movement.key,
            "firing",
            1,
            0,
            night,
            night,
            night,
            f"{movement.day}",
            movement.day,
            told=not muted,
            shown={
                "micros": movement.size_micros,
                "currency": movement.currency,
                "kind": movement.kind,
                "customer": movement.customer,
            },
        )
        return fired, [Event("firing", fired, movement=movement, withheld=hush.reason if muted else None)]
    if movement is not None or alert.state != "firing":
        return alert, []
    ended = replace(alert, state="resolved", resolved_on=night, last_night=night)
    if ending != "undone" or not alert.told:
        return ended, []
    return ended, [Event("resolved", ended, withheld=hush.reason if hush.is_muted(alert.key) else None, note=ending)]
