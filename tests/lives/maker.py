"""One customer's life within an account that holds many: short ways to say what happens, with ids of its own.

A life is a function that is handed a `Maker`. All ids begin with the life's name, so that any number of lives share an account and one
reading of it, and none touches another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.lives import objects
from tests.lives.account import Account
from tests.lives.objects import JSON, later


@dataclass
class Maker:
    """The customer `name` in an account. Months are those of the one subscription unless said otherwise."""

    account: Account
    name: str
    numbers: dict[str, int] = field(default_factory=dict)

    @property
    def customer(self) -> str:
        """The customer's id."""
        return f"cus_{self.name}"

    @property
    def sub(self) -> str:
        """The id of its one subscription."""
        return f"sub_{self.name}"

    def item_id(self, number: int = 1) -> str:
        """The id of one of its items."""
        return f"si_{self.name}_{number}"

    def next(self, kind: str) -> str:
        """A fresh id."""
        self.numbers[kind] = self.numbers.get(kind, 0) + 1
        return f"{kind}_{self.name}_{self.numbers[kind]:02d}"

    # --- what there is -------------------------------------------------------------------------------------------------------

    def price(self, cents: int | None, tag: str = "a", **more: Any) -> JSON:
        """A price of this life's own, with its product."""
        made = objects.price(f"price_{self.name}_{tag}", cents, product_id=f"prod_{self.name}_{more.pop('product', tag)}", **more)
        self.account.catalog(made)
        return made

    def coupon(self, tag: str = "c", *, listed: bool = True, products: Sequence[JSON] | None = None, **more: Any) -> JSON:
        """A coupon; one that isn't listed was deleted long ago."""
        scope = [each["product"] for each in products] if products else None
        made = objects.coupon(f"co_{self.name}_{tag}", products=scope, **more)
        if listed:
            self.account.catalog(made)
        return made

    def discount(self, of: JSON, start: int, end: int | None = None, *, on: str = "sub", tag: str = "d") -> JSON:
        """The coupon in force on the subscription, the customer, or an item (its id)."""
        places = {"sub": {"subscription": self.sub}, "customer": {}}.get(on, {"item": on})
        return objects.discount(f"di_{self.name}_{tag}", of, start, end, customer=self.customer, **places)

    def who(self, **more: Any) -> JSON:
        """The customer."""
        made = objects.customer(self.customer, **more)
        self.account.put("customers", made)
        return made

    def item(self, of: JSON, quantity: int | None, start: int, *, number: int = 1, months: int | None = None, **more: Any) -> JSON:
        """An item in its first period."""
        return objects.item(self.item_id(number), of, quantity, start, later(start, months or _months(of)), **more)

    def begin(self, at: int, items: Sequence[JSON], *, told: bool = True, **more: Any) -> JSON:
        """The customer subscribes."""
        if self.customer not in self.account.versions["customers"]:
            self.who()
        made = objects.subscription(more.pop("sub", self.sub), items, at, customer_id=self.customer, **more)
        if told:
            return self.account.begin(made)
        self.account.put("subscriptions", made, at)
        return made

    # --- what is billed ------------------------------------------------------------------------------------------------------

    def line(self, of: JSON, quantity: int | None, start: int, *, item: int = 1, amount: int | None = None, **more: Any) -> JSON:
        """The line of a whole period."""
        cents = (of["unit_amount"] or 0) * (quantity or 0) if amount is None else amount
        end = more.pop("end") if "end" in more else later(start, _months(of))
        return objects.line(self.next("il"), of, quantity, cents, start, end, sub=self.sub, item_id=self.item_id(item), **more)

    def pair(
        self, at: int, until: int, old: tuple[JSON, int], new: tuple[JSON, int], *, item: int = 1, of_item: bool = False
    ) -> list[JSON]:
        """A credit of what was and a debit of what is, from `at` to the end of the cycle."""
        both: JSON = {"end": until, "proration": True, "of_item": of_item, "item": item}
        credit = self.line(*old, at, amount=-_share(old, at, until), credited=["il_before"], **both)
        return [credit, self.line(*new, at, amount=_share(new, at, until), **both)]

    def bill(self, lines: Sequence[JSON], at: int, **more: Any) -> JSON:
        """An invoice of the subscription."""
        told = more.pop("told", True)
        made = objects.invoice(self.next("in"), lines, at, sub=more.pop("sub", self.sub), customer_id=self.customer, **more)
        return self.account.bill(made, told=told)

    def wait(self, of: JSON, quantity: int, cents: int, at: int, until: int, *, item: int = 1) -> None:
        """Half of a proration pair comes into being that no invoice bills yet."""
        ids = {"sub": self.sub, "of_item": self.item_id(item), "customer_id": self.customer}
        self.account.put("invoiceitems", objects.waiting(self.next("ii"), of, quantity, cents, at, until, **ids), at)

    def credit(self, bill: JSON, lines: Sequence[tuple[JSON | None, int]], at: int, *, told: bool = True, **more: Any) -> JSON:
        """A credit note on an invoice: of its lines (None: of none of them) so many cents each. `inclusive` is the tax in each line."""
        taken = {key: more.pop(key) for key in ("inclusive", "off") if key in more}
        made = [objects.note_line(self.next("cnli"), of, cents, **taken) for of, cents in lines]
        return self.account.credit(objects.credit_note(self.next("cn"), bill, made, at, **more), told=told)

    def cycles(self, start: int, until: int, holds: Sequence[tuple[JSON, int | None]], *, told: bool = True, **more: Any) -> None:
        """A paid invoice for each month from `start` up to `until`, with a line for each (price, quantity)."""
        at, number = start, 0
        while at <= until:
            lines = [self.line(of, quantity, at, item=n) for n, (of, quantity) in enumerate(holds, 1)]
            first = "subscription_create" if number == 0 and not more.get("went_on") else "subscription_cycle"
            self.bill(lines, at, reason=first, told=told)
            number += 1
            at = later(start, number * _months(holds[0][0]))

    def renew(self, at: int, **values: Any) -> JSON:
        """The subscription's periods move on, and an event says so."""

        def moved(sub: JSON) -> None:
            for each in sub["items"]["data"]:
                each["current_period_start"], each["current_period_end"] = at, later(at, _months(each["price"]))

        return self.account.change(self.sub, at, moved, **values)

    def change(self, at: int, *args: Any, **values: Any) -> JSON:
        """The subscription is changed."""
        return self.account.change(self.sub, at, *args, **values)

    def hold(self, at: int, items: Sequence[JSON], **values: Any) -> JSON:
        """From now on the subscription has these items."""
        return self.change(at, lambda sub: sub["items"].update(data=list(items)), **values)


def _months(of: JSON) -> int:
    count: int = of["recurring"]["interval_count"]
    return count * (12 if of["recurring"]["interval"] == "year" else 1)


def _share(of: tuple[JSON, int], at: int, until: int) -> int:
    price, quantity = of
    whole: int = price["unit_amount"] * quantity
    return round(whole * (until - at) / (later(at, _months(price)) - at))


Build = Callable[[Maker], None]
"""A life, as a function that lives it."""
