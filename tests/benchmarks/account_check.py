"""Whether what a benchmark read is all there, and right: every row counted, every customer's MRR derived and compared.

What it must come to follows from how the account was made (`ingest_account`), not from what was read.
"""

from collections import Counter
from dataclasses import dataclass, field

from sqlalchemy import func, select

from integrations.store.db.engine import open_engine, read
from integrations.store.facts import catalog
from integrations.store.facts import read as read_facts
from integrations.store.facts.schema import customer_state, invoice, invoice_line, payload, subscription_state
from metrics.evidence import Instant
from metrics.ledger.basis import Basis
from metrics.ledger.derive import Deriver
from tests.benchmarks import ingest_account as account

MICROS_PER_CENT = 10_000
TABLES = (customer_state, subscription_state, payload, invoice, invoice_line)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found: rows by table, customers whose MRR was derived, their sum, and what is wrong."""

    rows: dict[str, int]
    customers: int = 0
    mrr_micros: int = 0
    wrong: list[str] = field(default_factory=list)


def expected_rows(customers: int) -> dict[str, int]:
    """Rows of each table for an account of so many customers."""
    items = sum(len(plan.items) for plan in account.plans(customers))
    return {
        "customer_state": customers,
        "subscription_state": customers,
        "payload": customers,
        "invoice": customers * account.MONTHS,
        "invoice_line": items * account.MONTHS,
    }


def objects(customers: int) -> int:
    """How many objects such an account has: a subscription and its invoices each, and the catalog."""
    return customers * (2 + account.MONTHS) + 2 * len(account.PRICES)


def check_rows(database: str, customers: int) -> Checked:
    """Count the rows."""
    engine = open_engine(database)
    with read(engine) as connection:
        rows = {table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one()) for table in TABLES}
    engine.dispose()
    wanted = expected_rows(customers)
    return Checked(rows, wrong=[f"{name}: {rows[name]} rows, not {count}" for name, count in wanted.items() if rows[name] != count])


def check_all(database: str, customers: int) -> Checked:
    """Count the rows, and derive the MRR of every customer."""
    counted = check_rows(database, customers)
    wrong = Counter[str]()
    engine = open_engine(database)
    wanted = {f"cus_{plan.number:014d}": plan.mrr_cents * MICROS_PER_CENT for plan in account.plans(customers)}
    total = seen = 0
    with read(engine) as connection:
        deriver = Deriver({1: catalog.load(connection, 1)}, Basis())
        for group in read_facts.groups(connection):
            ledger = deriver.derive(group, Instant(account.NOW))
            mrr = ledger.standings[-1].net_micros if ledger.standings else 0
            seen, total = seen + 1, total + mrr
            if wanted.pop(group.customer, None) != mrr:
                wrong["customers with another MRR"] += 1
    engine.dispose()
    if wanted:
        wrong["customers missing"] = len(wanted)
    return Checked(counted.rows, seen, total, [*counted.wrong, *(f"{count} {what}" for what, count in wrong.items())])
