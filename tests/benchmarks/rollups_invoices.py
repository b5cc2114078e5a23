"""The invoices of the business that the roll-up is measured on: one for each period that a subscription was paid for, some twenty a customer.

An account that was read from Stripe has them, and deriving then folds each customer's invoices too, whose lines say what states say already.
"""

from collections.abc import Iterator

from integrations.store.db.engine import begin, open_engine
from integrations.store.facts import write as facts
from integrations.store.facts.write import Page
from metrics.evidence import Instant, Invoice, InvoiceEvidence, InvoiceLine
from tests.benchmarks.rollups_business import DAY, ENDED, LEARNT, life

AT_ONCE = 500


def write(url: str, first: int, until: int) -> int:
    """Write the invoices of the customers [first, until); gives their number."""
    engine, written = open_engine(url), 0
    for low in range(first, until, AT_ONCE):
        found = [invoice for number in range(low, min(until, low + AT_ONCE)) for invoice in invoices_of(number)]
        with begin(engine) as connection:
            facts.put_page(connection, 1, Page(observed_at=Instant(ENDED), invoices=found), LEARNT)
        written += len(found)
    engine.dispose()
    return written


def invoices_of(number: int) -> Iterator[InvoiceEvidence]:
    """The invoices of one customer, oldest first: from each of its states on one for every thirty days, or for a year."""
    states = list(life(number))
    for (at, state), following in zip(states, [*(at for at, _ in states[1:]), ENDED], strict=True):
        (item,) = state.items
        kind = int(str(item.price).split("_")[1])
        length, begins = DAY * (365 if kind % 4 == 3 else 30), at
        while state.status == "active" and begins < following:
            name = f"in_{state.id}_{begins}"
            head = Invoice(
                name,
                state.customer,
                state.id,
                "paid",
                Instant(begins),
                state.currency,
                billing_reason="subscription_create" if begins == at else "subscription_cycle",
                amount_paid=(900 + 1100 * kind) * (item.quantity or 1),
                finalized_at=Instant(begins),
                paid_at=Instant(begins),
            )
            line = InvoiceLine(
                f"il_{name}",
                name,
                state.id,
                item.id,
                item.price,
                item.quantity,
                head.amount_paid,
                state.currency,
                Instant(begins),
                Instant(begins + length),
            )
            yield InvoiceEvidence(head, (line,))
            begins += length
