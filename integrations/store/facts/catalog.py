"""Prices, coupons and products: every version that was seen, and the one that holds.

An id may stand for several objects in time: `metrics.pricing.object_versions` tells them apart. The newest listed one holds for whatever says the id
alone. An object that is in no list any more (a deleted coupon) is known only from inside other objects, where Stripe leaves things out:
such a sighting says what those carry, fills the hole where nothing was listed, and never replaces what was.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, LargeBinary, and_, func, literal, or_, select
from sqlalchemy.sql.elements import ColumnElement

from integrations.store.db.bulk import among, insert_new
from integrations.store.db.encoding import decode, digest, encode
from integrations.store.db.engine import is_postgresql
from integrations.store.facts.schema import account as accounts
from integrations.store.facts.schema import catalog as table
from integrations.store.facts.schema import customer_state, invoice_line, member, subscription_state
from integrations.store.ledger.schema import finding
from metrics.evidence import Coupon, Instant, Price, Product
from metrics.pricing.catalog import Catalog
from metrics.pricing.object_versions import Named, Sighting, told_apart

UNPRICED = (
    "unknown_price",
    "unknown_coupon",
    "coupon_duration_unknown",
    "coupon_percent_unknown",
    "coupon_two_amounts",
    "coupon_version_unknown",
    "discount_end_unknown",
    "discount_scope_unknown",
    "interval_unknown",
    "price_type_unknown",
    "tiers_unknown",
    "currency_unknown",
    "coupon_currency_unknown",
    "unit_unknown",
    "amount_out_of_bounds",
)
"""Findings that a new entry in the catalog may settle."""

_KIND_OF: dict[type, str] = {Price: "price", Coupon: "coupon", Product: "product"}
"""What is stored as the kind of an object, whatever its class is called."""
Described = TypeVar("Described", Price, Coupon)
_COLUMNS = ("account", "kind", "object_id", "rank", "digest", "observed_at", "body", "learnt_at")
_LOCK = 7_254_100

Name = tuple[str, str]
"""Kind and id."""
Version = tuple[int, int, int, str, bytes]
"""Rank, moment of the listing (0 for one seen inside another object), size, digest and body."""


def load(connection: Connection, account: int) -> Catalog:
    """Every price, coupon and product of an account as it holds."""
    return _catalog(_versions(connection, account))


def of_coupons(connection: Connection, account: int, ids: Iterable[str], inline: Iterable[Coupon] = ()) -> Catalog:
    """Some coupons as they hold, with further sightings inside other objects that are not stored yet."""
    versions = _versions(connection, account, [("coupon", each) for each in ids])
    for found in inline:
        body = encode(found)
        versions.setdefault(("coupon", found.id), []).append((0, 0, len(body), digest(body), body))
    return _catalog(versions)


def _catalog(versions: dict[Name, list[Version]]) -> Catalog:
    out = Catalog()
    for (kind, object_id), seen in versions.items():
        # One that can't be read is one that isn't known: whoever needs it has a finding, and nobody else is kept waiting.
        with suppress(msgspec.DecodeError):
            match kind:
                case "price":
                    price = _told_apart(seen, Price)
                    out.prices[object_id] = price.newest
                    out.price_versions.update(((object_id, version), found) for version, found in price.by_version.items())
                    if len(price.objects) > 1:
                        out.earlier_prices[object_id] = price.objects
                case "coupon":
                    coupon = _told_apart(seen, Coupon)
                    out.coupons[object_id] = coupon.newest
                    out.coupon_versions.update(((object_id, version), found) for version, found in coupon.by_version.items())
                    if len(coupon.objects) > 1:
                        out.earlier_coupons[object_id] = coupon.objects
                case "product":
                    out.products[object_id] = decode(max(seen)[-1], Product)
    return out


def _told_apart(seen: Iterable[Version], kind: type[Described]) -> Named[Described]:
    return told_apart(Sighting(_as_seen(decode(body, kind), rank), Instant(at) if rank else None) for rank, at, _, _, body in seen)


def _as_seen(found: Described, rank: int) -> Described:
    """What was stored before sightings said so themselves: inside another object a coupon never said which products it is for."""
    if isinstance(found, Coupon) and not rank and found.created is None and found.products is None:
        return replace(found, scope_told=False)
    return found


def _versions(connection: Connection, account: int, named: Iterable[Name] | None = None) -> dict[Name, list[Version]]:
    query = select(table.c.kind, table.c.object_id, table.c.rank, table.c.observed_at, table.c.digest, table.c.body)
    query = query.where(table.c.account == account)
    if named is not None:
        query = query.where(among(connection, table.c.object_id, sorted({object_id for _, object_id in named})))
    out: dict[Name, list[Version]] = {}
    for kind, object_id, rank, observed_at, sign, body in connection.execute(query):
        out.setdefault((kind, object_id), []).append((rank, observed_at if rank else 0, len(body), sign, body))
    return out


def state(connection: Connection) -> tuple[int, int]:
    """What differs whenever anything else may hold, of all accounts: how many versions there are, and all moments at which they were listed.

    A version that comes back makes no new one, but is listed later than the one that it takes the place of.
    """
    count, listed = connection.execute(select(func.count(), func.sum(table.c.observed_at))).one()
    return int(count), int(listed or 0)


def keep_still(connection: Connection) -> None:
    """Until the end of the transaction nobody stores a version; those who are at it are waited for."""
    if is_postgresql(connection):
        for key in connection.execute(select(accounts.c.id).order_by(accounts.c.id)).scalars().all():
            connection.execute(select(func.pg_advisory_xact_lock_shared(_LOCK, key)))


def put(
    connection: Connection,
    account: int,
    observed_at: Instant,
    listed: Sequence[Price | Coupon | Product],
    inline: Sequence[Price | Coupon],
    learnt_at: datetime,
) -> tuple[int, set[str]]:
    """Store versions; gives how many are new, and the Stripe customers whose MRR may change by them."""
    rows: dict[tuple[str, str, int, str], list[Any]] = {}
    for rank, objects in ((1, listed), (0, inline)):
        for found in {id(o): o for o in objects}.values():
            body = encode(found)
            sign = digest(body)
            kind = _KIND_OF[type(found)]
            rows[kind, found.id, rank, sign] = [account, kind, found.id, rank, sign, observed_at, body, learnt_at]
    if not rows:
        return 0, set()
    if inline and not _unseen(connection, account, rows):
        rows = {key: row for key, row in rows.items() if key[2]}
    if not rows:
        return 0, set()
    if is_postgresql(connection):
        # Two transactions that bring versions of one object must see one another's, or nobody marks the customers concerned.
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK, account)))
    names = {(kind, object_id) for kind, object_id, _, _ in rows}
    before = _versions(connection, account, names)
    new = len(rows.keys() - _keys(connection, account, names))
    ordered = [rows[key] for key in sorted(rows)]
    # What is listed again holds from now on; what is seen inside another object says nothing about when.
    insert_new(connection, table, _COLUMNS, [r for r in ordered if r[3] == 0])
    insert_new(connection, table, _COLUMNS, [r for r in ordered if r[3] == 1], greatest=("observed_at",))
    return new, _concerned(connection, account, before, _versions(connection, account, names))


def _keys(connection: Connection, account: int, names: Iterable[Name]) -> set[tuple[str, str, int, str]]:
    query = select(table.c.kind, table.c.object_id, table.c.rank, table.c.digest).where(table.c.account == account)
    query = query.where(among(connection, table.c.object_id, sorted({object_id for _, object_id in names})))
    return {(k, o, r, d) for k, o, r, d in connection.execute(query)}


def _unseen(connection: Connection, account: int, rows: Iterable[tuple[str, str, int, str]]) -> bool:
    inline = {key for key in rows if key[2] == 0}
    return bool(inline - _keys(connection, account, {(kind, object_id) for kind, object_id, _, _ in inline}))


def _concerned(
    connection: Connection, account: int, before: dict[Name, list[Version]], after: dict[Name, list[Version]]
) -> set[str]:
    """The customers whose MRR may be another one now that these versions are known."""
    filled: list[Name] = []
    changed: list[Name] = []
    for name, seen in after.items():
        if name[0] == "product":
            continue
        held = before.get(name)
        if held is None:
            filled.append(name)
        elif _priced(name, held) != _priced(name, seen):
            changed.append(name)
    out = _waiting(connection, account) if filled else set()
    return out | _bearers(connection, account, changed)


def _priced(name: Name, seen: Iterable[Version]) -> tuple[object, frozenset[object]]:
    """What has to do with amounts of the object that holds and of all objects of an id."""
    if name[0] == "price":
        of_price = _told_apart(seen, Price)
        return replace(of_price.newest, nickname=None), frozenset(replace(each, nickname=None) for each in of_price.objects)
    of_coupon = _told_apart(seen, Coupon)
    return of_coupon.newest, frozenset(of_coupon.objects)


def _waiting(connection: Connection, account: int) -> set[str]:
    """Customers of whom something could not be priced: what is new may be what was missing."""
    lacking = select(finding.c.customer).where(finding.c.account == account, finding.c.reason.in_(UNPRICED)).distinct()
    names = list(connection.execute(lacking).scalars())
    if not names:
        return set()
    merged = select(member.c.customer_id).where(member.c.account == account, among(connection, member.c.name, names))
    return {str(c) for c in connection.execute(merged).scalars()} | set(names)


def _bearers(connection: Connection, account: int, named: Sequence[Name]) -> set[str]:
    """Customers with a fact that names one of these objects; now and then one too many, where an id is part of another."""
    if not named:
        return set()
    out: set[str] = set()
    prices = [object_id for kind, object_id in named if kind == "price"]
    probes = [object_id.encode() for _, object_id in named]
    for facts, body in ((subscription_state, subscription_state.c.body), (customer_state, customer_state.c.body)):
        said = or_(*(_holds(connection, body, probe) for probe in probes))
        query = select(facts.c.customer_id).where(and_(facts.c.account == account, said)).distinct()
        out |= {str(c) for c in connection.execute(query).scalars()}
    discounted = or_(*(_holds(connection, invoice_line.c.extra, probe) for probe in probes))
    lines = or_(among(connection, invoice_line.c.price_id, prices), discounted)
    query = select(invoice_line.c.customer_id).where(and_(invoice_line.c.account == account, lines)).distinct()
    return out | {str(c) for c in connection.execute(query).scalars() if c}


def _holds(connection: Connection, body: ColumnElement[bytes], probe: bytes) -> ColumnElement[bool]:
    if is_postgresql(connection):
        return func.position(literal(probe, LargeBinary).op("IN")(body)) > 0
    return func.instr(body, probe) > 0
