"""Lives of customers told in a few words, so that a finance person can read the cases and check them by hand.

A case in `cases/*.md` is a heading, facts and expectations, one a line:

    ## A trial that converts
    event 2025-01-01 status=trialing items=pro trial=2025-01-01..2025-01-15
    event 2025-01-15 status=active
    => 2025-01-15 new 0 -> 50 trial_converted

Facts: `event`, `before` (the state before an event, with the event's id), `listed` (a snapshot) and `invoice`; an event or a listing
carries the state of the one before it in the text and changes what it names; `waits` are lines that no invoice bills yet. `sub=` names another subscription than the first,
`policy:` changes choices, `timezone:` the reporting day, `now:` the end. Expectations: `=>` a movement, `@` what the customer stands at when
a day closes (net, list, risk, scheduled, usage: those not named are not looked at), `!!` a finding's reason, `xx` an exclusion's reason.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from metrics.entries import CustomerLedger
from metrics.evidence import (
    Coupon,
    Customer,
    CustomerEvidence,
    CustomerState,
    Discount,
    Instant,
    Invoice,
    InvoiceEvidence,
    InvoiceLine,
    Item,
    Pause,
    PendingUpdate,
    Price,
    Source,
    Subscription,
    SubscriptionEvidence,
    SubscriptionState,
    Tier,
    UnreadLine,
)
from metrics.ledger.movements import fold
from metrics.policy import DEFAULT, Policy, preset
from metrics.pricing.catalog import Catalog
from metrics.pricing.object_versions import version_of
from metrics.timeline.discount_details import described
from metrics.timeline.timeline import build

CATALOG = Catalog(
    prices={
        p.id: p
        for p in (
            Price("pro", "Pro", "usd", unit=Decimal(5000)),
            Price("pro2", "Pro", "usd", unit=Decimal(6000)),
            Price("proyear", "Pro", "usd", interval="year", unit=Decimal(48000)),
            Price("team", "Team", "usd", unit=Decimal(8000)),
            Price("basic", "Basic", "usd", unit=Decimal(2000)),
            Price("seat", "Seat", "usd", unit=Decimal(1000)),
            Price("addon", "Addon", "usd", unit=Decimal(1500)),
            Price("free", "Free", "usd", unit=Decimal(0)),
            Price("mite", "Mite", "usd", unit=Decimal("0.0001")),
            Price("fortnight", "Pro", "usd", interval="week", interval_count=2, unit=Decimal(2400)),
            Price("quarter", "Pro", "usd", interval="month", interval_count=3, unit=Decimal(12000)),
            Price("usage", "Usage", "usd", usage="metered", unit=Decimal(1)),
            Price("eur", "Pro", "eur", unit=Decimal(4000)),
            Price("jpy", "Pro", "jpy", unit=Decimal(5000)),
            Price("kwd", "Pro", "kwd", unit=Decimal(15000)),
            Price("gross", "Pro", "eur", unit=Decimal(11900), tax_behavior="inclusive"),
            Price("late", "Late", "usd", unit=Decimal(3000), created=Instant(int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()))),
            Price(
                "steps",
                "Steps",
                "usd",
                scheme="tiered",
                tiers_mode="graduated",
                tiers=(Tier(2, Decimal(1000), None), Tier(None, Decimal(400), None)),
            ),
            Price("volume", "Usage", "usd", usage="metered", scheme="tiered", tiers_mode="graduated"),
        )
    },
    coupons={
        c.id: c
        for c in (
            Coupon("ten", percent_off=Decimal(10)),
            Coupon("half3", percent_off=Decimal(50), duration="repeating", months=3),
            Coupon("all", percent_off=Decimal(100)),
            Coupon("five", amount_off=500, currency="usd"),
            Coupon("once20", percent_off=Decimal(20), duration="once"),
            Coupon("secret", percent_off=Decimal(50), scope_told=False),
            Coupon("asked", percent_off=Decimal(50), scope_told=False, scope_asked=True),
            Coupon("lunar", percent_off=Decimal(50), duration="lunar"),
            Coupon("double", percent_off=Decimal(200)),
            Coupon("both", percent_off=Decimal(10), amount_off=2000, currency="usd"),
        )
    },
)
OLD, NEW = (Instant(int(datetime(year, 1, 1, tzinfo=UTC).timestamp())) for year in (2020, 2025))
REMADE: dict[tuple[str, str], Price | Coupon] = {
    ("gold", "old"): Price("gold", "Gold", "usd", unit=Decimal(2000), created=OLD),
    ("gold", "new"): Price("gold", "Gold", "usd", unit=Decimal(3000), created=NEW),
    ("spring", "old"): Coupon("spring", percent_off=Decimal(20), created=OLD),
    ("spring", "new"): Coupon("spring", percent_off=Decimal(50), created=NEW),
    ("off", "old"): Coupon("off", amount_off=1000, currency="usd", created=OLD),
    ("off", "new"): Coupon("off", amount_off=2000, currency="usd", created=NEW),
}
"""What was deleted and made again under its id, on 1 January 2025."""
for (_id, _), _object in REMADE.items():
    if isinstance(_object, Price):
        CATALOG.price_versions[_id, version_of(_object)] = CATALOG.prices[_id] = _object
        CATALOG.earlier_prices[_id] = (_object, *CATALOG.earlier_prices.get(_id, ()))
    else:
        CATALOG.coupon_versions[_id, version_of(_object)] = CATALOG.coupons[_id] = _object
        CATALOG.earlier_coupons[_id] = (_object, *CATALOG.earlier_coupons.get(_id, ()))


def instant(text: str) -> Instant:
    """A day, or a day and a time of day joined by T, in UTC."""
    return Instant(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()))


@dataclass
class Life:
    """A case: what is known of one customer, under which policy, and what must come out."""

    title: str
    line: int
    policy: Policy = DEFAULT
    timezone: str = "UTC"
    now: Instant = field(default_factory=lambda: instant("2027-01-01"))
    states: dict[str, list[SubscriptionState]] = field(default_factory=dict)
    invoices: dict[str, list[InvoiceEvidence]] = field(default_factory=dict)
    waiting: dict[str, list[InvoiceLine]] = field(default_factory=dict)
    customers: list[CustomerState] = field(default_factory=list)
    movements: list[str] = field(default_factory=list)
    standings: list[tuple[date, dict[str, str]]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    exclusions: list[str] = field(default_factory=list)

    def ledger(self) -> CustomerLedger:
        """What the engine makes of the facts."""
        names = dict.fromkeys([*self.states, *self.invoices])
        subscriptions = tuple(
            SubscriptionEvidence(
                1, n, tuple(self.states.get(n, ())), tuple(self.invoices.get(n, ())), tuple(self.waiting.get(n, ()))
            )
            for n in names
        )
        known = described(CustomerEvidence(1, "cus", tuple(self.customers), subscriptions), CATALOG)
        timelines = [
            build(evidence, CATALOG, self.policy, customer_states=known.states, now=self.now) for evidence in known.subscriptions
        ]
        return fold("cus", timelines, self.policy, self.timezone)


def told(path: Path) -> list[Life]:
    """Every case of a file."""
    return told_text(path.read_text())


def told_text(told: str) -> list[Life]:
    """Every case of a text."""
    out: list[Life] = []
    for number, line in enumerate(told.splitlines(), 1):
        text = line.split("#:")[0].strip()
        if line.startswith("## "):
            out.append(Life(line[3:], number))
        elif out and text and re.match(r"(event|before|listed|invoice|waits|customer|policy:|timezone:|now:|=>|!!|xx|@)", text):
            _tell(out[-1], text, number)
    return out


def _tell(life: Life, text: str, number: int) -> None:
    word, *rest = text.split()
    values = dict(w.split("=", 1) for w in rest if "=" in w and w != "=>")
    match word:
        case "policy:":
            choices: dict[str, object] = {k: _choice(v) for k, v in values.items() if k != "preset"}
            life.policy = preset(values.get("preset", "default"), **choices)
        case "timezone:":
            life.timezone = rest[0]
        case "now:":
            life.now = instant(rest[0])
        case "=>":
            life.movements.append(" ".join(rest))
        case "@":
            life.standings.append((day(rest[0]), values))
        case "!!":
            life.findings += rest
        case "xx":
            life.exclusions += rest
        case "invoice":
            name = values.get("sub", "sub")
            life.invoices.setdefault(name, []).append(_invoice(rest, values, name, number))
        case "waits":
            name = values.get("sub", "sub")
            life.waiting.setdefault(name, []).extend(_invoice(rest, values, name, number).lines)
        case "customer":
            at = instant(rest[0])
            discounts = _discounts(values["discounts"]) if values.get("discounts") else ()
            life.customers.append(
                CustomerState(at, Source.EVENT, f"evt_{number}", Customer("cus", discount=discounts[0] if discounts else None))
            )
        case _:
            _state(life, word, instant(rest[0]), values, number)


def _choice(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    return int(text) if text.isdigit() and text != "4" else text


def _state(life: Life, word: str, at: Instant, values: dict[str, str], number: int) -> None:
    name = values.pop("sub", "sub")
    states = life.states.setdefault(name, [])
    source = {"event": Source.EVENT, "before": Source.EVENT_BEFORE, "listed": Source.SNAPSHOT}[word]
    source_id = values.pop("id", f"evt_{number:04d}") if source != Source.SNAPSHOT else ""
    seen = tuple(instant(text) for text in values.pop("seen", "").split(",") if text)
    values = {"cut": "none", **values}
    s = states[-1].subscription if states else Subscription(name, "cus", "active", "usd", at, at, ())
    for key, value in values.items():
        s = _changed(s, key, value)
    states.append(SubscriptionState(at, source, source_id, s, seen))


def _changed(s: Subscription, key: str, value: str) -> Subscription:
    def when(text: str) -> Instant | None:
        return None if text == "none" else instant(text)

    match key:
        case "status":
            return replace(s, status=value)
        case "currency":
            return replace(s, currency=value)
        case "reason":
            return replace(s, cancel_reason=value)
        case "feedback":
            return replace(s, cancel_feedback=value)
        case "schedule":
            return replace(s, schedule=value)
        case "start":
            return replace(s, start=instant(value))
        case "created":
            return replace(s, created=instant(value))
        case "items":
            return replace(s, items=tuple(_item(w, s) for w in value.split(",")))
        case "discounts":
            return replace(s, discounts=_discounts(value))
        case "trial":
            first, until = value.split("..")
            return replace(s, trial_start=instant(first), trial_end=instant(until))
        case "old":  # an answer that says whole quantities alone
            items = tuple(replace(i, decimal_told=False, quantity_decimal=None) if i.quantity is not None else i for i in s.items)
            return replace(s, items=items)
        case "own":  # an answer of a version whose items have no discounts
            return replace(s, items=tuple(replace(i, discounts=(), discounts_complete=value != "untold") for i in s.items))
        case "period":
            begun, over = map(instant, value.split(".."))
            return replace(s, items=tuple(replace(i, period_start=begun, period_end=over) for i in s.items))
        case "ended":
            return replace(s, ended_at=when(value))
        case "asked":
            return replace(s, canceled_at=when(value))
        case "cancel_at":
            return replace(s, cancel_at=when(value), cancel_at_period_end=value != "none")
        case "pause":
            return replace(s, pause=None if value == "none" else Pause(value))
        case "paused_at":
            return replace(s, paused_at=when(value))
        case "test_clock":
            return replace(s, test_clock=value)
        case "cut":
            return replace(s, items_complete=value != "items", discounts_complete=value != "discounts")
        case "pending":
            return replace(s, pending_update=PendingUpdate() if value != "none" else None)
        case "billed_until":
            return replace(s, items=tuple(replace(i, billed_until=instant(value)) for i in s.items))
        case "migrated_from":
            return replace(s, metadata=(("migrated_from", value),))
    raise ValueError(f"a case names {key}, which is no part of a state")


def _item(text: str, s: Subscription) -> Item:
    """`price`, `price*quantity`, `price*quantity@item`, each with `/coupon:from..until` for the item's own discount and `~until` or `~from..until`, its own trial.

    `price#old` is the object of that id that was deleted, `price#new` the one made again: what is inlined. Without it only the id is said.
    """
    text, _, trial = text.partition("~")
    body, *discounts = text.split("/")
    body, _, item = body.partition("@")
    named, _, quantity = body.partition("*")
    price, _, which = named.partition("#")
    metered = CATALOG.prices[price].usage == "metered" if price in CATALOG.prices else False
    exact = Decimal(quantity or 1)
    count = None if metered else int(exact)
    own = tuple(d for t in discounts for d in _discounts(t))
    version = version_of(REMADE[price, which]) if which else ""
    first, _, last = trial.rpartition("..")
    return Item(
        item or f"si_{s.id}",
        price,
        count,
        own,
        trial_start=instant(first) if first else None,
        trial_end=instant(last) if last else None,
        price_version=version,
        quantity_decimal=None if metered or exact == int(exact) else exact,
    )


def _discounts(text: str) -> tuple[Discount, ...]:
    """`coupon:from..until` or `coupon:from..`, several joined by +; `none` is none. `coupon#old` says which object of the id it is."""
    out = []
    for part in text.split("+") if text != "none" else ():
        named, _, span = part.partition(":")
        coupon, _, which = named.partition("#")
        first, _, until = span.partition("..")
        version = version_of(REMADE[coupon, which]) if which else ""
        out.append(Discount(f"di_{coupon}_{first}", coupon, instant(first), instant(until) if until else None, version))
    return tuple(out)


def _invoice(rest: list[str], values: dict[str, str], name: str, number: int) -> InvoiceEvidence:
    """`invoice DATE [status=] [given_up=] [reason=] line=...`: a line is `price*quantity@item:FROM..UNTIL[:credit|:debit][:taxCENTS][:billedCENTS][:cut][/coupon:from..until[=CENTS]]`.

    A price or a quantity of `?` is not said, an item of `?` neither, and `:cut` says a whole quantity alone; a line that begins with `unread:` says its price and its period alone.
    """
    at = instant(rest[0])
    lines: list[InvoiceLine] = []
    unread: list[UnreadLine] = []
    for index, word in enumerate(w[5:] for w in rest if w.startswith("line=")):
        body, *discounts = word.removeprefix("unread:").split("/")
        what, span, *kind = re.match(
            r"([^:]+):(\d[^:]*\.\.[^:]*?)(?::(credit|debit))?(?::tax(\d+))?(?::billed(\d+))?(?::(cut))?$", body
        ).groups()  # type: ignore[union-attr]
        item = _item(what.replace("*?", ""), Subscription(name, "cus", "active", "usd", at, at, ()))
        first, until = span.split("..")
        price = CATALOG.prices.get(item.price or "")
        billed = re.search(r"\*([\d.]+)", what)  # of a metered item it is what was used
        amount = int((price.unit or 0) * Decimal(billed[1] if billed else 1)) if price else 1000
        amount = int(kind[2] or amount)
        if word.startswith("unread:"):
            detail = "parent is null"
            mute = UnreadLine(
                f"il_{number}_{index}",
                "line_without_parent",
                detail,
                amount,
                "usd",
                None,
                item.price,
                instant(first),
                instant(until),
            )
            unread.append(mute)
            continue
        lines.append(
            InvoiceLine(
                f"il_{number}_{index}",
                f"in_{number}",
                name,
                None if item.id == "?" else item.id,
                None if item.price == "?" else item.price,
                None if "*?" in what else item.quantity,
                -amount if kind[0] == "credit" else amount,
                price.currency if price else "usd",
                instant(first),
                instant(until),
                kind[0] is not None,
                tuple((d, int(t.partition("=")[2] or 100)) for t in discounts for d in _discounts(t.partition("=")[0])),
                int(kind[1] or 0),
                quantity_decimal=None if kind[3] else item.quantity_decimal,
                price_version=item.price_version,
                decimal_told=not kind[3],
            )
        )
    head = Invoice(
        f"in_{number}",
        "cus",
        name,
        values.get("status", "paid"),
        at,
        lines[0].currency if lines else "usd",
        values.get("reason", "subscription_cycle"),
        paid_at=at if values.get("status", "paid") == "paid" else None,
        uncollectible_at=instant(values["given_up"]) if "given_up" in values else None,
    )
    return InvoiceEvidence(head, tuple(lines), tuple(unread))


def shown(micros: int) -> str:
    """Micros as the cases write amounts: 50, 49.99, 8.333333."""
    return f"{Decimal(micros) / 1_000_000:f}".rstrip("0").rstrip(".") if micros % 1_000_000 else str(micros // 1_000_000)


def lines_of(ledger: CustomerLedger, *, currencies: bool) -> list[str]:
    """The ledger's movements as the cases write them; the currency is named when there are several."""
    return [
        f"{m.day} {m.kind} {shown(m.before_micros)} -> {shown(m.after_micros)} {m.cause}"
        + (f" {m.currency}" if currencies else "")
        + (" inferred" if m.inferred else "")
        for m in ledger.movements
    ]


def standing_of(ledger: CustomerLedger, day: date, wanted: dict[str, str]) -> dict[str, str]:
    """What the customer stands at when a day closes, in the words of a case: of one currency, the only one unless it is named."""
    currency = wanted.get("currency")
    held = [s for s in ledger.standings if s.day <= day and currency in (None, s.currency)]
    if not held:
        return {**wanted, **{k: "0" for k in wanted if k != "currency"}}
    s = held[-1]
    found = {
        "currency": s.currency,
        "net": shown(s.net_micros),
        "list": shown(s.list_micros),
        "risk": shown(s.at_risk_micros),
        "scheduled": shown(s.scheduled_micros),
        "committed": shown(s.net_micros - s.scheduled_micros),
        "usage": shown(s.usage_micros),
        "subscriptions": str(s.subscriptions),
        "plan": str(s.plan),
        "interval": str(s.interval),
    }
    return {k: found[k] for k in wanted}


def day(text: str) -> date:
    """A day by its ISO name."""
    return date.fromisoformat(text)
