"""Customers as a person reads them: by name where names are kept, each leading to its page in Stripe's dashboard in terminals that can."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from integrations.dashboard import dashboard
from worker.cli.common import Context
from worker.cli.tables import Linked, hyperlink


@dataclass(frozen=True, slots=True)
class People:
    """What the customers of a table are called, and where they are in Stripe."""

    names: Mapping[str, str]
    addresses: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """The heads of the columns that a customer takes: its name too, where any is known."""
        return ("name", "customer") if self.names else ("customer",)

    def cells(self, customer: str | None) -> tuple[object, ...]:
        """The same for one of them; nobody is empty."""
        if customer is None:
            return ("",) * len(self.columns)
        shown: object = Linked(customer, self.addresses.get(customer))
        return (self.names.get(customer, ""), shown) if self.names else (shown,)


def people(context: Context, customers: Iterable[str | None]) -> People:
    """Names and addresses of customers, in two queries."""
    from worker.queries.customers import in_stripe, names_of

    wanted = sorted({each for each in customers if each})
    addresses = {}
    for customer, mine in in_stripe(context.session, wanted).items():
        if mine:
            first = mine[0]
            found = dashboard(first.customer, account=first.account if first.several else "", livemode=first.livemode)
            if found is not None:
                addresses[customer] = found
    return People(names_of(context.session, wanted), addresses)


def linked_ids(context: Context, ids: Sequence[str]) -> list[str]:
    """Stripe's ids as text for a terminal, each leading to its page; plain where the terminal can't, or where there are several accounts."""
    known = context.accounts
    if len(known) != 1:
        return list(ids)
    return [hyperlink(each, dashboard(each, livemode=known[0].livemode)) for each in ids]
