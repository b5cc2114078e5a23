"""Which Stripe customers are one customer: what a metadata rule said, kept so that evidence can be read by the name in the ledger.

Only customers that a rule makes part of another are kept, with the metadata key that the rule looks at: a database has one rule at a
time. What the rule says is the engine's (`metrics.ledger.basis.Basis.customer_name`).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import msgspec
from sqlalchemy import Connection, and_, delete, select

from integrations.store.db.bulk import among, append, asked_for, stream
from integrations.store.db.chunks import chunks
from integrations.store.db.columns import shard_buckets
from integrations.store.db.encoding import decode
from integrations.store.db.words import bucket_of
from integrations.store.facts.schema import customer_state
from integrations.store.facts.schema import member as table
from integrations.store.work import key_value
from metrics.evidence import Customer, CustomerState, Instant, Source

StripeCustomer = tuple[int, str]
"""Account and Stripe's id."""

_AT_ONCE = 1000
_RULE = "members:rule"
_STATES = ("bucket", "customer_id", "account", "at", "source", "source_id", "body")


def any_member(connection: Connection) -> bool:
    """Whether any rule makes any customer part of another."""
    return connection.execute(select(table.c.account).limit(1)).first() is not None


def rule(connection: Connection) -> str | None:
    """The metadata key whose values gave the names that are kept; None when there is none."""
    found: str | None = key_value.get(connection, _RULE)
    return found


def keep_rule(connection: Connection, merge_key: str | None) -> None:
    """From now on the names that are kept are given by this metadata key."""
    if rule(connection) != merge_key:
        key_value.put(connection, _RULE, merge_key)


def accounts_of(connection: Connection, customer: str) -> list[StripeCustomer]:
    """Where a Stripe customer of this id is part of another by a rule: in most installations nowhere."""
    query = select(table.c.account, table.c.customer_id).where(table.c.customer_id == customer)
    return sorted((int(account), str(name)) for account, name in connection.execute(query))


def names(connection: Connection, customers: Sequence[StripeCustomer]) -> dict[StripeCustomer, str]:
    """The name in the ledger of each: its own id, where no rule says otherwise."""
    out = {each: each[1] for each in customers}
    for part in chunks(sorted(out), _AT_ONCE):
        known = select(table.c.account, table.c.customer_id, table.c.name)
        for account, customer, name in connection.execute(
            known.where(among(connection, table.c.customer_id, [c for _, c in part]))
        ):
            if (account, customer) in out:
                out[account, customer] = str(name)
    return out


def members_of(connection: Connection, customers: Sequence[str]) -> dict[str, list[StripeCustomer]]:
    """The Stripe customers behind each of the ledger's customers that anything is known of, in order of account and id."""
    wanted = sorted(set(customers))
    pairs: set[StripeCustomer] = set()
    for some in chunks(wanted, _AT_ONCE):
        merged = select(table.c.account, table.c.customer_id).where(among(connection, table.c.name, some))
        asked = asked_for(connection, some)
        theirs = and_(customer_state.c.bucket == asked.c.bucket, customer_state.c.customer_id == asked.c.name)
        alone = select(customer_state.c.account, customer_state.c.customer_id).join_from(asked, customer_state, theirs).distinct()
        pairs |= {(int(account), str(customer)) for query in (merged, alone) for account, customer in connection.execute(query)}
    out: dict[str, list[StripeCustomer]] = {}
    for each, name in sorted(names(connection, sorted(pairs)).items()):
        if name in wanted:
            out.setdefault(name, []).append(each)
    return out


def parts(connection: Connection) -> dict[str, list[str]]:
    """The Stripe customers of each of the ledger's customers that a rule gave a name of its own, in order."""
    out: dict[str, list[str]] = {}
    for name, customer in connection.execute(select(table.c.name, table.c.customer_id).order_by(table.c.name, table.c.customer_id)):
        out.setdefault(str(name), []).append(str(customer))
    return out


def assign(connection: Connection, given: Mapping[StripeCustomer, str]) -> set[str]:
    """Keep the names that a rule gave; gives the ledger's customers that gained or lost a part by it."""
    before = names(connection, sorted(given))
    changed = {each: name for each, name in given.items() if before[each] != name}
    for account, theirs in groupby(sorted(changed), key=itemgetter(0)):
        for part in chunks(list(theirs), _AT_ONCE):
            mine = among(connection, table.c.customer_id, [customer for _, customer in part])
            connection.execute(delete(table).where(and_(table.c.account == account, mine)))
    rows = [(*each, name, bucket_of(name)) for each, name in sorted(changed.items()) if name != each[1]]
    append(connection, table, ("account", "customer_id", "name", "bucket"), rows)
    return {*changed.values(), *(before[each] for each in changed)}


def states(connection: Connection, customers: Sequence[StripeCustomer]) -> dict[StripeCustomer, tuple[CustomerState, ...]]:
    """All states of the named Stripe customers, in order of time: what a rule looks at."""
    wanted = set(customers)
    out: dict[StripeCustomer, tuple[CustomerState, ...]] = {}
    for part in chunks(sorted(wanted), _AT_ONCE):
        ids = sorted({customer for _, customer in part})
        asked = asked_for(connection, ids)
        theirs = and_(customer_state.c.bucket == asked.c.bucket, customer_state.c.customer_id == asked.c.name)
        query = select(*(customer_state.c[c] for c in _STATES)).join_from(asked, customer_state, theirs)
        found = sorted(row for rows in stream(connection, query) for row in rows)
        for (customer, account), rows in groupby(found, key=itemgetter(1, 2)):
            if (account, customer) in wanted:
                out[account, customer] = tuple(_state(row) for row in rows)
    return out


def all_states(
    connection: Connection, shard: tuple[int, int] = (0, 1)
) -> Iterator[tuple[StripeCustomer, tuple[CustomerState, ...]]]:
    """Every Stripe customer of one of n shards with its states: for a rule that is new."""
    low, high = shard_buckets(shard)
    query = select(*(customer_state.c[c] for c in _STATES)).where(customer_state.c.bucket >= low, customer_state.c.bucket < high)
    ordered = query.order_by(*(customer_state.c[c] for c in _STATES[:-1]))
    rows = (row for part in stream(connection, ordered) for row in part)
    for (customer, account), found in groupby(rows, key=itemgetter(1, 2)):
        yield (account, customer), tuple(_state(row) for row in found)


def _state(row: tuple[int, str, int, int, int, str, bytes]) -> CustomerState:
    try:
        found = decode(row[6], Customer)
    except msgspec.DecodeError:
        found = Customer(row[1])  # says nothing of whom it is part of; that it can't be read is found when it is derived
    return CustomerState(Instant(row[3]), Source(row[4]), row[5], found)
