"""Whether there is a ledger, and until when it holds: asked before any figure, by those too who only look at what is stored."""

from sqlalchemy import Connection

from integrations.store.ledger import bases as ledger_bases
from integrations.store.work import cursors
from metrics.instants import Instant
from metrics.ledger.basis import Basis


class NothingDerived(RuntimeError):
    """There is no complete ledger under this basis."""

    def __init__(self, basis: Basis) -> None:
        super().__init__(
            f"nothing has been derived yet under the policy {basis.policy.name} (basis {basis.version}); no figure was made. Run: nrr sync"
        )


def derived_until(connection: Connection, basis: Basis) -> Instant:
    """The instant as of which the ledger was derived. Raises NothingDerived while there is no complete ledger."""
    found = ledger_bases.everything(connection).get(basis.version)
    if found is None or found.derived_at is None or found.derived_until is None:
        raise NothingDerived(basis)
    return found.derived_until


def horizon(connection: Connection) -> Instant | None:
    """The instant up to which what Stripe said is known, by its own clock, for the account that is read furthest; None before the first read."""
    known = [each.position for each in cursors.everything(connection) if each.stream == cursors.EVENTS]
    return Instant(max(known)) if known else None


def known_present(connection: Connection, basis: str, now: Instant) -> Instant:
    """The present as far as the figures of a basis (by its version) can know it: `now`, but not past what Stripe said or the last derivation.

    Stripe's clock may lie behind ours for as long as nothing was read, or for good, as a sandbox's does.
    """
    held = ledger_bases.everything(connection).get(basis)
    known = [at for at in (horizon(connection), None if held is None else held.derived_until) if at is not None]
    return min(now, max(known)) if known else now


def complete_until(connection: Connection, basis: Basis) -> Instant:
    """The instant up to which the ledger is complete: it was derived until then, and every account was read until then.

    Raises NothingDerived while there is no complete ledger.
    """
    read_until = [Instant(c.position) for c in cursors.everything(connection) if c.stream == cursors.EVENTS]
    return min([derived_until(connection, basis), *read_until])
