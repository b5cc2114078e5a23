"""What is known in the end decides, not how it was learnt: two histories of reading with the same evidence give the same ledger.

All base accounts are read side by side. Pages are the product's own, as its reader hands them over; they are stored in any order and any
number of times. Whole histories (syncs, audits and backfills at any moments) are held against one that read every night.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from integrations.store.db.clock import now as database_now
from integrations.store.db.engine import begin, read
from integrations.store.facts import accounts
from integrations.store.facts import write as write_facts
from integrations.stripe.page import StripePage
from integrations.stripe.reader import Reader
from metrics.entries import CustomerLedger, Movement
from metrics.evidence import Finding, Instant
from tests.examples import part_of
from tests.integrations.store import dump
from tests.lives.account import Account
from tests.lives.bases import BASES, SECOND
from tests.lives.installation import InMemory, Installation
from tests.lives.maker import Maker
from tests.lives.objects import DAY, noon
from worker.ingest import translate as translated
from worker.ingest.plan import STREAMS

START = noon("2026-05-16", hour=18)
NIGHTS = tuple(range(START, SECOND + 1, 2 * DAY))
"""Every other night: a night in between has nothing to say that the next one doesn't."""


@cache
def everybody() -> Account:
    """All base accounts, half of them with events in the older shape."""
    together = Account()
    for number, (name, build) in enumerate(BASES.items()):
        own = Account(old_events=number % 2 == 1, tag=f"{name}_")
        build(Maker(own, name.replace("_", "") + "x"))
        together.absorb(own)
    return together


# --- the same pages -----------------------------------------------------------------------------------------------------------


@cache
def readings() -> tuple[StripePage, ...]:
    """Every list and every single object of a first, a middle and a last moment, as the product's reader reads them."""
    out: list[StripePage] = []
    client = InMemory(everybody())
    reader = Reader(client)
    for moment in (NIGHTS[0], NIGHTS[6], NIGHTS[-1]):
        client.wire.moment = moment
        for stream in STREAMS:
            out += reader.pages(stream)
        out += [reader.subscription(name) for name in sorted(client.wire.account.versions["subscriptions"])[::2]]
        out += [reader.invoice(name) for name in sorted(client.wire.account.versions["invoices"])[::5]]
    return tuple(out)


def stored(pages: Sequence[StripePage], file: Path, template: Path) -> tuple[list[str], list[str]]:
    """Facts and ledgers after storing pages in this order, each in a transaction of its own."""
    with Installation(everybody(), file, template) as installation:
        with begin(installation.engine) as connection:
            account = accounts.bind(
                connection, name="default", stripe_id="acct_lives", livemode=False, country=None, default_currency=None
            )
        for page in pages:
            with begin(installation.engine) as connection:
                write_facts.put_page(connection, account, translated.merged([page]), database_now(connection))
        with read(installation.engine) as connection:
            lines = evident(dump.canonical(connection, derived=False))
        return lines, [repr(ledger) for _, ledger in sorted(installation.ledgers(SECOND).items())]


def evident(lines: Iterable[str]) -> list[str]:
    """Facts without the answers as they were sent: of two of one moment, a list's and a single object's, either is kept."""
    return [line for line in lines if '"table": "payload"' not in line]


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory, template: Path) -> tuple[list[str], list[str]]:
    """What comes of the pages in the order in which they were read."""
    return stored(readings(), tmp_path_factory.mktemp("straight") / "nrr.sqlite3", template)


def hold_in_any_order(seed: int, straight: tuple[list[str], list[str]], folder: Path, template: Path) -> None:
    """One order of pages, some of them twice, against the order in which they were read."""
    random = Random(seed)
    pages = list(readings())
    shaken = [*pages, *random.choices(pages, k=len(pages) // 4)]
    random.shuffle(shaken)
    found = stored(shaken, folder / "nrr.sqlite3", template)
    assert straight[1] == found[1]
    assert straight[0] == found[0]


@pytest.mark.parametrize("seed", range(3))
def test_pages_may_come_in_any_order_any_number_of_times(
    seed: int, straight: tuple[list[str], list[str]], tmp_path: Path, template: Path
) -> None:
    """The same pages in another order, some of them again: the same facts and the same ledgers, byte for byte."""
    hold_in_any_order(seed, straight, tmp_path, template)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 100))
def test_pages_may_come_in_any_order_at_length(
    seed: int, straight: tuple[list[str], list[str]], tmp_path: Path, template: Path
) -> None:
    """Likewise, in very many orders."""
    hold_in_any_order(seed, straight, tmp_path, template)


# --- whole histories ----------------------------------------------------------------------------------------------------------

ACTIONS = ("sync", "sync", "audit", "backfill", "again")
History = tuple[tuple[int, str], ...]
histories = st.lists(
    st.tuples(st.integers(0, len(NIGHTS) - 2), st.sampled_from(ACTIONS)), min_size=1, max_size=6, unique_by=lambda x: x[0]
).map(lambda each: tuple(sorted(each)))


def lived(history: History, file: Path, template: Path) -> dict[str, CustomerLedger]:
    """Ledgers after a history: what was done on which nights, a sync first and last."""
    with Installation(everybody(), file, template) as installation:
        for night, action in history:
            at = NIGHTS[night]
            installation.sync(at)
            if action == "audit":
                installation.audit(at)
            elif action == "backfill":
                installation.backfill(at)
            elif action == "again":
                installation.sync(at).audit(at).sync(at)
        installation.sync(SECOND).audit(SECOND)
        return installation.ledgers(SECOND)


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory, template: Path) -> dict[str, CustomerLedger]:
    """Ledgers of an installation that synced and audited every night."""
    every_night = tuple((night, "audit") for night in range(len(NIGHTS) - 1))
    return lived(every_night, tmp_path_factory.mktemp("nightly") / "nrr.sqlite3", template)


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


def hold_against_nightly(history: History, nightly: dict[str, CustomerLedger], file: Path, template: Path) -> None:
    """A history that saw less differs only where that is said."""
    found = lived(history, file, template)
    assert nightly.keys() == found.keys()
    silent = {name: unsaid(found[name], whole) for name, whole in nightly.items()}
    assert {} == {name: movements for name, movements in silent.items() if movements}


@settings(
    max_examples=part_of(4),
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(history=histories)
@example(history=())
def test_a_history_that_saw_less_says_so(
    history: History, nightly: dict[str, CustomerLedger], tmp_path_factory: pytest.TempPathFactory, template: Path
) -> None:
    """Read rarely or often, by events, audits or backfills: what differs from a nightly reading is *inferred* or has a finding."""
    hold_against_nightly(history, nightly, tmp_path_factory.mktemp("history") / "nrr.sqlite3", template)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories)
def test_any_history_that_saw_less_says_so(
    history: History, nightly: dict[str, CustomerLedger], tmp_path_factory: pytest.TempPathFactory, template: Path
) -> None:
    """Likewise, for very many histories."""
    hold_against_nightly(history, nightly, tmp_path_factory.mktemp("history") / "nrr.sqlite3", template)


def test_doing_it_again_changes_nothing(tmp_path: Path, template: Path) -> None:
    """On one and the same moment syncs, audits and backfills may be repeated in any order: facts and ledgers stay as they are."""
    at = NIGHTS[10]
    with Installation(everybody(), tmp_path / "nrr.sqlite3", template) as installation:
        installation.sync(at)
        before = content(installation)
        for again in (installation.sync, installation.audit, installation.backfill, installation.audit, installation.sync):
            again(at)
            assert before == content(installation)


def content(installation: Installation) -> tuple[list[str], list[str]]:
    """Facts and ledgers."""
    with read(installation.engine) as connection:
        lines = evident(dump.canonical(connection, derived=False))
    return lines, [repr(ledger) for _, ledger in sorted(installation.ledgers(SECOND).items())]


def test_a_finding_about_something_else_excuses_nothing() -> None:
    """The property would see a silent difference: only what is about the very subscription, and of about that time, explains it."""
    moved = Movement("cus", date(2026, 6, 1), "usd", "churn", "canceled_voluntary", 5, 0, 5, 0, ("sub_a", "evt_1"), False)
    whole, seen = (CustomerLedger("cus", (m,) if m else (), (), (), (), ()) for m in (moved, None))

    def noted(object_id: str, detail: str, at: int | None) -> CustomerLedger:
        return replace(seen, findings=(Finding(1, object_id, "gap", detail, "cus", None if at is None else Instant(at)),))

    near, far = noon("2026-05-20"), noon("2026-01-20")
    assert [moved] == unsaid(seen, whole)
    assert [moved] == unsaid(noted("sub_ab", "a gap of sub_ab", near), whole)
    assert [moved] == unsaid(noted("sub_a", "a gap of sub_a", far), whole)
    assert [] == unsaid(noted("sub_a", "a gap of sub_a", near), whole)
    assert [] == unsaid(noted("il_1", "line il_1 of sub_a says too little", near), whole)
