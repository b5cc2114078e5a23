"""Who was forgotten is nowhere any more: not in figures of any version, in messages, in records of work, in what reports are made from."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import polars as pl
import pytest
from sqlalchemy import Engine, insert, select

from integrations.store import tables
from integrations.store.alerts.schema import alert_history, alert_state, outbox
from integrations.store.db.engine import begin, read
from integrations.store.facts.customers.contacts import Person
from integrations.store.facts.write import Page
from integrations.store.figures.schema import report_made, restatement, rollup
from integrations.store.work import audit_log, jobs, runs
from integrations.store.work.runs import AlreadyRunning
from integrations.stripe.decode.sent import packed, unpacked
from metrics.evidence import Customer, CustomerState, Instant, Item, Source, Subscription, SubscriptionState
from metrics.keys import bounded
from metrics.ledger.basis import Basis
from tests.worker.facts import Told, at, derive, mrr, wiring
from worker.alerts import mutes
from worker.queries.customers import resolve
from worker.queries.person import held_of
from worker.runs import refresh
from worker.runs.forget import forget, look
from worker.runs.removal.personal import as_stripe_sent
from worker.wiring.wiring import Wiring

NAME, MAIL, FIELD, COMPANY, NOTE = (
    "Adalind Quimby",
    "ada@quimby.example",
    "submarine weaving",
    "Quimby & Söhne, Ltd.",
    "pays in shells",
)
PERSONAL = (NAME, MAIL, FIELD, COMPANY, NOTE)
RULE = Basis(merge_key="company")
SHARED = "banking for everyone"


def everything(engine: Engine) -> dict[str, str]:
    """By table and column, all that stands there as text, whatever it is packed in; JSON's escapes undone."""
    out: dict[str, list[str]] = {}
    with read(engine) as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                for name, value in row.items():
                    out.setdefault(f"{table.name}.{name}", []).append(_text(value))
    return {place: "\n".join(texts) for place, texts in out.items()}


def _text(value: Any) -> str:
    if isinstance(value, memoryview):
        value = bytes(value)
    if isinstance(value, dict):
        return "\n".join(_text(each) for pair in value.items() for each in pair)
    if isinstance(value, list | tuple):
        return "\n".join(map(_text, value))
    if isinstance(value, bytes):
        return _unpacked(value)
    text = str(value)
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return f"{text}\n{_text(found)}" if isinstance(found, dict | list) else text


def _unpacked(body: bytes) -> str:
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as file:
            return "\n".join(_unpacked(file.read(name)) for name in file.namelist())
    for reader in (unpacked, msgspec.msgpack.decode, lambda b: _text(pl.read_ipc_stream(io.BytesIO(b)).rows())):
        try:
            found = reader(body)
        except (msgspec.DecodeError, pl.exceptions.PolarsError, OSError, ValueError):
            continue
        return found.decode("utf-8", "replace") if isinstance(found, bytes) else _text(found)
    return body.decode("utf-8", "replace")


def where(engine: Engine, *texts: str) -> dict[str, list[str]]:
    """In which columns each of the texts still stands."""
    found = everything(engine)
    return {text: places for text in texts if (places := sorted(p for p, held in found.items() if text in held))}


def tell(told: Told, customer: str, when: str, quantity: int = 1, **metadata: str) -> None:
    """A customer with a subscription, as it was listed."""
    said = tuple(sorted(metadata.items()))
    about = Subscription(
        f"sub_{customer}",
        customer,
        "active",
        "usd",
        at("2025-01-01"),
        at("2025-01-01"),
        (Item(f"si_{customer}", "price_basic", quantity),),
        metadata=(("note", metadata.get("note", "none")),),
    )
    known = Customer(customer, at("2025-01-01"), country="DE", metadata=said)
    told.put(
        Page(
            at(when),
            customers=[CustomerState(at(when), Source.SNAPSHOT, "", known)],
            subscriptions=[SubscriptionState(at(when), Source.SNAPSHOT, "", about)],
            people=[
                Person(customer, NAME if customer == "cus_ada" else f"Somebody {customer}", MAIL if customer == "cus_ada" else None)
            ],
            payloads=[("subscription", about.id, "", Instant(at(when)), packed(json.dumps(dict(said)).encode()))],
        )
    )


def wired(engine: Engine, now: str, basis: Basis) -> Wiring:
    """A process whose figures are by what metadata say, alone and together with another dimension."""
    return replace(wiring(engine, now, basis), dimensions=("plan", "industry", "metadata.industry,country"))


def night(engine: Engine, now: str, basis: Basis) -> None:
    """Ledger and figures as of a day."""
    derive(engine, now, basis)
    report, _ = refresh.rollup(wired(engine, now, basis))
    assert "done" == report.status, report


def lived(engine: Engine, basis: Basis) -> None:
    """A year of two versions of every figure, with closed months restated, messages sent, a workbook kept and jobs that named people."""
    told = Told(engine)
    told.catalog()
    tell(told, "cus_ada", "2025-01-01", 4, industry=FIELD, company=COMPANY, note=NOTE)
    tell(told, "cus_bob", "2025-01-01", 3, industry=SHARED, company="Bob", note="b")
    tell(told, "cus_eve", "2025-01-01", 2, industry=SHARED, company="Eve", note="e")
    night(engine, "2025-06-10", basis)
    tell(told, "cus_ada", "2025-06-20", 6, industry=FIELD, company=COMPANY, note=NOTE)
    told.subscription("cus_ada", "2025-03-05", number=2, since="2025-02-01")
    night(engine, "2025-07-10", basis)
    told.subscription("cus_ada", "2025-07-11", number=2, since="2025-02-01", quantity=2)
    derive(engine, "2025-07-12", basis)  # so that what the ledger was is kept beside it, too
    mutes.silence(engine, "churn", FIELD, "mute", None, f"{NAME} told us")
    name = f"company:{COMPANY}" if basis.merge_key else "cus_ada"
    body = {
        "title": f"Churn: {NAME} ({MAIL}) left",
        "about": {"segment": FIELD, "window": "month"},
        "text": f"{NAME} of {name} left; {FIELD} fell by 12 %",
        "customers": [{"customer": name, "name": NAME, "delta": -12}],
    }
    with begin(engine) as connection:
        message = {
            "rule": "nrr", "segment": "", "window": "w", "transition": "firing:1", "channel": "slack", "body": json.dumps(body),
            "status": "sent", "token": 0, "attempts": 1, "doubts": 0, "progress": "{}",
            "next_attempt_at": datetime.now(UTC), "created_at": datetime.now(UTC),
        }  # fmt: skip
        connection.execute(insert(outbox), [message, {**message, "rule": "churn", "segment": FIELD}])
        state = {"rule": "churn", "segment": FIELD, "state": "firing", "version": 1, "body": json.dumps(body)}
        connection.execute(insert(alert_state), [{**state, "updated_at": datetime.now(UTC)}])
        past = {"rule": "nrr", "segment": "", "before": "ok", "after": "firing", "at": datetime.now(UTC), "body": json.dumps(body)}
        connection.execute(insert(alert_history), [past])
        block = io.BytesIO()
        with zipfile.ZipFile(block, "w") as file:
            inner = io.BytesIO()
            pl.DataFrame({"customer": [name], "industry": [FIELD]}).write_ipc_stream(inner, compression="zstd")
            file.writestr("cube.customers.arrow", inner.getvalue())
            file.writestr("content.json", "{}")
        made = {
            "basis": basis.version, "policy": "default", "what": "workbook", "kind": "month", "first": date(2025, 5, 1),
            "until": date(2025, 6, 1), "currency": "usd", "path": "/tmp/x.xlsx", "bytes": 1, "digest": "d",
            "known_at": datetime.now(UTC), "options": "{}", "made_at": datetime.now(UTC), "body": block.getvalue(),
        }  # fmt: skip
        connection.execute(insert(report_made), [made])


@pytest.mark.parametrize("basis", [pytest.param(RULE, marks=pytest.mark.long), Basis()], ids=["merged", "alone"])
def test_nothing_of_a_forgotten_customer_is_left_in_any_column(engine: Engine, basis: Basis) -> None:
    """Name, address and what its metadata said go from every column of every table, in all versions, at once and for good: the next
    nights don't bring it back. The sums stay what they were, and others keep theirs."""
    lived(engine, basis)
    before = mrr(engine, basis)
    held = where(engine, *PERSONAL)
    assert set(PERSONAL) == set(held)
    for place in (
        "rollup.segment",
        "outbox.body",
        "alert_history.body",
        "former_rows.body",
        "rollup_part.body",
    ):
        assert place in held[FIELD], "the test must find it where it is today, or it proves nothing"
    assert "report_made.body" in held[FIELD]
    if basis.merge_key:
        assert {"restatement.customer", "movement.customer", "job.data"} <= set(held[COMPANY])
    whole = figures(engine)
    gone = forget(engine, 1, "cus_ada", metadata=True)
    assert gone.elsewhere > 4
    assert {} == where(engine, *PERSONAL)
    assert whole == figures(engine), "figures of the whole book keep all their versions"
    assert sum(before.values()) == sum(mrr(engine, basis).values())
    night(engine, "2025-07-13", basis)
    night(engine, "2025-08-13", basis)
    assert {} == where(engine, *PERSONAL)
    assert sum(before.values()) == sum(mrr(engine, basis).values())
    assert {SHARED, "Somebody cus_bob"} == set(where(engine, SHARED, "Somebody cus_bob"))
    with read(engine) as connection:
        ours = select(rollup.c.segment).where(rollup.c.dimension == "industry", rollup.c.current).distinct()
        assert {SHARED, "(none)"} == set(connection.execute(ours).scalars())
        assert {"cus_ada"} >= set(connection.execute(select(restatement.c.customer)).scalars())
    assert 0 == forget(engine, 1, "cus_ada", metadata=True).states


def figures(engine: Engine) -> list[Any]:
    """Every version of the whole book's figures."""
    with read(engine) as connection:
        mine = select(rollup.c.kind, rollup.c.first, rollup.c.version, rollup.c.currency, rollup.c.opening, rollup.c.closing)
        return sorted(map(tuple, connection.execute(mine.where(rollup.c.dimension == ""))))


@pytest.mark.long
def test_a_value_of_several_is_nobodys(engine: Engine) -> None:
    """What another customer's metadata say, too, keeps its segment; it goes with the last one who has it."""
    lived(engine, Basis())
    forget(engine, 1, "cus_bob", metadata=True)
    assert "rollup.segment" in where(engine, SHARED)[SHARED]
    night(engine, "2025-08-01", Basis())
    forget(engine, 1, "cus_eve", metadata=True)
    assert {} == where(engine, SHARED)


@pytest.mark.long
def test_a_name_goes_from_messages_too(engine: Engine) -> None:
    """Also where metadata stay: no message that was sent or waits tells the name or the address any more."""
    lived(engine, Basis())
    forget(engine, 1, "cus_ada")
    assert {FIELD, COMPANY, NOTE} == set(where(engine, *PERSONAL))
    with read(engine) as connection:
        [body] = {json.loads(b)["title"] for b in connection.execute(select(outbox.c.body)).scalars()}
    assert "Churn: (forgotten) ((forgotten)) left" == body


@pytest.mark.long
def test_nobody_is_forgotten_under_figures_that_are_being_made(engine: Engine) -> None:
    """They would write afterwards what they read before; whoever asks is told, and nothing was removed."""
    lived(engine, Basis())
    with begin(engine) as connection:
        runs.start(connection, "derive", exclusive_key="figures")
    with pytest.raises(AlreadyRunning):
        forget(engine, 1, "cus_ada", metadata=True)
    assert set(PERSONAL) == set(where(engine, *PERSONAL))


def test_who_forgot_whom_is_written_down(engine: Engine) -> None:
    """With the system's user and Stripe's id, and nothing personal."""
    lived(engine, Basis())
    forget(engine, 1, "cus_ada", metadata=True)
    with read(engine) as connection:
        [entry] = audit_log.latest(connection, action="forget")
        assert [] == jobs.of_run(connection, runs.latest(connection, kind="forget", limit=1)[0].id)
    assert ("cus_ada", True) == (entry.object, entry.detail["metadata"])
    assert "@" in entry.system_user


@pytest.mark.parametrize("basis", [pytest.param(RULE, marks=pytest.mark.long), Basis()], ids=["merged", "alone"])
def test_a_person_is_told_all_that_is_held(engine: Engine, basis: Basis) -> None:
    """Every table in which the customer's values or its id stand is among what is printed of it, unpacked; of others nothing is."""
    lived(engine, basis)
    [held] = held_of(wired(engine, "2025-07-12", basis).session, "cus_ada", as_stripe_sent)
    text = json.dumps(held.rows, default=str, ensure_ascii=False)
    assert not [each for each in PERSONAL if each not in text]
    ours = {place.partition(".")[0] for places in where(engine, "cus_ada", NAME).values() for place in places}
    inside = {"audit_log", "mute", "job", "former_rows", "rollup_part", "rollup", "adjustment", "setting", "report_made", "run"}
    assert ours - inside <= set(held.rows)
    assert "Somebody" not in text
    forget(engine, 1, "cus_ada", metadata=True)
    [after] = held_of(wired(engine, "2025-07-12", basis).session, "cus_ada", as_stripe_sent)
    assert not [each for each in PERSONAL if each in json.dumps(after.rows, default=str, ensure_ascii=False)]


def test_a_customer_with_an_id_of_any_length_is_printed_explained_and_forgotten(engine: Engine) -> None:
    """It is held by a bounded key; whoever asks types what Stripe says."""
    who = "cus_" + "x" * 9_000
    Told(engine).customer(who)
    wired = wiring(engine, "2024-06-01")
    [held] = held_of(wired.session, who, as_stripe_sent)
    assert 1 == len(held.rows["customer_state"])
    assert [bounded(who)] == resolve(wired.session, who)
    [(account, _, known)] = look(engine, who).meant
    assert known
    forget(engine, account, who, metadata=True)
    assert 1 == len(held_of(wired.session, who, as_stripe_sent)[0].rows["forgotten"])
