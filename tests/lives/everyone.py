"""All base accounts side by side, what is known of them in the end, and what one ledger lacks of another without a word."""

import json
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from integrations.store.db.engine import read
from metrics.entries import CustomerLedger, Movement
from metrics.evidence import Finding
from tests.integrations.store import dump
from tests.lives.account import Account
from tests.lives.bases import BASES, SECOND
from tests.lives.installation import Installation
from tests.lives.maker import Maker
from tests.lives.objects import DAY, noon

START: Final = noon("2026-05-16", hour=18)
"""Nobody has read anything before."""


@cache
def everybody() -> Account:
    """All base accounts, half of them with events in the older shape."""
    together = Account()
    for number, (name, build) in enumerate(BASES.items()):
        own = Account(old_events=number % 2 == 1, tag=f"{name}_")
        build(Maker(own, name.replace("_", "") + "x"))
        together.absorb(own)
    return together


def evident(lines: Iterable[str]) -> list[str]:
    """Facts without the answers as they were sent (of two of one moment, a list's and a single object's, either is kept), and without which
    sightings are to be kept for good, which is decided as lines come in."""
    return [_evident(json.loads(line)) for line in lines if '"table": "payload"' not in line]


def _evident(row: dict[str, Any]) -> str:
    if row.get("seen"):
        row["seen"] = row["seen"][0]
    return json.dumps(row)


def content(installation: Installation) -> tuple[list[str], list[str]]:
    """Facts and ledgers."""
    with read(installation.engine) as connection:
        lines = evident(dump.canonical(connection, derived=False))
    return lines, [repr(ledger) for _, ledger in sorted(installation.ledgers(SECOND).items())]


# --- what differs -----------------------------------------------------------------------------------------------------------------


def unsaid(seen: CustomerLedger, whole: CustomerLedger) -> list[Movement]:
    """Movements of one ledger that the other lacks and that nothing marks as uncertain: neither *inferred* (itself, or one of the other ledger
    on the same day and of the same subscription), nor within the time that a finding says is known from invoices only, nor spoken of by a
    finding that the other ledger lacks, which names the movement's objects and is of about its time."""
    both = ((seen, whole), (whole, seen))
    lacking = [m for mine, other in both for m in mine.movements if _key(m) not in {_key(x) for x in other.movements}]
    doubt = {(m.day, name) for m in (*seen.movements, *whole.movements) if m.inferred for name in _subscriptions(m)}
    from_invoices = max((f.at or 0 for f in seen.findings if f.reason == "history_from_invoices"), default=0)
    known = {(f.object_id, f.reason, f.at) for f in whole.findings}
    told = [f for f in seen.findings if (f.object_id, f.reason, f.at) not in known]
    return [
        m
        for m in lacking
        if not (
            m.inferred
            or any((m.day, name) in doubt for name in _subscriptions(m))
            or _noon(m) <= from_invoices
            or any(_speaks_of(f, m) for f in told)
        )
    ]


REACH: Final = 31 * DAY
"""So far from a movement a finding may be dated that explains it: a cycle of a month."""


def _subscriptions(m: Movement) -> set[str]:
    return {name for name in m.evidence if name.startswith("sub_")}


def _speaks_of(found: Finding, m: Movement) -> bool:
    """Whether a finding is about what moved, at about that time."""
    named = found.object_id in m.evidence or any(re.search(rf"\b{re.escape(name)}\b", found.detail) for name in _subscriptions(m))
    return named and (found.at is None or abs(found.at - _noon(m)) <= REACH)


def _key(m: Movement) -> tuple[object, ...]:
    return m.day, m.currency, m.kind, m.before_micros, m.after_micros


def _noon(m: Movement) -> int:
    return noon(m.day.isoformat())
