"""Figures for stories about alerts: small books whose retention is what a story says it is."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from metrics.alerts.decide import Decision, Seen, decide
from metrics.alerts.evaluate import Reading, Shelf, readings
from metrics.alerts.grouping import Notice
from metrics.alerts.rules import Rule, Watch
from metrics.alerts.states import LOUD, Alert, Hush, SingleMovement
from metrics.periods import add_months
from metrics.retention.figures import Figures

MILLION = 1_000_000


def window(kind: str, until: date) -> tuple[date, date]:
    """The window of a kind that ends before a day."""
    months = {"month": 1, "trailing_3": 3, "trailing_12": 12}[kind]
    return add_months(until, -months), until


def figures(
    kind: str,
    until: date,
    *,
    nrr: int | Fraction = 100,
    grr: int | Fraction | None = None,
    opening: int = 100_000,
    customers: int = 100,
    dimension: str = "",
    segment: str = "",
    currency: str = "usd",
    version: int = 1,
    incomplete: bool = False,
    companions: dict[str, Any] | None = None,
) -> Figures:
    """Figures whose NRR and GRR are these per cent of an opening in major units; what is lost is lost by churn."""
    first, end = window(kind, until)
    start = opening * MILLION
    gross = min(100, nrr) if grr is None else grr
    churn = round(start * (100 - Fraction(gross)) / 100)
    closing = round(start * Fraction(nrr) / 100)
    expansion = closing - start + churn
    lost = [{"customer": f"cus_{n}", "opening": churn // 5, "closing": 0} for n in range(5)] if churn and not dimension else []
    more: dict[str, Any] = {"largest": [], "gained": [], "lost": lost, "flow_expansion": expansion, "flow_churn": churn}
    if churn and not dimension:
        more["causes"] = [{"kind": "churn", "cause": "canceled_voluntary", "micros": churn, "movements": 5}]
    return Figures(
        "policy",
        kind,
        first,
        end,
        dimension,
        segment,
        currency,
        opening=start,
        expansion=expansion,
        churn=churn,
        closing_of_cohort=closing,
        closing=closing,
        opening_customers=customers,
        closing_customers=customers - 5 * bool(churn),
        retained_customers=customers - 5 * bool(churn),
        lost_logos=5 * bool(churn),
        companions=more | (companions or {}),
        incomplete=incomplete,
        version=version,
        reason="opening_zero" if start == 0 else None,
    )


def months(kind: str, until: date, *values: int | Fraction, **more: Any) -> list[Figures]:
    """A series that ends with the window before `until`, with these values of NRR, oldest first."""
    count = len(values)
    return [figures(kind, add_months(until, n + 1 - count), nrr=value, **more) for n, value in enumerate(values)]


class Nights:
    """Nights in a row with their states, as the database would keep them; `said` are the notices of all nights."""

    def __init__(self, *rules: Rule, **watch: Any) -> None:
        self.watch = Watch(rules=rules, system=(), **watch)
        self.states: dict[tuple[str, str], Alert] = {}
        self.hush: Hush = LOUD
        self.said: list[Notice] = []

    def night(
        self, day: date, book: Sequence[Figures], movements: dict[str, list[SingleMovement]] | None = None, **seen: Any
    ) -> list[str]:
        """One night on a book: what was said, as `kind: rule segment, …` for each message; withheld ones in brackets."""
        shelf = Shelf(book)
        found: list[Reading] = [r for rule in self.watch.rules for r in readings(rule, shelf)]
        decision = decide(self.watch, Seen(found, movements or {}, **seen), self.states, day, self.hush)
        return self.keep(decision)

    def keep(self, decision: Decision) -> list[str]:
        """Keep what was decided, the way a database does: through JSON."""
        import json

        for before, after in decision.changed:
            assert self.states.get(after.key) == before
            self.states[after.key] = Alert.of(after.rule, after.segment, after.state, json.loads(json.dumps(after.body())))
        for key in decision.over:
            del self.states[key]
        self.said += decision.notices
        return [spoken(notice) for notice in decision.notices]

    def state(self, rule: str, segment: str = "") -> str:
        """Where an alert stands."""
        found = self.states.get((rule, segment))
        return found.state if found else "ok"


def spoken(notice: Notice) -> str:
    """A notice in short."""
    names = ", ".join(f"{e.alert.rule} {e.alert.segment}".strip() for e in notice.events)
    said = f"{notice.kind}: {names}" + (" (follows)" if notice.follows and notice.kind == "firing" else "")
    return f"[{said}]" if notice.withheld else said
