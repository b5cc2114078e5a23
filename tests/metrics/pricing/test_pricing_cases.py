"""The hand-computed tables of `cases/pricing.md` come out as written; how to read a row is said there."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from metrics.evidence import Coupon, CurrencyOption, Discount, Instant, Item, Price, Subscription, Tier, Transform
from metrics.money import exponent
from metrics.policy import Policy, preset
from metrics.pricing.catalog import Catalog
from metrics.pricing.formula import _WHY as WHY
from metrics.pricing.formula import explain_item
from metrics.pricing.pricing import PricedSubscription, price_subscription
from metrics.pricing.problems import PROBLEMS
from tests.metrics.life import shown

TEXT = (Path(__file__).parents[1] / "cases" / "pricing.md").read_text()
BEGIN = 1_735_689_600  # 1 January 2025, midnight UTC: day 0
COLUMNS = ["case", "items", "discounts", "also", "list", "net", "says", "by hand"]


def day(number: str) -> Instant:
    """The instant at which a day begins, counted from day 0."""
    return Instant(BEGIN + 86_400 * int(number))


def tables() -> list[dict[str, str]]:
    """Every row of every table, as its columns name its cells."""
    rows: list[dict[str, str]] = []
    head: list[str] = []
    for line in TEXT.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = cells
        elif set(cells[0]) != {"-"}:
            rows.append(dict(zip(head, cells, strict=True)))
    return rows


CASES = [row for row in tables() if list(row) == COLUMNS]
TIERED = {row["name"]: row for row in tables() if "tiers" in row}


def minor(amount: str, currency: str) -> Decimal:
    """An amount as people write it, in minor units."""
    return Decimal(amount).scaleb(exponent(currency))


def tiers(text: str) -> tuple[str, tuple[Tier, ...] | None]:
    """`graduated: up to 5 at 10; beyond at 6 plus 5 flat` as Stripe has it, in cents."""
    mode, _, steps = text.partition(":")
    found = []
    for step in filter(None, (s.strip() for s in steps.split(";"))):
        bound, unit, flat = re.fullmatch(r"(?:up to (\d+)|beyond) at ([\d.]+)(?: plus ([\d.]+) flat)?", step).groups()  # type: ignore[union-attr]
        found.append(Tier(int(bound) if bound else None, minor(unit, "usd"), minor(flat, "usd") if flat else None))
    return mode, tuple(found) or None


@dataclass
class Case:
    """One row, turned into what the engine is asked."""

    row: dict[str, str]
    catalog: Catalog = field(default_factory=Catalog)
    also: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.also = dict(word.split("=", 1) for word in self.row["also"].split())
        self.currency = self.also.pop("currency", "usd")
        self.price_currency = self.also.pop("price", "usd")
        self.at = day(self.also.pop("day", "0"))
        customer = self.also.pop("customer", "").replace("_", " ")
        self.customer = self.discount(customer) if customer else None
        self.odd = {word: self.also.pop(word, "") for word in ("kind", "type", "sold", "scheme")}
        used = self.also.pop("usage", "")
        shares = self.also.pop("tax", "")
        items = tuple(self.item(n, text.strip()) for n, text in enumerate(re.split(r";(?![^\[]*\])", self.row["items"])))
        discounts = tuple(self.discount(d.strip()) for d in self.row["discounts"].split(";") if d.strip())
        metered = [i.id for i in items if self.catalog.prices.get(i.price or "", Price("", "", "")).usage == "metered"]
        self.usage = {metered[0]: minor(used, self.currency)} if used else {}
        self.tax = {f"si_{n}": Fraction(share) for n, share in enumerate(filter(None, shares.split(",")))}
        self.subscription = Subscription("sub", "cus", "active", self.currency, day("0"), day("0"), items, discounts=discounts)
        choices: dict[str, object] = {
            name: value == "true" if value in ("true", "false") else value for name, value in self.also.items()
        }
        self.policy: Policy = preset("default", **choices)

    def item(self, number: int, text: str) -> Item:
        """`A=49.99/2week{eur 45} by 10 up*3[20%] trial 14`."""
        found = re.fullmatch(
            r"(?:(?P<product>\w+)=)?(?P<amount>-?[\w.]+)(?:/(?P<count>\d*)(?P<interval>\w+))?(?:\{(?P<code>\w+) (?P<option>[\d.]+)\})?"
            r"(?: by (?P<by>\d+) (?P<rounding>\w+))?(?:\*(?P<quantity>\d+|\?))?(?:\[(?P<discounts>[^\]]*)\])?(?: trial (?P<trial>\d+))?",
            text,
        )
        assert found, f"{text!r} is no item"
        part = found.groupdict()
        name = f"price_{number}"
        if part["amount"] != "unknown":
            self.catalog.prices[name] = self.price(name, part)
        metered = part["amount"] == "metered"
        quantity = None if metered or part["quantity"] == "?" else int(part["quantity"] or 1)
        own = tuple(self.discount(d.strip()) for d in (part["discounts"] or "").split(";") if d.strip())
        return Item(f"si_{number}", name, quantity, own, trial_end=day(part["trial"]) if part["trial"] else None)

    def price(self, name: str, part: dict[str, str | None]) -> Price:
        """The price behind an item's words."""
        amount, interval = part["amount"] or "", part["interval"] or ""
        code, tiered = self.price_currency, TIERED.get(amount)
        mode, steps = tiers(tiered["tiers"]) if tiered else (None, None)
        options = [CurrencyOption(part["code"], minor(part["option"] or "", part["code"]))] if part["code"] else []
        if tiered and tiered["in eur"]:
            options.append(CurrencyOption("eur", None, tiers(tiered["in eur"])[1]))
        return Price(
            name,
            part["product"] or name,
            code,
            kind="one_time" if interval == "once" else self.odd["kind"] or "recurring",
            type_told=self.odd["type"],
            usage="metered" if amount == "metered" else self.odd["sold"] or "licensed",
            interval=interval,
            interval_count=int(part["count"] or 1),
            scheme="tiered" if tiered else self.odd["scheme"] or "per_unit",
            tiers_mode=mode,
            unit=minor(amount, code) if re.fullmatch(r"-?[\d.]+", amount) else None,
            tiers=steps,
            transform=Transform(int(part["by"]), part["rounding"] or "") if part["by"] else None,
            options=tuple(options),
        )

    def discount(self, text: str) -> Discount:
        """`20% repeating on A,B from 10 until 40`, `5 (eur 4)`, `mystery`."""
        found = re.fullmatch(
            r"(?:mystery|(?P<amount>-?[\d.]+)(?P<percent>%?))(?: (?P<duration>once|repeating|service_period|unsaid))?(?: \((?P<code>\w+) (?P<option>[\d.]+)\))?"
            r"(?: on (?P<products>[\w,]+))?(?: from (?P<start>\d+))?(?: until (?P<end>\d+))?",
            text,
        )
        assert found, f"{text!r} is no discount"
        part = found.groupdict()
        name = f"coupon_{len(self.catalog.coupons)}"
        if part["amount"]:
            off = part["percent"] == "%"
            self.catalog.coupons[name] = Coupon(
                name,
                percent_off=Decimal(part["amount"]) if off else None,
                amount_off=None if off else int(minor(part["amount"], self.price_currency)),
                currency=None if off else self.price_currency,
                amount_options=((part["code"], int(minor(part["option"], part["code"]))),) if part["code"] else (),
                duration={None: "forever", "unsaid": ""}.get(part["duration"], part["duration"] or ""),
                products=tuple(part["products"].split(",")) if part["products"] else None,
            )
        return Discount(f"di_{name}", name, day(part["start"] or "0"), day(part["end"]) if part["end"] else None)

    def priced(self) -> PricedSubscription:
        """What the engine makes of it."""
        return price_subscription(
            self.subscription,
            self.at,
            self.catalog,
            self.policy,
            customer_discount=self.customer,
            tax_share=self.tax,
            usage={item: Fraction(amount) for item, amount in self.usage.items()},
        )


CANT = {
    "unknown_coupon",
    "coupon_currency_unknown",
    "coupon_duration_unknown",
    "coupon_percent_unknown",
    "coupon_two_amounts",
    "discount_end_unknown",
    "price_type_assumed",
}  # the item is priced all the same


def cells(priced: PricedSubscription, name: str) -> str:
    """A figure of every item as the tables write it."""
    return " + ".join(
        "-" if p.excluded else "?" if p.problem and p.problem not in CANT else shown(getattr(p, name)) for p in priced.items
    )


@pytest.mark.parametrize("row", CASES, ids=lambda row: row["case"])
def test_an_item_is_worth_what_was_computed_by_hand(row: dict[str, str]) -> None:
    """List and net of every item, and what is said about it, are those of the row."""
    priced = Case(row).priced()
    assert (row["list"], row["net"]) == (cells(priced, "list_micros"), cells(priced, "net_micros"))
    said = {word for p in priced.items for word in (p.excluded, p.problem) if word}
    if priced.usage_micros:
        said.add(f"usage={shown(priced.usage_micros)}")
    assert set(row["says"].split()) == said


@pytest.mark.parametrize("row", CASES, ids=lambda row: row["case"])
def test_what_cannot_be_priced_adds_nothing(row: dict[str, str]) -> None:
    """The subscription's totals are the sums of the rows' figures: `?` and `-` add 0."""
    priced = Case(row).priced()
    for column, total in (("list", priced.list_micros), ("net", priced.net_micros)):
        assert sum(int(Decimal(c) * 1_000_000) for c in row[column].split(" + ") if c not in "?-") == total


@pytest.mark.parametrize("row", CASES, ids=lambda row: row["case"])
def test_the_words_come_to_the_same_figure(row: dict[str, str]) -> None:
    """The sentence behind every item ends in its figure, or says why there is none."""
    case = Case(row)
    for item, priced in zip(case.subscription.items, case.priced().items, strict=True):
        explained = explain_item(
            case.subscription,
            item.id,
            case.at,
            case.catalog,
            case.policy,
            customer_discount=case.customer,
            tax_share=case.tax,
            usage={key: Fraction(amount) for key, amount in case.usage.items()},
        )
        assert priced == explained.priced
        unpriced = priced.problem is not None and priced.problem not in CANT
        if unpriced or priced.excluded == "one_off":
            assert ("can't be priced" if unpriced else "left out: billed once") in explained.words
        else:
            figure = priced.usage_micros if priced.excluded == "metered" else priced.net_micros
            found = re.search(r"= ([\d.]+) ([A-Z]{3}) a month", explained.words)
            assert found, explained.words
            assert (figure, case.currency.upper()) == (int(Decimal(found[1]) * 1_000_000), found[2])


def test_the_tables_are_read_whole() -> None:
    """No row is lost on the way, and no case is there twice."""
    written = [line for line in TEXT.splitlines() if line.startswith("|") and line.count("|") == len(COLUMNS) + 1]
    assert len(CASES) == len([w for w in written if not w.startswith(("| case ", "|---"))])
    assert len({row["case"] for row in CASES}) == len(CASES) >= 80


def test_every_problem_has_its_words() -> None:
    """A reason why an item can't be priced is told in a sentence, and why it is priced otherwise than it may have to be."""
    unpriced = {word for row in CASES for word in row["says"].split() if "?" in row["list"]} - {"one_off", "metered"}
    assert set() == unpriced - set(WHY)
    assert set() == {word for row in CASES for word in row["says"].split() if word in CANT} - set(PROBLEMS)
