"""Whatever one reads, and whenever: what is known in the end decides, and whoever saw less is told so.

Histories of reading are drawn: syncs, audits and backfills at any second, close to what happens and far from it, of which some take their
time while the account goes on changing, some are cut off and gone on with later, and events and lists lag behind. All goes through the
product's own reading, on SQLite. One thread reads, so that the same history is the same whenever it is tried.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, example, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from integrations.store.db.clock import now as database_now
from integrations.store.db.engine import begin
from integrations.store.facts import write as write_facts
from integrations.stripe.errors import ReadError
from metrics.entries import CustomerLedger, Movement
from metrics.evidence import Finding, Instant
from tests.examples import SAME, so_many
from tests.lives.account import Account
from tests.lives.bases import SECOND
from tests.lives.everyone import START, content, everybody, unsaid
from tests.lives.installation import Installation
from tests.lives.objects import DAY, noon

HOUR: Final = 3_600
ACTIONS: Final = (
    "sync",
    "sync",
    "sync",
    "audit",
    "audit",
    "backfill",
    "backfill subscriptions",
    "backfill invoices",
    "backfill events",
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One of a history's readings, and how it goes: see `Installation.begin`."""

    at: int
    what: str
    pace: int = 0
    answers: int | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Lag:
    """How late Stripe's lists are with what happens: seconds by the number of an event, and by the number of a subscription's change."""

    events: tuple[tuple[int, int], ...] = ()
    changes: tuple[tuple[int, int], ...] = ()


NO_LAG: Final = Lag()
History = tuple[Reading, ...]


@cache
def happenings() -> tuple[int, ...]:
    """Every second in which something is told within the time that is lived through."""
    return tuple(sorted({e["created"] for _, e in everybody().events if START < e["created"] < SECOND}))


@cache
def changes() -> tuple[tuple[str, int], ...]:
    """The subscriptions and which of their versions came about within that time."""
    held = everybody().versions["subscriptions"]
    return tuple((name, n) for name, versions in sorted(held.items()) for n, (at, _) in enumerate(versions) if n and at > START)


def behind(lag: Lag) -> Account:
    """All base accounts, of which some lists lag."""
    whole = everybody()
    account = copy(whole)
    account.events = list(whole.events)
    for number, late in lag.events:
        index = number % len(account.events)
        appears, told = account.events[index]
        account.events[index] = appears + late, told
    account.versions = whole.versions | {"subscriptions": dict(whole.versions["subscriptions"])}
    for number, late in lag.changes:
        name, version = changes()[number % len(changes())]
        versions = list(account.versions["subscriptions"][name])
        at, obj = versions[version]
        following = versions[version + 1][0] if version + 1 < len(versions) else at + late
        versions[version] = min(at + late, following), obj
        account.versions["subscriptions"][name] = versions
    return account


_near = st.builds(
    lambda at, by: min(max(at + by, START), SECOND - 1),
    st.sampled_from(happenings()),
    st.sampled_from((-HOUR, -601, -61, -1, 0, 1, 5, 59, 61, 300, 599, 601, HOUR - 1, HOUR + 1, 26 * HOUR)),
)
moments = st.one_of(_near, st.integers(START, SECOND - 1))
readings = st.builds(
    Reading,
    moments,
    st.sampled_from(ACTIONS),
    st.sampled_from((0, 0, 1, 7, 45)),
    st.one_of(st.none(), st.none(), st.integers(1, 60)),
    st.booleans(),
)
histories = st.lists(readings, min_size=1, max_size=6).map(lambda each: tuple(sorted(each, key=lambda r: r.at)))
lags = st.builds(
    Lag,
    st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from((30, 400, 1_200, 5 * HOUR, 2 * DAY))), max_size=6).map(tuple),
    st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from((20, 400, 1_500))), max_size=4).map(tuple),
)


def live(installation: Installation, history: History) -> None:
    """The readings in their order; those that are cut off are left open, and gone on with after all others at the latest."""
    for reading in history:
        try:
            report = installation.begin(reading.what, reading.at, pace=reading.pace, answers=reading.answers, asked=reading.asked)
        except (ReadError, KeyError):
            assert reading.answers is not None, reading
            continue
        assert report.status == "done" or reading.answers is not None, (reading, report.status, report.errors, report.error)
    installation.go_on(SECOND)


# --- the same evidence ----------------------------------------------------------------------------------------------------------

Stored = list[tuple[int, Any]]
"""The account and the page, of each that was to be stored."""


@contextmanager
def noting(stored: Stored) -> Iterator[None]:
    """Whatever is stored meanwhile is noted too."""
    put = write_facts.put_page

    def noted(connection: Connection, account: int, page: Any, *rest: Any, **more: Any) -> Any:
        stored.append((account, page))
        return put(connection, account, page, *rest, **more)

    write_facts.put_page = noted
    try:
        yield
    finally:
        write_facts.put_page = put


def told_all(installation: Installation, pages: Stored) -> tuple[list[str], list[str]]:
    """Facts and ledgers once it was told all of these as well."""
    for account, page in pages:
        with begin(installation.engine) as connection:
            write_facts.put_page(connection, account, page, database_now(connection))
    return content(installation)


def hold_with_the_same_evidence(one: History, other: History, lag: Lag, order: int, folder: Path, template: Path) -> None:
    """What two histories learnt, told to both of them in different orders, comes to the same facts and the same ledgers, byte for byte."""
    found = []
    learnt: list[Stored] = [[], []]
    account = behind(lag)
    first = Installation(account, folder / "one.sqlite3", template, threads=1)
    second = Installation(account, folder / "other.sqlite3", template, threads=1)
    with first, second:
        for installation, history, stored in ((first, one, learnt[0]), (second, other, learnt[1])):
            with noting(stored):
                installation.sync(START)
                live(installation, history)
        pages = learnt[0] + learnt[1]
        for number, installation in enumerate((first, second)):
            shaken = list(pages)
            Random(order + number).shuffle(shaken)
            found.append(told_all(installation, shaken))
    assert found[0][1] == found[1][1]
    assert found[0][0] == found[1][0]


# --- less evidence --------------------------------------------------------------------------------------------------------------


def lived(history: History, lag: Lag, file: Path, template: Path) -> dict[str, CustomerLedger]:
    """Ledgers after a history, and at the end a sync that goes on with what was left open (and would look again by itself, had time passed by
    the database's clock, too), a sync of that moment, and an audit."""
    with Installation(behind(lag), file, template, threads=1) as installation:
        live(installation, history)
        installation.sync(SECOND).sync(SECOND).audit(SECOND)
        return installation.ledgers(SECOND)


NIGHTLY: Final[History] = tuple(
    Reading(at + more, what) for at in range(START, SECOND, 2 * DAY) for more, what in ((0, "sync"), (HOUR, "audit"))
)
"""Every other night: a night in between has nothing to say that the next one doesn't."""


Ledgers = Callable[[], dict[str, CustomerLedger]]
"""Asked for, not handed over: a failing case is shown with its arguments, and these would be a hundred pages."""


@pytest.fixture(scope="module")
def nightly(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Ledgers:
    """Ledgers of an installation that synced and audited at night, of an account whose lists never lag."""
    found = lived(NIGHTLY, NO_LAG, tmp_path_factory.mktemp("nightly") / "nrr.sqlite3", template)
    return lambda: found


def hold_against_nightly(history: History, lag: Lag, nightly: Ledgers, file: Path, template: Path) -> None:
    """A history that saw less differs only where that is said."""
    found, known = lived(history, lag, file, template), nightly()
    assert known.keys() == found.keys()
    silent = {name: unsaid(found[name], whole) for name, whole in known.items()}
    assert {} == {name: movements for name, movements in silent.items() if movements}


# --- the properties ---------------------------------------------------------------------------------------------------------------

_CALM: Final = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.explicit, Phase.generate]}
OUT_OF_ORDER: Final = (Reading(START + 5 * DAY, "sync", 7, 30), Reading(START + 12 * DAY, "backfill", 1, 12, asked=True))
"""A sync that the host gave up in the middle, and a backfill that was asked to stop."""
GIVEN_UP: Final = (Reading(START + 16 * DAY, "sync"), Reading(START + 17 * DAY, "sync", 7, 6))
"""A sync that the host gave up for good, so that the next one goes on with what it had planned."""


@settings(so_many(20), **_CALM)  # type: ignore[arg-type]  # settings by name
@given(one=histories, other=histories, lag=lags, order=st.integers(0, 1 << 16))
@example(one=OUT_OF_ORDER, other=NIGHTLY[-4:], lag=NO_LAG, order=0)
@pytest.mark.long
def test_the_same_evidence_gives_the_same_ledger(
    one: History, other: History, lag: Lag, order: int, tmp_path_factory: pytest.TempPathFactory, template: Path
) -> None:
    """However it came together: by events, lists, audits or backfills, in whatever order."""
    hold_with_the_same_evidence(one, other, lag, order, tmp_path_factory.mktemp("same"), template)


@pytest.mark.long
@settings(so_many(70), **_CALM)  # type: ignore[arg-type]  # settings by name
@given(history=histories, lag=lags)
@example(history=(), lag=NO_LAG)
@example(history=OUT_OF_ORDER, lag=NO_LAG)
@example(history=GIVEN_UP, lag=Lag(events=((0, 1_200),)))
def test_a_history_that_saw_less_says_so(
    history: History, lag: Lag, nightly: Ledgers, tmp_path_factory: pytest.TempPathFactory, template: Path
) -> None:
    """Read rarely or often, at any moment, by whatever means: what differs from a nightly reading is *inferred* or has a finding."""
    hold_against_nightly(history, lag, nightly, tmp_path_factory.mktemp("less") / "nrr.sqlite3", template)


def _part(number: int, cases: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Settings for one part of very many random cases: each part has its own, and time of its own to be done in."""

    def decorated(test: Callable[..., None]) -> Callable[..., None]:
        calm = settings(max_examples=cases, **_CALM)(test)  # type: ignore[arg-type]  # settings by name
        return seed(number)(calm) if SAME else calm

    return decorated


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_the_same_evidence_gives_the_same_ledger_at_length(
    part: int, tmp_path_factory: pytest.TempPathFactory, template: Path
) -> None:
    """Likewise, for a hundred pairs of histories."""

    @_part(part, 5)
    @given(one=histories, other=histories, lag=lags, order=st.integers(0, 1 << 16))
    def same(one: History, other: History, lag: Lag, order: int) -> None:
        hold_with_the_same_evidence(one, other, lag, order, tmp_path_factory.mktemp("same"), template)

    same()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_any_history_that_saw_less_says_so(
    part: int, nightly: Ledgers, tmp_path_factory: pytest.TempPathFactory, template: Path
) -> None:
    """Likewise, for two hundred histories."""

    @_part(part, 10)
    @given(history=histories, lag=lags)
    def says_so(history: History, lag: Lag) -> None:
        hold_against_nightly(history, lag, nightly, tmp_path_factory.mktemp("less") / "nrr.sqlite3", template)

    says_so()


def test_a_history_is_the_same_whenever_it_is_tried(tmp_path: Path, template: Path) -> None:
    """The same readings, of which one takes its time and two are cut off, store the same pages in the same order."""
    noted: list[Stored] = [[], []]
    for number, stored in enumerate(noted):
        with Installation(everybody(), tmp_path / f"{number}.sqlite3", template, threads=1) as installation, noting(stored):
            installation.sync(START)
            live(installation, OUT_OF_ORDER)
    assert [repr(page) for _, page in noted[0]] == [repr(page) for _, page in noted[1]]


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
