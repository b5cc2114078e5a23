"""Nothing personal is in the database unless somebody asked for it, and text that no database takes stops nothing."""

import zlib
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from integrations.store.db.engine import begin, read
from integrations.store.facts.customers import contacts, erase
from integrations.store.facts.write import Page
from integrations.stripe.client import Client
from integrations.stripe.limits import LocalLimiter
from integrations.stripe.reader import Reader
from metrics.evidence import Customer, CustomerState, Instant, Item, Source, Subscription, SubscriptionState
from metrics.ledger.basis import Basis
from tests.integrations.store.telling import everything_in, rows
from tests.stories.living import UNLIMITED
from tests.worker.facts import Told, at, derive, derived, mrr, wiring
from worker.ingest.accounts import Source as Origin
from worker.ingest.accounts import Sources
from worker.runs import steps
from worker.runs.verify import verify

BUSINESS = Business(customers=14, months=3, seed=5)


def read_into(engine: Engine, sandbox: Sandbox, **switches: Any) -> None:
    """Sync an account with a reader that is set so, twice: lists first, then events."""

    def reader(_name: str, _mode: bool | None) -> Reader:
        return Reader(Client(sandbox.key, limiter=LocalLimiter(UNLIMITED), base=sandbox.url), **switches)

    found = wiring(engine, "2024-03-20")
    found = replace(found, sources=Sources(engine, [Origin("main")], reader), pretended=None)
    for moment in ("2024-03-01", "2024-03-20"):
        sandbox.set_now(at(moment))
        assert "done" == steps.sync(found).status
    found.sources.close()


def secrets(sandbox: Sandbox) -> set[str]:
    """Every name and address that the business knows."""
    lives = [life.customer for _, life in sandbox.business.lives(sandbox.now)]
    return {text for each in lives for text in (each.name, each.email)}


def held(engine: Engine, sandbox: Sandbox) -> set[str]:
    """Those of them that are anywhere in the database."""
    found = everything_in(engine)
    return {text for text in secrets(sandbox) if text in found}


@pytest.mark.parametrize("switches", [{}, {"payloads": False}], ids=["payloads", "none"])
def test_no_name_is_stored_unasked(engine: Engine, switches: dict[str, Any]) -> None:
    """Neither from lists nor from events, in no table, not even inside what Stripe sent; what it sent is kept only if that is set."""
    with Sandbox(BUSINESS, now="2024-03-01") as sandbox:
        read_into(engine, sandbox, **switches)
        assert len(secrets(sandbox)) > 10
        assert set() == held(engine, sandbox)
        assert 0 == rows(engine, "person")
        assert bool(rows(engine, "payload")) is not ("payloads" in switches)


def test_names_that_were_asked_for_can_be_forgotten(engine: Engine) -> None:
    """With the setting every customer has its name; one that is forgotten has none, and no later sync brings it back."""
    with Sandbox(BUSINESS, now="2024-03-01") as sandbox:
        read_into(engine, sandbox, people=True)
        everybody = [life.customer for _, life in BUSINESS.lives(sandbox.now)]
        assert rows(engine, "person") >= len(everybody) - 2, "a deleted one has no name any more"
        gone = everybody[0]
        with read(engine) as connection:
            assert gone.name == (contacts.named(connection, [gone.id])[gone.id].name or "")
        with begin(engine) as connection:
            erase.forget(connection, 1, gone.id, metadata=True)
        assert not {gone.name, gone.email} & held(engine, sandbox)
        read_into(engine, sandbox, people=True)
        assert not {gone.name, gone.email} & held(engine, sandbox)
        with read(engine) as connection:
            assert {} == contacts.named(connection, [gone.id])


NASTY = {"nul": "a\x00b", "half a pair": "a\x00b\ud800c\ufffd" + "\U0001f4a9" * 3}
HUGE = {f"key_{n}": "ü" * 500 for n in range(50)}


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
def test_text_that_no_database_takes_survives_to_the_ledger(engine: Engine, nasty: str) -> None:
    """NUL, half surrogate pairs and as much metadata as Stripe allows: stored, merged by, derived from, read back and verified."""
    told = Told(engine)
    told.catalog()
    metadata = tuple(sorted({**HUGE, "company": nasty, nasty: "x"}.items()))
    for name in ("cus_a", "cus_b"):
        about = Subscription(
            f"sub_{name}",
            name,
            "active",
            "usd",
            at("2025-01-01"),
            at("2025-01-01"),
            (Item(f"si_{name}", "price_basic", 1),),
            metadata=metadata,
        )
        known = Customer(name, at("2025-01-01"), country="DE", metadata=metadata)
        page = Page(
            at("2025-01-01"),
            customers=[CustomerState(at("2025-01-01"), Source.SNAPSHOT, "", known)],
            subscriptions=[SubscriptionState(at("2025-01-01"), Source.SNAPSHOT, "", about)],
            people=[contacts.Person(name, nasty, nasty)],
            payloads=[
                ("subscription", about.id, "", Instant(at("2025-01-01")), zlib.compress(nasty.encode(errors="surrogatepass")))
            ],
        )
        assert told.put(page) > 0
        assert 0 == told.put(page)
    basis = Basis(merge_key="company")
    derive(engine, "2025-02-01", basis)
    assert [20] == list(mrr(engine, basis).values())
    assert () == verify(wiring(engine, "2025-02-01", basis)).problems
    told.subscription("cus_a", "2025-02-02", quantity=3)
    derive(engine, "2025-02-03", basis)
    grown = derived(engine)
    assert [50] == list(mrr(engine, basis).values())
    derive(engine, "2025-02-03", basis, rebuild=True)
    assert derived(engine) == grown
