"""Metadata that an answer leaves out are no metadata taken away."""

from metrics.evidence import Customer, CustomerState, Instant, Source
from metrics.ledger.derive import metadata_of


def state(at: int, customer: Customer) -> CustomerState:
    """What a customer was at a moment."""
    return CustomerState(Instant(at), Source.SNAPSHOT, "", customer)


OWN = state(1, Customer("cus_1", Instant(1), metadata=(("internal", "yes"),)))


def test_a_deleted_customer_is_what_it_was() -> None:
    """It comes without metadata: one of the company's own stays out of the books, and a merged one where it was."""
    gone = state(2, Customer("cus_1", deleted=True, metadata_told=False))
    assert {"internal": "yes"} == metadata_of((OWN, gone)) == metadata_of((gone, OWN))


def test_metadata_that_were_removed_are_gone() -> None:
    """An answer that tells them tells what is left."""
    assert {} == metadata_of((OWN, state(2, Customer("cus_1", Instant(1)))))


def test_nobody_knows_any() -> None:
    """Of a customer without a state, or with none that tells them."""
    assert {} == metadata_of(()) == metadata_of((state(1, Customer("cus_1", deleted=True, metadata_told=False)),))
