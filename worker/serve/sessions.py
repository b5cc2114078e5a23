"""What the window reads from: a database that it can't change, a basis for each policy that there are figures of, and the present."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from metrics.ledger.basis import Basis
from worker.queries.session import Session, at_present, has_ledger


class Unknown(LookupError):
    """What an address asks for isn't there; the message says what is."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """`bases` are by the policy's name, the one that is set first. `pretended`: what counts as the present doesn't move on."""

    session: Session
    bases: Mapping[str, Basis]
    names: bool = False
    pretended: bool = False

    def at(self, policy: str = "") -> Session:
        """A session as of now, under a policy by its name (default: the one that is set). Raises Unknown."""
        session = self.session if self.pretended else at_present(self.session)
        if not policy:
            return session
        if policy not in self.bases:
            raise Unknown(f"there is no policy {policy[:40]!r}; there are {', '.join(self.bases)}")
        return session.under(self.bases[policy])

    def policies(self) -> list[str]:
        """The policies that figures are kept under."""
        return [name for name, basis in self.bases.items() if has_ledger(self.session.under(basis))]


def sessions_of(session: Session, bases: Mapping[str, Basis], *, names: bool, pretended: bool) -> Sessions:
    """Those of a database; without a policy that is named, under the basis of `session`."""
    mine = session.basis
    ordered = {name: basis for name, basis in bases.items() if basis.version == mine.version}
    return Sessions(replace(session), {**ordered, **bases}, names, pretended)
