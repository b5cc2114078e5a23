"""How long what is personal is kept is a setting, and who did what by hand is written down."""

import json
import os
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, insert, select

from integrations.store.alerts.schema import outbox
from integrations.store.db.engine import begin, read
from integrations.store.facts.customers.contacts import Person
from integrations.store.facts.schema import forgotten, payload, person
from integrations.store.facts.write import Page
from integrations.store.work import audit_log, key_value
from metrics.evidence import Customer, CustomerState, Source
from tests.integrations.store.telling import LEARNT, rows
from tests.worker.facts import Told, at, wiring
from worker.alerts import mutes
from worker.config.settings import Settings
from worker.figures.exchange_rates import load_file
from worker.runs import database, refresh
from worker.runs.removal.personal import keep_to
from worker.runs.settings_log import note_changes

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def settings(**given: Any) -> Settings:
    """Settings of nothing but these."""
    return Settings(**given)


def kept(engine: Engine, **given: Any) -> None:
    """Tidy up as these settings say."""
    with begin(engine) as connection:
        keep_to(connection, settings(**given), NOW)


def seen(told: Told, customer: str, when: str, *, deleted: bool = False) -> None:
    """A customer with a name and a payload, as it was seen then."""
    about = Customer(customer, at(when), deleted=deleted, metadata=(("industry", "tea"),))
    told.put(
        Page(
            at(when),
            customers=[CustomerState(at(when), Source.EVENT if deleted else Source.SNAPSHOT, "evt_1" if deleted else "", about)],
            people=[Person(customer, f"Name of {customer}", None)],
        )
    )


def names(engine: Engine) -> set[str]:
    """Whose names are stored."""
    with read(engine) as connection:
        return set(connection.execute(select(person.c.customer_id)).scalars())


def test_names_that_are_no_longer_asked_for_go(engine: Engine) -> None:
    """Switched off, the names that were stored before go with the next night; switched on they stay."""
    seen(Told(engine), "cus_a", "2026-05-01")
    kept(engine, store_names=True)
    assert {"cus_a"} == names(engine)
    kept(engine)
    assert set() == names(engine)


def test_names_that_stripe_shows_no_more_go_after_a_while(engine: Engine) -> None:
    """As many days after they were last seen as the setting says, and not a day sooner."""
    told = Told(engine)
    seen(told, "cus_old", "2026-04-01")
    seen(told, "cus_new", "2026-05-20")
    kept(engine, store_names=True, keep_name_days=61)
    assert {"cus_old", "cus_new"} == names(engine)
    kept(engine, store_names=True, keep_name_days=60)
    assert {"cus_new"} == names(engine)


def test_what_stripe_sent_goes_after_a_while(engine: Engine) -> None:
    """By when it was stored; without the setting it stays for ever."""
    with begin(engine) as connection:
        row = {"account": 1, "kind": "event", "at": 1, "source_id": "evt", "body": zlib.compress(b"{}")}
        connection.execute(
            insert(payload), [{**row, "object_id": "old", "learnt_at": LEARNT}, {**row, "object_id": "new", "learnt_at": NOW}]
        )
    kept(engine)
    assert 2 == rows(engine, "payload")
    kept(engine, keep_payload_days=30)
    with read(engine) as connection:
        assert ["new"] == list(connection.execute(select(payload.c.object_id)).scalars())


def test_messages_lose_their_text_and_are_not_sent_again(engine: Engine) -> None:
    """Those that are done with; what they were of stays, which is what keeps a second one out. One that waits keeps all."""
    old = NOW - timedelta(days=40)
    with begin(engine) as connection:
        row = {
            "rule": "nrr", "segment": "", "window": "w", "channel": "slack", "body": '{"title": "Ada left"}', "token": 0, "attempts": 1,
            "doubts": 0, "progress": '{"ts": "1.2"}', "next_attempt_at": old, "created_at": old,
        }  # fmt: skip
        for number, (status, sent_at) in enumerate([("sent", old), ("due", None), ("sent", NOW), ("failed", None)]):
            connection.execute(insert(outbox).values(**row, transition=f"firing:{number}", status=status, sent_at=sent_at))
    kept(engine, keep_message_days=30)
    with read(engine) as connection:
        found = connection.execute(select(outbox.c.transition, outbox.c.body, outbox.c.progress).order_by(outbox.c.id)).all()
    assert ["firing:0", "firing:3"] == [t for t, body, _ in found if body == "{}"]
    assert {'{"ts": "1.2"}'} == {progress for _, _, progress in found}, "answers still find their thread"


def test_a_customer_deleted_in_stripe_is_forgotten_if_so_set(engine: Engine) -> None:
    """Once, with its metadata, and it is written down why; without the setting nobody is."""
    told = Told(engine)
    seen(told, "cus_a", "2026-05-01")
    seen(told, "cus_b", "2026-05-01")
    seen(told, "cus_b", "2026-05-02", deleted=True)
    kept(engine, store_names=True)
    assert 0 == rows(engine, "forgotten")
    for _ in range(2):
        kept(engine, store_names=True, forget_deleted=True)
    with read(engine) as connection:
        assert [("cus_b", True)] == [
            tuple(row) for row in connection.execute(select(forgotten.c.customer_id, forgotten.c.metadata))
        ]
        assert ["deleted in Stripe"] == [entry.detail["why"] for entry in audit_log.latest(connection, action="forget")]
    assert {"cus_a"} == names(engine)


# --- who did what -------------------------------------------------------------------------------------------------------------


def deeds(engine: Engine) -> list[tuple[str, str]]:
    """What was done to what, oldest first; who did it is this system's user."""
    with read(engine) as connection:
        found = audit_log.latest(connection)
    assert {f"{os.environ.get('LOGNAME') or os.environ.get('USER') or _user()}@{os.uname().nodename}"} >= {
        e.system_user for e in found
    }
    return [(entry.action, entry.object) for entry in reversed(found)]


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def test_what_is_done_by_hand_is_written_down(engine: Engine, tmp_path: Path) -> None:
    """Muting, acknowledging, unmuting (once), rates and a rebuild: in the order in which they were done."""
    told = Told(engine)
    told.catalog()
    told.subscription("cus_a", "2026-05-01")
    mutes.silence(engine, "nrr-drop", "", "mute", None, "we know")
    mutes.silence(engine, "nrr-drop", "pro", "ack", None, "on it")
    for _ in range(2):
        mutes.unmute(engine, "nrr-drop", "")
    rates = tmp_path / "rates.csv"
    rates.write_text("day,unit,currency,rate\n2026-05-01,eur,usd,1.1\n")
    load_file(engine, str(rates))
    refresh.derive(wiring(engine, "2026-06-01"))
    refresh.derive(wiring(engine, "2026-06-01"), rebuild=True)
    expected = [
        ("mute", "nrr-drop"),
        ("acknowledge", "nrr-drop"),
        ("unmute", "nrr-drop"),
        ("rates load", "rates.csv"),
        ("rebuild", "default"),
    ]
    assert expected == deeds(engine)


def test_a_restore_is_written_down(engine: Engine, tmp_path: Path) -> None:
    """In the database that came back, with when the backup was made."""
    database.backup(engine, tmp_path / "b.zip", NOW)
    database.restore(engine, tmp_path / "b.zip", replace=True)
    assert [("restore", "b.zip")] == deeds(engine)


def test_changed_settings_are_written_down_without_secrets(engine: Engine) -> None:
    """Which ones, from what to what; of a secret only that it is set. A pair of processes that differ is noted once a day."""
    first = settings(reporting_timezone="UTC")
    second = settings(reporting_timezone="Europe/Berlin", smtp_password="hunter22", smtp_host="mail")
    for each in (first, first, second, first, second, first):
        with begin(engine) as connection:
            note_changes(connection, each)
    with read(engine) as connection:
        [entry] = audit_log.latest(connection)
        held = json.dumps(key_value.get(connection, "settings:held"))
    assert ("settings", "reporting_timezone, smtp_host, smtp_password") == (entry.action, entry.object)
    assert {"was": "UTC", "is": "Europe/Berlin"} == entry.detail["changed"]["reporting_timezone"]
    assert "hunter22" not in held + json.dumps(dict(entry.detail))
    with begin(engine) as connection:
        remembered = key_value.get(connection, "settings:held")
        key_value.put(connection, "settings:held", {**remembered, "at": "2020-01-01T00:00:00+00:00"})
        note_changes(connection, first)
        assert 2 == len(audit_log.latest(connection)), "gone back after days: that is a change"
