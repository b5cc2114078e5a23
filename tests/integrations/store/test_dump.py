"""Two databases with the same dump hold the same facts and the same figures, whichever kind they are and whenever they learnt them."""

import json
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from integrations.store.db.engine import begin, open_engine, read
from integrations.store.facts.write import Page, put_page
from integrations.store.ledger import bases as ledger_bases
from integrations.store.migrate import upgrade
from integrations.store.tables import metadata
from metrics.evidence import Instant
from tests.integrations.store.dump import DERIVED, FACTS, canonical
from tests.integrations.store.telling import LEARNT, customer, event, invoice, subscription

NOT_DUMPED = {
    "account",
    "adjustment",
    "alert_history",
    "alert_state",
    "audit_log",
    "basis",
    "billing_news",
    "channel_state",
    "cursor",
    "forgotten",
    "former",
    "former_rows",
    "job",
    "mute",
    "outbox",
    "person",
    "report_made",
    "quarantine",
    "recheck",
    "restatement",
    "rollup_part",
    "run",
    "setting",
    "signal",
    "touched",
    "unconfirmed",
    "worker",
}
"""Work, words and people: none of it is facts or figures."""


def fill(engine: Engine, learnt: datetime) -> None:
    """Something in most tables of facts, and a basis."""
    page = Page(
        Instant(100),
        customers=[customer("cus_ä", note="\x00")],
        subscriptions=[subscription("sub_1", "cus_ä")],
        invoices=[invoice("in_1", "cus_ä")],
        events=[event("evt_1", "cus_ä")],
        payloads=[("event", "evt_1", "evt_1", Instant(100), zlib.compress(b'{"a": "\xc3\xa4\xff"}'))],
    )
    with begin(engine) as connection:
        put_page(connection, 1, page, learnt)
        ledger_bases.put(connection, "b", "default", {})


def test_a_dump_does_not_tell_when_and_by_whom(engine: Engine, tmp_path: Path) -> None:
    """Learnt an hour later, in the other kind of database: the same to the byte, one line of JSON a row, in order within each table."""
    fill(engine, LEARNT)
    other = open_engine(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    upgrade(other)
    fill(other, datetime.now(UTC) + timedelta(hours=1))
    with read(engine) as one, read(other) as two:
        dump = list(canonical(one))
        assert dump == list(canonical(two))
        assert dump == [*canonical(one, derived=False), *canonical(one, facts=False)]
    other.dispose()
    found = [json.loads(line)["table"] for line in dump]
    assert {"customer_state", "subscription_state", "invoice", "invoice_line", "event", "payload"} == set(found)
    assert not any("2026-01-01" in line for line in dump)


def test_a_fact_more_is_seen(engine: Engine) -> None:
    """Any difference is a difference of the dump."""
    fill(engine, LEARNT)
    with begin(engine) as connection:
        before = list(canonical(connection))
        put_page(connection, 1, Page(Instant(200), subscriptions=[subscription("sub_1", "cus_ä", 200, quantity=2)]), LEARNT)
        assert before != list(canonical(connection))


def test_no_table_is_forgotten() -> None:
    """Each table is dumped, or named here as one that holds neither facts nor figures."""
    assert set(metadata.tables) == {table.name for table in (*FACTS, *DERIVED)} | NOT_DUMPED
