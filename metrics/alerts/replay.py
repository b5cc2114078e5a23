"""When rules would have rung: the real evaluation, night after night, over figures that are there already.

Each night sees the windows that were complete by then, as they are known today: a restatement that came since isn't undone. Readings,
verdicts and states are those of every night (`metrics.alerts.evaluate`, `decide`); nothing here judges by itself.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Literal

from metrics.alerts.content import shown
from metrics.alerts.decide import Seen, decide
from metrics.alerts.evaluate import REMEMBERED, Reading, Shelf, readings
from metrics.alerts.inferred import NOTHING, InferredParts
from metrics.alerts.rules import FACTORS, MovementRule, Rule, Watch
from metrics.alerts.states import Alert, SingleMovement
from metrics.retention.analysis.certainty import WITH_INTERVAL, Verdict
from metrics.retention.figures import UNITS, Figures
from metrics.window_kinds import WINDOW_KINDS

States = Mapping[tuple[str, str], Alert]
SeenMovements = tuple[Mapping[str, Sequence[SingleMovement]], Mapping[tuple[str, str], str]]
Looks = Callable[[States, date], SeenMovements]
"""What rules of single movements see on a night, and how those that they saw before have ended."""


@dataclass(frozen=True, slots=True)
class Ring:
    """One alarm, or note (beyond the limit within noise, under a rule that asks for certainty). `until`: the night on which it was over.

    `begun_before`: it stood so on the first night that was looked at. `shown` are the figures in words.
    """

    rule: str
    segment: str
    kind: Literal["alarm", "note"]
    night: date
    window: str
    shown: Mapping[str, Any]
    certainty: Verdict | None = None
    until: date | None = None
    begun_before: bool = False

    @property
    def by_chance(self) -> bool | None:
        """Whether chance explains it, or too few customers can tell; None where the metric has no interval."""
        return None if self.certainty is None else self.certainty != "beyond_noise"


def replay(
    watch: Watch,
    figures: Sequence[Figures],
    nights: Sequence[date],
    *,
    grace_days: int = 0,
    looks: Looks | None = None,
    inferred: InferredParts = NOTHING,
) -> list[Ring]:
    """Every alarm and note of the rules of `watch` (those on the health of the data aside) on `nights`, in order.

    A window is complete on the night on which `grace_days` after its end have passed. `inferred` is what of the book's changes nothing
    dates exactly.
    """
    watch = replace(watch, system=())
    rules = watch.named()
    reader = _Reader(watch.rules, figures, grace_days, inferred)
    states: dict[tuple[str, str], Alert] = {}
    rings: list[Ring] = []
    open_rings: dict[tuple[str, str, str], int] = {}
    for night in nights:
        found = reader.on(night)
        movements, endings = looks(states, night) if looks is not None and watch.movements else ({}, {})
        decision = decide(watch, Seen(found, movements, endings), states, night)
        read = {(r.rule, r.segment): r for r in found}
        for before, after in decision.changed:
            states[after.key] = after
            was = "ok" if before is None else before.state
            if was == after.state:
                continue
            for state, kind in (("firing", "alarm"), ("noted", "note")):
                if was == state and (index := open_rings.pop((*after.key, kind), None)) is not None:
                    rings[index] = replace(rings[index], until=night)
            if after.state in ("firing", "noted"):
                ring = _ring(after, read.get(after.key), rules, night, begun_before=night == nights[0])
                open_rings[(*after.key, ring.kind)] = len(rings)
                rings.append(ring)
        for key in decision.over:
            states.pop(key, None)
    return rings


def _ring(alert: Alert, reading: Reading | None, rules: Mapping[str, Any], night: date, *, begun_before: bool) -> Ring:
    told = dict(alert.shown) if reading is None else shown(reading, rules[alert.rule])
    window = reading.window if reading is not None else alert.fired_window
    kind: Literal["alarm", "note"] = "alarm" if alert.state == "firing" else "note"
    certainty = None if reading is None else reading.certainty
    # A single movement happened on its day, whenever looking began; a figure beyond its limit may have been so before.
    before = begun_before and not isinstance(rules[alert.rule], MovementRule)
    return Ring(alert.rule, alert.segment, kind, night, window, told, certainty, begun_before=before)


class _Reader:
    """What rules read on a night; read anew only when another window has become complete."""

    def __init__(self, rules: Sequence[Rule], figures: Sequence[Figures], grace_days: int, inferred: InferredParts) -> None:
        self._rules = rules
        self._inferred = inferred
        self._grace = timedelta(days=grace_days)
        complete = [replace(f, incomplete=False) for f in figures]
        self._of_rule: dict[str, list[Figures]] = {
            rule.name: sorted(
                (f for f in complete if f.kind == rule.window and f.dimension in ("", rule.dimension)), key=lambda f: f.until
            )
            for rule in rules
        }
        self._ends = {name: [f.until for f in mine] for name, mine in self._of_rule.items()}
        self._last: dict[str, tuple[int, list[Reading]]] = {}

    def on(self, night: date) -> list[Reading]:
        return [reading for rule in self._rules for reading in self._read(rule, night)]

    def _read(self, rule: Rule, night: date) -> list[Reading]:
        mine = self._of_rule[rule.name]
        # Days stand as soon as they are over; a window waits for its grace.
        grace = timedelta(0) if rule.window == "day" else self._grace
        count = bisect_right(self._ends[rule.name], night - grace)
        held = self._last.get(rule.name)
        if held is None or held[0] != count:
            # Of the many days only those that a verdict looks at: what is remembered, and what a change is measured against.
            since = bisect_right(self._ends[rule.name], night - _days_read(rule)) if rule.window == "day" else 0
            held = self._last[rule.name] = count, readings(rule, Shelf(mine[since:count]), self._inferred)
        return held[1]


def _days_read(rule: Rule) -> timedelta:
    """How many days back a rule on single days looks."""
    change = rule.change
    if change is not None and change.against == "year_ago":
        return timedelta(days=WINDOW_KINDS["day"].days_back or 0)
    return timedelta(days=REMEMBERED + 2 + (0 if change is None else change.mean_of))


# --- limits for a budget ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A limit for a rule under which it would have rung falsely no more often than the budget allows.

    `limit` None: no limit that its own past would call unusual keeps the budget. `false_now` and `false_then` are false alarms over the
    nights that were replayed, `alarms_then` all that would be left.
    """

    rule: str
    limit: Fraction | None
    false_now: int
    false_then: int
    alarms_then: int


def false_alarms(rings: Sequence[Ring], rule: Rule) -> int:
    """How many alarms chance explains; of a metric without an interval, where nobody can tell, all of them."""
    alarms = [ring for ring in rings if ring.rule == rule.name and ring.kind == "alarm" and not ring.begun_before]
    return sum(ring.by_chance is not False for ring in alarms) if rule.metric in WITH_INTERVAL else len(alarms)


def suggest(
    watch: Watch,
    rule: Rule,
    figures: Sequence[Figures],
    nights: Sequence[date],
    allowed: int,
    *,
    grace_days: int = 0,
    inferred: InferredParts = NOTHING,
) -> Suggestion:
    """The limit closest to the rule's own under which at most `allowed` false alarms would have rung on `nights`: its own where that does.

    Limits are tried from the strictest on, in the steps in which people write them; the further a limit lies out, the less it rings.
    """
    alone = replace(watch, rules=(rule,), movements=())

    def tried(limit: Fraction) -> tuple[int, int]:
        other = replace(rule, limit=limit)
        rings = replay(replace(alone, rules=(other,)), figures, nights, grace_days=grace_days, inferred=inferred)
        fresh = [ring for ring in rings if ring.kind == "alarm" and not ring.begun_before]
        return false_alarms(rings, other), len(fresh)

    now, alarms = tried(rule.limit)
    if now <= allowed:
        return Suggestion(rule.name, rule.limit, now, now, alarms)
    limits = _further_out(rule, nights, _Reader([rule], figures, grace_days, inferred))
    low, high = 0, len(limits)
    while low < high:
        middle = (low + high) // 2
        if tried(limits[middle])[0] <= allowed:
            high = middle
        else:
            low = middle + 1
    if low == len(limits):
        return Suggestion(rule.name, None, now, now, alarms)
    false, left = tried(limits[low])
    return Suggestion(rule.name, limits[low], now, false, left)


def _further_out(rule: Rule, nights: Sequence[date], reader: _Reader) -> list[Fraction]:
    """Limits beyond the rule's own at which anything changes: just past each measure that was read, written as people would."""
    measures = {r.measure for night in nights for r in reader.on(night) if r.measure is not None and rule.beyond(r.measure)}
    step = step_of(rule)
    below = rule.side == "below"
    found = {(m // step if below else -(-m // step)) * step for m in measures}
    return sorted((limit for limit in found if limit != rule.limit), reverse=below)


def step_of(rule: Rule) -> Fraction:
    """The step in which people write a limit of the rule: half a point of a rate, a hundredth of what an amount's limit is, a count."""
    unit = UNITS[rule.metric]
    if rule.change is not None and rule.change.unit == "spreads":
        return Fraction(1, 2)
    if rule.change is not None and rule.change.unit != "amount":
        return Fraction(1, 200)
    if unit == "ratio":
        return Fraction(1, 10) if rule.metric in FACTORS else Fraction(1, 200)
    if unit == "micros":
        magnitude = 10 ** max(6, len(str(abs(int(rule.limit)) or 1)) - 2)
        return Fraction(magnitude)
    return Fraction(1)
