"""The pen of a simulated life: makes ids, keeps every version, and announces each step as an event.

It knows how things are recorded and nothing of why they happen; the machine decides.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec.structs import replace

from integrations.sandbox import ids
from integrations.sandbox.simulator.catalog import Catalog
from integrations.sandbox.simulator.invoicing import LineDraft, finished, totals
from integrations.sandbox.simulator.records import (
    CreditedLine,
    CreditNote,
    Customer,
    CustomerState,
    CustomerVersion,
    Discount,
    Happening,
    Invoice,
    InvoiceItem,
    Life,
    Line,
    Schedule,
    Step,
    Subscription,
    SubscriptionState,
    Version,
)

_INVOICE_EVENTS = {"open": "finalized", "void": "voided", "uncollectible": "marked_uncollectible"}
BLANKS: Final = ("pricing", "quantity", "parent")
"""What a line may leave null."""


@dataclass(frozen=True)
class Delivery:
    """How what is recorded reaches a reader.

    `late` and `blank` are (since, until, what): events of that time appear so many seconds late, lines of that time lack that field.
    `late_share` and `blank_share` are the parts of all events and lines that do so by chance, which the id decides.
    """

    late: tuple[tuple[int, int, int], ...] = ()
    blank: tuple[tuple[int, int, str], ...] = ()
    late_share: float = 0.0
    blank_share: float = 0.0

    def lateness(self, identifier: str, at: int) -> int:
        """How many seconds late an event appears: between twelve minutes and two days, where chance says so."""
        told = [by for since, until, by in self.late if since <= at < until]
        roll = _chance(identifier)
        if not told and roll < self.late_share:
            told = [720 + int(roll / self.late_share * 170_000)]
        return max(told, default=0)

    def lacking(self, identifier: str, at: int) -> str:
        """What a line made at `at` leaves null, empty for nothing."""
        told = [what for since, until, what in self.blank if since <= at < until]
        roll = _chance(identifier)
        if not told and roll < self.blank_share:
            told = [BLANKS[int(roll / self.blank_share * len(BLANKS))]]
        return told[-1] if told else ""


def _chance(identifier: str) -> float:
    return int.from_bytes(hashlib.blake2b(identifier.encode(), digest_size=4).digest(), "big") / 2**32


@dataclass
class OpenSubscription:
    """A subscription being lived: its versions so far and what is still to be billed."""

    id: str
    place: int
    created: int
    start_date: int
    currency: str
    flexible: bool
    send_invoice: bool
    after_trial: str
    void_first: bool
    versions: list[Version] = field(default_factory=list)
    pending: list[LineDraft] = field(default_factory=list)
    billed: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    unsettled: list["OpenInvoice"] = field(default_factory=list)
    vanished_at: int | None = None

    @property
    def state(self) -> SubscriptionState:
        """The state in force."""
        return self.versions[-1].state

    @property
    def over(self) -> bool:
        """Whether nothing happens to it any more."""
        return self.state.status in ("canceled", "incomplete_expired") or self.vanished_at is not None


@dataclass
class OpenInvoice:
    """An invoice being lived."""

    id: str
    place: int
    subscription: OpenSubscription | None
    created: int
    reason: str
    currency: str
    period: tuple[int, int]
    lines: tuple[Line, ...]
    starting_balance: int
    due: int
    number: str
    metadata: tuple[tuple[str, str], ...]
    steps: list[Step] = field(default_factory=list)
    mark: str = ""

    @property
    def status(self) -> str:
        """Its standing now."""
        return self.steps[-1].status


class Journal:
    """Everything recorded of one customer."""

    def __init__(self, catalog: Catalog, tag: str, index: int, currency: str, delivery: Delivery) -> None:
        self.catalog = catalog
        self._delivery = delivery
        self._tag = tag
        self._index = index
        self._serials: dict[str, int] = {}
        self.currency = currency
        self.customer_id = ""
        self._customer_place = 0
        self.customer_created = 0
        self.customer: list[CustomerVersion] = []
        self.subscriptions: list[OpenSubscription] = []
        self.invoices: list[OpenInvoice] = []
        self.credit_notes: list[CreditNote] = []
        self._schedules: list[Schedule] = []
        self._waiting: dict[str, InvoiceItem] = {}
        self._happenings: list[Happening] = []

    def identity(self, prefix: str, at: int) -> tuple[str, int]:
        """A fresh (id, position) of that kind."""
        serial = self._serials.get(prefix, 0)
        self._serials[prefix] = serial + 1
        place = ids.position(at, self._index, serial)
        return ids.make(prefix, place, self._tag), place

    def announce(self, at: int, kind: str, subject: str, number: int, detail: Discount | None = None) -> None:
        """Record an event."""
        event, place = self.identity("evt", at)
        late = self._delivery.lateness(event, at)
        self._happenings.append(Happening(event, place, at, kind, subject, number, detail, late))

    def open_customer(self, at: int, state: CustomerState) -> None:
        """The customer comes into being."""
        self.customer_id, self._customer_place = self.identity("cus", at)
        self.customer_created = at
        self.customer.append(CustomerVersion(at, state))
        self.announce(at, "customer.created", self.customer_id, 0)

    def change_customer(self, at: int, kind: str = "customer.updated", **changes: Any) -> None:
        """The customer changes."""
        self.customer.append(CustomerVersion(at, replace(self.customer[-1].state, **changes)))
        self.announce(at, kind, self.customer_id, len(self.customer) - 1)

    def write(
        self, sub: OpenSubscription, at: int, cause: str = "", trace: str = "", *, event: str = "updated", **changes: Any
    ) -> None:
        """The subscription changes, with one event for it."""
        sub.versions.append(Version(at, replace(sub.state, **changes), cause, trace))
        self.announce(at, f"customer.subscription.{event}", sub.id, len(sub.versions) - 1)

    def remark(self, sub: OpenSubscription, at: int, event: str) -> None:
        """A further event about the subscription as it stands."""
        self.announce(at, f"customer.subscription.{event}", sub.id, len(sub.versions) - 1)

    def open_subscription(self, sub: OpenSubscription, at: int, state: SubscriptionState, cause: str) -> None:
        """The subscription comes into being."""
        sub.versions.append(Version(at, state, cause, "start"))
        self.subscriptions.append(sub)
        self.announce(at, "customer.subscription.created", sub.id, 0)

    def open_schedule(self, schedule: Schedule) -> None:
        """A schedule comes into being."""
        self._schedules.append(schedule)

    def open_invoice(
        self,
        sub: OpenSubscription | None,
        at: int,
        reason: str,
        drafts: list[LineDraft],
        period: tuple[int, int],
        taxed: bool,
        mark: str = "",
    ) -> OpenInvoice:
        """A draft invoice with these lines; the customer's balance is drawn on as Stripe does."""
        invoice_id, place = self.identity("in", at)
        names = [ids.make("il", place, self._tag) + ids.base62(n, 2) for n in range(len(drafts))]
        item = ids.make("ii", place, self._tag)
        lines = self._blanked(finished(drafts, self.catalog, names, taxed, item), at)
        for draft in drafts:
            if draft.waited_as:
                held = self._waiting[draft.waited_as]
                self._waiting[held.id] = replace(held, invoiced_at=at, invoice=invoice_id)
        total = totals(lines)[3]
        currency = sub.currency if sub else self.currency
        balance = self.customer[-1].state.balance if currency == self.currency else 0
        due = max(0, total + balance) if total > 0 else 0
        invoice = OpenInvoice(
            invoice_id,
            place,
            sub,
            at,
            reason,
            currency,
            period,
            lines,
            balance,
            due,
            f"{self._tag.upper()}-{self._index:05d}-{len(self.invoices) + 1:04d}",
            sub.state.metadata if sub else (),
            [Step(at, "created", "draft")],
            mark,
        )
        self.invoices.append(invoice)
        self.announce(at, "invoice.created", invoice.id, 0)
        ending = min(0, total + balance) if total > 0 else total + balance
        if ending != balance and currency == self.currency:
            self.change_customer(at, balance=ending)
        return invoice

    def issue(self, invoice: OpenInvoice, at: int, lines: Sequence[CreditedLine]) -> CreditNote:
        """A credit note for an invoice; its lines get their ids here."""
        identifier, place = self.identity("cn", at)
        named = tuple(
            replace(line, id=ids.make("cnli", place, self._tag) + ids.base62(number, 2)) for number, line in enumerate(lines)
        )
        number = f"{invoice.number}-CN-{len(self.credit_notes) + 1:02d}"
        note = CreditNote(identifier, place, at, invoice.id, invoice.currency, number, named, invoice.status == "paid")
        self.credit_notes.append(note)
        self.announce(at, "credit_note.created", identifier, 0)
        return note

    def void(self, note: CreditNote, at: int) -> None:
        """A credit note is taken back."""
        self.credit_notes[self.credit_notes.index(note)] = replace(note, voided_at=at)
        self.announce(at, "credit_note.voided", note.id, 1)

    def _blanked(self, lines: tuple[Line, ...], at: int) -> tuple[Line, ...]:
        return tuple(replace(each, blank=self._delivery.lacking(each.id, at)) for each in lines)

    def let_wait(self, sub: OpenSubscription, at: int, drafts: Sequence[LineDraft]) -> None:
        """These lines wait for the subscription's next invoice, each as an invoice item."""
        for draft in drafts:
            identifier, place = self.identity("ii", at)
            draft.waited_as = identifier
            (line,) = finished([draft], self.catalog, [identifier], taxed=False, invoice_item=identifier)
            self._waiting[identifier] = InvoiceItem(identifier, place, at, sub.id, sub.currency, line)
        sub.pending += drafts

    def drop_waiting(self, sub: OpenSubscription, at: int) -> None:
        """What waited for the subscription's next invoice waits no more."""
        for draft in sub.pending:
            if draft.waited_as:
                self._waiting[draft.waited_as] = replace(self._waiting[draft.waited_as], removed_at=at)
        sub.pending = []

    def step(
        self, invoice: OpenInvoice, at: int, status: str, *, event: str = "", attempts: int = 0, next_attempt: int | None = None
    ) -> None:
        """The invoice's standing changes; a change of an invoice that was already open is an update, too."""
        before = invoice.steps[-1]
        name = event or _INVOICE_EVENTS.get(status, status)
        invoice.steps.append(Step(at, name, status, attempts or before.attempts, next_attempt))
        self.announce(at, f"invoice.{name}", invoice.id, len(invoice.steps) - 1)
        if before.status == "open" and before.at != at:
            self.announce(at, "invoice.updated", invoice.id, len(invoice.steps) - 1)

    def life(self, name: str, email: str, country: str, lags: tuple[tuple[int, int, int], ...] = ()) -> Life:
        """The finished record."""
        return Life(
            customer=Customer(
                self.customer_id,
                self._customer_place,
                self.customer_created,
                name,
                email,
                country,
                self.currency,
                tuple(self.customer),
            ),
            subscriptions=tuple(
                Subscription(
                    sub.id,
                    sub.place,
                    self.customer_id,
                    sub.created,
                    sub.start_date,
                    sub.currency,
                    sub.flexible,
                    sub.send_invoice,
                    tuple(sub.versions),
                    sub.vanished_at,
                )
                for sub in self.subscriptions
            ),
            invoices=tuple(
                Invoice(
                    each.id,
                    each.place,
                    self.customer_id,
                    each.subscription.id if each.subscription else None,
                    each.created,
                    each.reason,
                    each.currency,
                    *each.period,
                    each.lines,
                    each.starting_balance,
                    bool(each.subscription and each.subscription.send_invoice),
                    each.number,
                    each.metadata,
                    tuple(each.steps),
                    each.mark,
                )
                for each in self.invoices
            ),
            schedules=tuple(self._schedules),
            happenings=tuple(self._happenings),
            invoice_items=tuple(self._waiting.values()),
            credit_notes=tuple(self.credit_notes),
            lags=lags,
        )
