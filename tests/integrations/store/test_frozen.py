"""What is stored looks like code in places, and must outlive every rename: here are the literals of the first release.

A test here that fails says that databases in use would be read wrongly, or that everything in them would be taken for new. The code is to
be changed back, or a migration written; what stands here and in `tests.integrations.store.frozen` is not to be changed.
"""

from dataclasses import dataclass, field, fields, make_dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, select

from integrations.store.db.encoding import decode, digest, encode, plain
from integrations.store.db.engine import begin
from integrations.store.facts import catalog, sightings
from integrations.store.facts import read as read_facts
from integrations.store.facts import write as write_facts
from integrations.store.facts.accounts import bind
from integrations.store.facts.line_extra import extra_of, line_of, read_extra
from integrations.store.facts.schema import catalog as catalog_table
from integrations.store.facts.write import Page
from metrics.evidence import (
    Coupon,
    CurrencyOption,
    Customer,
    Discount,
    Instant,
    Invoice,
    InvoiceEvidence,
    Item,
    Pause,
    Price,
    Product,
    Subscription,
    Tier,
    UnreadLine,
)
from metrics.first_fields import choices as first_choices
from metrics.first_fields.evidence import EVIDENCE, first_fields
from metrics.first_fields.later import is_default, later_fields
from metrics.ledger.basis import Basis, InternalRule
from metrics.policy import Policy
from tests.integrations.store import frozen_later
from tests.integrations.store.frozen import LINE, STORED, VALUES

AT = datetime(2026, 1, 1, tzinfo=UTC)

# --- evidence ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VALUES)
def test_evidence_is_stored_in_the_same_bytes(name: str) -> None:
    """And so under the same digest: a listing that says what an older one said is no news after an update of ours either."""
    assert STORED[name] == (digest(encode(VALUES[name])), encode(VALUES[name]))


@pytest.mark.parametrize("name", [name for name in VALUES if "unclean" not in name])
def test_what_was_stored_is_read(name: str) -> None:
    """By every later release."""
    assert VALUES[name] == decode(STORED[name][1], type(VALUES[name]))


def test_what_lines_have_beyond_their_columns_is_stored_in_the_same_bytes() -> None:
    """A discounted line of the first release, there and back."""
    body = extra_of(LINE) or b""
    assert STORED["line"] == (digest(body), body)
    columns = [getattr(LINE, f.name) for f in fields(LINE)][:11]
    assert line_of(columns, LINE.inclusive_tax, read_extra(STORED["line"][1])) == LINE
    assert extra_of(replace(LINE, discounts=(), credited_lines=())) is None


@pytest.mark.parametrize("name", frozen_later.VALUES)
def test_what_came_later_is_stored_in_the_same_bytes(name: str) -> None:
    """There and back, and without a byte more once it grows again."""
    value = frozen_later.VALUES[name]
    assert frozen_later.STORED[name] == encode(value) == encode(grown(value))
    assert value == decode(frozen_later.STORED[name], type(value))
    assert {f.name for f in fields(value)} - set(first_fields(type(value))) <= set(plain(encode(value)))


def test_what_else_is_packed_is_stored_in_the_same_bytes() -> None:
    """What lines leave unsaid, lines that can't be told, and the moments at which a listing said the same."""
    later = frozen_later
    assert later.STORED["line"] == extra_of(later.LINE)
    columns = [getattr(later.LINE, f.name) for f in fields(later.LINE)][:11]
    assert later.LINE == line_of(columns, 0, read_extra(later.STORED["line"]))
    assert later.STORED["unread"] == encode(later.UNREAD, tuple[UnreadLine, ...])
    assert later.UNREAD == decode(later.STORED["unread"], tuple[UnreadLine, ...])
    assert later.STORED["seen"] == sightings.pack(later.SEEN)
    assert later.SEEN == sightings.unpack(later.STORED["seen"])


def test_the_first_fields_are_there() -> None:
    """Under their names and in their order; what came later stands behind them, with a default."""
    for kind, first in EVIDENCE.items():
        assert first == tuple(f.name for f in fields(kind))[: len(first)], kind
        assert later_fields(kind, first) is not None
    assert set(first_choices.POLICY) < {f.name for f in fields(Policy)}
    assert set(first_choices.INTERNAL_RULE) <= {f.name for f in fields(InternalRule)}
    assert set(first_choices.BASIS) <= {f.name for f in fields(Basis)}


# --- evidence that has grown --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewTier(Tier):
    """With a number more."""

    minimum: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class NewOption(CurrencyOption):
    """With a field inside it that has grown too."""

    tiers: tuple[NewTier, ...] | None = None
    learnt: str | None = None


@dataclass(frozen=True, slots=True)
class NewPrice(Price):
    """With parts that have grown, and a part of a new kind."""

    tiers: tuple[NewTier, ...] | None = None
    options: tuple[NewOption, ...] = ()
    floor: NewTier | None = None


@dataclass(frozen=True, slots=True)
class NewCoupon(Coupon):
    """With a switch that is off."""

    stacks: bool = False


@dataclass(frozen=True, slots=True)
class NewProduct(Product):
    """With a list that is empty."""

    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewDiscount(Discount):
    """With a promotion code, say."""

    promotion: str | None = None


@dataclass(frozen=True, slots=True)
class NewItem(Item):
    """With discounts that have grown."""

    discounts: tuple[NewDiscount, ...] = ()
    created: Instant | None = None


@dataclass(frozen=True, slots=True)
class NewPause(Pause):
    """With a mapping, which each value has of its own."""

    notes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewSubscription(Subscription):
    """With parts that have grown, and nothing more of its own."""

    items: tuple[NewItem, ...]
    discounts: tuple[NewDiscount, ...] = ()
    pause: NewPause | None = None


@dataclass(frozen=True, slots=True)
class NewCustomer(Customer):
    """With parts that have grown, and an amount."""

    discount: NewDiscount | None = None
    described: tuple[NewDiscount, ...] = ()
    balance: int = 0


NEW: dict[type, type] = {
    Tier: NewTier,
    CurrencyOption: NewOption,
    Price: NewPrice,
    Coupon: NewCoupon,
    Product: NewProduct,
    Discount: NewDiscount,
    Item: NewItem,
    Pause: NewPause,
    Subscription: NewSubscription,
    Customer: NewCustomer,
}


def grown(value: Any) -> Any:
    """The same value of the grown kinds."""
    if isinstance(value, tuple):
        return tuple(grown(each) for each in value)
    kind = NEW.get(type(value))
    return value if kind is None else kind(**{f.name: grown(getattr(value, f.name)) for f in fields(value)})


@pytest.mark.parametrize("name", VALUES)
def test_a_field_more_changes_no_byte(name: str) -> None:
    """Wherever it is: in the value, in a part of it, in a part of a part."""
    value = grown(VALUES[name])
    assert type(value) is not type(VALUES[name])
    assert STORED[name] == (digest(encode(value)), encode(value))


@pytest.mark.parametrize("name", [name for name in VALUES if "unclean" not in name])
def test_what_was_stored_before_a_field_existed_is_read_with_its_default(name: str) -> None:
    """And what a later release stored is read by this one, which passes over what it doesn't know."""
    value = grown(VALUES[name])
    assert value == decode(STORED[name][1], type(value))
    assert VALUES[name] == decode(encode(value), type(VALUES[name]))


def test_what_a_new_field_says_is_stored() -> None:
    """As soon as it says something; then the bytes are others, and this release still reads what it knows of them."""
    discount = NewDiscount("di", None, Instant(1), promotion="SPRING")
    item = NewItem("si", "price", 1, (discount,), created=Instant(0))
    value = NewSubscription("s", "c", "active", "usd", Instant(1), Instant(2), (item,), pause=NewPause("void", notes={"a": 1}))
    body = encode(value)
    assert value == decode(body, NewSubscription)
    assert {"promotion": "SPRING"}.items() <= plain(body)["items"][0]["discounts"][0].items()
    assert Item("si", "price", 1, (Discount("di", None, Instant(1)),)) == decode(body, Subscription).items[0]
    assert 1 == len({digest(encode(v)) for v in (value, replace(value, items=(replace(item),)))})


@pytest.mark.parametrize("said", [False, 0, Decimal(0), Decimal("0.00"), "", None, ()])
def test_nothing_and_naught_are_different_things(said: object) -> None:
    """A default is left out only where the value is of its very kind: 0 is not False."""
    left_out = {f.name for f in fields(NewCoupon) if is_default(said, False) and f.name == "stacks"}
    assert (said is False) == bool(left_out)


def test_a_field_without_a_default_is_refused() -> None:
    """What is stored lacks it: it couldn't be read."""
    wrong = make_dataclass("Wrong", [("id", str), ("name", str | None), ("new", str)], frozen=True)
    with pytest.raises(TypeError, match=r"Wrong\.new was added without a default"):
        later_fields(wrong, EVIDENCE[Product])


def test_parts_that_have_grown_change_nothing_in_tuples_and_records() -> None:
    """Discounts of lines, and whatever else is packed without a class of evidence round it."""
    pairs = tuple[tuple[NewDiscount, int], ...]

    class Record(msgspec.Struct, array_like=True):
        discounts: tuple[tuple[NewDiscount, int], ...]
        other: int = 3

    old = ((Discount("di", None, Instant(1)), 2),)
    packed = encode(old, tuple[tuple[Discount, int], ...])
    assert packed == encode(grown(old), pairs)
    assert msgspec.msgpack.decode(packed) == msgspec.msgpack.decode(encode(Record(grown(old))))[0]


def test_every_field_of_an_invoice_has_its_place(engine: Engine) -> None:
    """Heads and lines are stored in columns: one that has none would be lost in silence."""
    head = Invoice("in_1", "cus_1", "sub_1", "void", Instant(1), "usd", "manual", 2, Instant(3), Instant(4), Instant(5), Instant(6))
    assert all(getattr(head, f.name) is not None and getattr(head, f.name) != f.default for f in fields(head))
    said: dict[str, Any] = {f.name: not f.default for f in fields(LINE) if isinstance(f.default, bool)}
    line = replace(LINE, inclusive_tax=7, quantity_decimal=Decimal("3.5"), invoice_item="ii_1", price_version="v1", **said)
    assert all(getattr(line, f.name) != f.default for f in fields(line))
    told = InvoiceEvidence(head, (line,), (UnreadLine("il_9", "line_without_parent", "parent"),), 1, 2)
    with begin(engine) as connection:
        account = bind(connection, name="default", stripe_id="acct_1", livemode=False)
        write_facts.put_page(connection, account, Page(Instant(9), invoices=[told]), AT)
        [group] = read_facts.groups(connection)
    assert (told,) == group.members[0].subscriptions[0].invoices


def test_catalog_kinds(engine: Engine) -> None:
    """What the kinds of objects in the catalog are called, whatever their classes are."""
    with begin(engine) as connection:
        account = bind(connection, name="default", stripe_id="acct_1", livemode=False)
        listed: list[Price | Coupon | Product] = [Price("pr", "prod", "usd"), Coupon("co"), Product("prod")]
        catalog.put(connection, account, Instant(1), listed, [], AT)
        found = connection.execute(select(catalog_table.c.kind, catalog_table.c.object_id, catalog_table.c.digest)).all()
    assert {("price", "pr"), ("coupon", "co"), ("product", "prod")} == {(kind, name) for kind, name, _ in found}
    assert {digest(encode(each)) for each in listed} == {sign for _, _, sign in found}
