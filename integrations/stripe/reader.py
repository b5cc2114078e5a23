"""Reading an account of Stripe's: pages of evidence, one at a time.

This is the door of the package: whoever wants to know what Stripe says asks a `Reader`. It holds a page in memory and no more,
decides nothing about what the pages mean for MRR, and keeps nothing between runs but the pooled connections.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from integrations.stripe.client import DEFAULT_BASE, Answer, Asked, Client, Usage
from integrations.stripe.decode.pages import page_of
from integrations.stripe.decode.parsing import Garbled, Parsed
from integrations.stripe.errors import BadRequest, Gone, NotAllowed, UnknownEndpoint
from integrations.stripe.page import AccountInfo, Rejected, StripePage
from integrations.stripe.progress import Progress
from integrations.stripe.requests import Asking, nothing_to_go_on_from
from integrations.stripe.schemas import account as account_schemas
from integrations.stripe.schemas.shape import Dated, PageOf
from integrations.stripe.streams import ACCOUNT, ITEMS, MAY_LACK, PAGE, READ_AGAIN, SCHEDULES, STREAMS, Stream, created_in
from integrations.stripe.verdicts import account_named
from metrics.evidence import Instant


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether a stream can be read: `problem` is None when it can, `missing` names a permission that the key lacks."""

    stream: str
    optional: bool
    problem: str | None = None
    missing: str | None = None


class Reader:
    """Reads one account with one client. Safe to use from many threads, each following pages of its own.

    With `payloads` off, pages come without what Stripe sent of subscriptions and their events; with `people` on, pages of customers
    come with names and e-mail addresses. Any answer that holds something of another mode than the account's raises WrongMode, which calls
    the account by its `name`.
    """

    def __init__(self, client: Client, *, payloads: bool = True, people: bool = False, name: str = "") -> None:
        self._client = client
        self._asking = Asking(client, name)
        self._payloads = payloads
        self._people = people
        self._lacking = False

    @property
    def usage(self) -> Usage:
        """What has been asked of Stripe so far."""
        return self._client.usage

    @property
    def key_digest(self) -> str:
        """What tells one key from another, and nothing of either."""
        return self._client.key_digest

    @property
    def clock_apart_seconds(self) -> int:
        """How far Stripe's clock was ahead of ours in its last answer, in seconds; negative when it was behind."""
        return self._client.clock_apart_seconds

    @property
    def is_stripe(self) -> bool:
        """Whether it is Stripe itself that is read: a simulation may live in the past."""
        return self._client.base == DEFAULT_BASE

    def wait_in_background(self) -> float:
        """Wait for a turn of the quarter of the account's limit that is left to what nobody waits for; returns the seconds waited."""
        return self._client.wait_in_background()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # --- the account ---------------------------------------------------------------------------------------------------------

    def account(self) -> AccountInfo:
        """The account of the key, and whether the key is one of live mode.

        A restricted key may not be allowed to see the account; Stripe's refusal names it, and its id is all that is needed.
        """
        try:
            asked = Asked(ACCOUNT.name, ACCOUNT.path, ACCOUNT.permission)
            answer = self._client.get(asked, ACCOUNT.path, (), _account)
        except NotAllowed as error:
            named = account_named(error)
            if named is None:
                raise
            return AccountInfo(named, self._livemode())
        told = answer.value
        profile, settings = told.business_profile, told.settings
        shown = settings.dashboard.display_name if settings and settings.dashboard else None
        name = (profile.name if profile else None) or shown
        return AccountInfo(told.id or "", self._livemode(), told.country, told.default_currency, name, answer.at)

    def _livemode(self) -> bool:
        """The mode of the account: what is read from now on must be of it."""
        self._asking.livemode = self._told_mode()
        return self._asking.livemode

    def _told_mode(self) -> bool:
        """The mode of the key; one that doesn't say it has the mode of the account's objects, and without any nothing can be mixed up."""
        by_key = self._client.livemode_by_key
        if by_key is not None:
            return by_key
        for name in ("products", "prices", "customers", "subscriptions"):
            stream = STREAMS[name]
            try:
                asked = Asked(stream.name, stream.path, stream.permission)
                found = self._client.get(asked, stream.path, [("limit", "1")], _livemode_of_first).value
            except (NotAllowed, UnknownEndpoint):
                continue
            if found is not None:
                return found
        return False

    @property
    def key_can_write(self) -> bool:
        """Whether the key is a secret one, which can do more than read."""
        return self._client.key_can_write

    def probe(self) -> list[Probe]:
        """One small request to each stream: what the key may read, and what the host knows. Raises Refused and Transient."""
        return [self._probed(stream) for stream in (*STREAMS.values(), ITEMS, SCHEDULES)]

    def _probed(self, stream: Stream) -> Probe:
        try:
            self._asking.listed(stream, [*self._fixed(stream), ("limit", "1")])
        except NotAllowed as error:
            return Probe(stream.name, stream.optional, str(error), error.permission)
        except (UnknownEndpoint, BadRequest) as error:
            # Items are listed of a subscription only: whoever is told that it is missing may read them.
            of_one = stream is ITEMS and isinstance(error, BadRequest)
            return Probe(stream.name, stream.optional, None if of_one else str(error))
        declined = ", ".join(sorted(self._asking.declined(stream)))
        return Probe(stream.name, stream.optional, f"the host does not expand {declined}" if declined else None)

    # --- lists ---------------------------------------------------------------------------------------------------------------

    def pages(
        self, stream: str, *, since: Instant | None = None, until: Instant | None = None, cursor: str | None = None
    ) -> Iterator[StripePage]:
        """The pages of a stream, newest first, of objects created in [since, until), after `cursor` if there is one.

        Each page is asked for when it is needed, and ends with the cursor to go on from. A host that lacks an optional stream gives
        one empty page that says so, and so does a key that may not read a stream which can be forgone. Raises a `ReadError`; what was handed out before stays good.
        """
        described = STREAMS[stream]
        bounds = [*self._fixed(described), *created_in(since, until), ("limit", str(PAGE))]
        progress = Progress(stream)
        while True:
            before = self._asking.declined(described)
            try:
                answer = self._asking.listed(described, [*bounds, ("starting_after", cursor)] if cursor else bounds)
            except UnknownEndpoint as error:
                if not described.optional:
                    raise
                if described.absent_is_none:
                    yield StripePage(stream, self._client.now(), 0, has_more=False)
                    return
                unknown = Rejected(described.path, stream, "unknown_endpoint", str(error))
                yield StripePage(stream, self._client.now(), 0, has_more=False, rejected=(unknown,))
                return
            except NotAllowed as error:
                fewer = [each for each in bounds if not each[1].startswith(MAY_LACK)]
                if len(fewer) < len(bounds):  # if it isn't for these events, the same is said again without them
                    self._lacking, bounds = True, fewer
                    continue
                if not described.forgone:
                    raise
                refused = Rejected(described.path, stream, "not_allowed", str(error))
                yield StripePage(stream, self._client.now(), 0, has_more=False, rejected=(refused,))
                return
            declined = self._asking.declined(described)
            page = self._page(described, answer, [name for name in described.expand if name not in declined])
            declined -= before
            if declined:
                page = replace(page, rejected=(*page.rejected, *(_not_expanded(stream, name) for name in sorted(declined))))
            if page.has_more and page.next_cursor in (None, cursor):
                raise nothing_to_go_on_from(described)
            progress.check(page)
            yield page
            if not page.has_more:
                return
            cursor = page.next_cursor

    def _fixed(self, stream: Stream) -> list[tuple[str, str]]:
        """The parameters that always go with a list, without the types of events that the key may not see, once that is known."""
        return [each for each in stream.fixed if not (self._lacking and each[1].startswith(MAY_LACK))]

    def events(self, since: Instant | None = None, until: Instant | None = None) -> Iterator[StripePage]:
        """The events of [since, until) that MRR needs, newest first; Stripe keeps thirty days of them."""
        return self.pages("events", since=since, until=until)

    # --- single objects ------------------------------------------------------------------------------------------------------

    def single(self, kind: str, object_id: str) -> StripePage:
        """An object of a kind that events name, as it is now, with all its parts. One that is gone is in `rejected` with the reason `gone`."""
        return self._one(READ_AGAIN[kind].name, object_id)

    def invoice(self, object_id: str) -> StripePage:
        """An invoice as it is now, with all its lines. One that is gone is in `rejected` with the reason `gone`."""
        return self._one("invoices", object_id)

    def subscription(self, object_id: str) -> StripePage:
        """A subscription as it is now, with all its items. One that is gone is in `rejected` with the reason `gone`."""
        return self._one("subscriptions", object_id)

    def subscription_with_coupons(self, object_id: str) -> StripePage:
        """As `subscription`, with the coupons of its items' discounts, deleted ones too: only the list of its items tells them."""
        return self._one("subscriptions", object_id, parts_again=True)

    def invoice_with_coupons(self, object_id: str) -> StripePage:
        """As `invoice`, with the coupons of its lines' discounts, deleted ones too: only the list of its lines tells them."""
        return self._one("invoices", object_id, parts_again=True)

    def customer(self, object_id: str) -> StripePage:
        """A customer as it is now; a deleted one is a state that says so. One that is gone is in `rejected`."""
        return self._one("customers", object_id)

    def price(self, object_id: str) -> StripePage:
        """A price with all its tiers. One that is gone is in `rejected` with the reason `gone`."""
        return self._one("prices", object_id)

    def coupon(self, object_id: str) -> StripePage:
        """A coupon with the products that it is for. One that is gone is in `rejected` with the reason `gone`."""
        return self._one("coupons", object_id)

    def _one(self, stream: str, object_id: str, *, parts_again: bool = False) -> StripePage:
        described = STREAMS[stream]
        try:
            answer = self._asking.single(described, object_id, described.expand_one)
        except Gone as error:
            gone = Rejected(object_id, described.kind, "gone", str(error))
            return StripePage(stream, self._client.now(), 0, has_more=False, rejected=(gone,))
        expanded = [name for name in described.expand_one if name not in self._asking.declined_of_one(described)]
        return self._page(described, answer, expanded, parts_again=parts_again)

    def _page(self, described: Stream, answer: Answer[Parsed], expanded: Sequence[str], *, parts_again: bool = False) -> StripePage:
        began = time.monotonic()
        page = page_of(
            described.kind,
            answer.value,
            answer.at,
            self._asking,
            stream=described.name,
            payloads=self._payloads,
            people=self._people,
            scoped=any(name.endswith("applies_to") for name in expanded),
            parts_again=parts_again,
        )
        return replace(page, answer_seconds=answer.seconds + time.monotonic() - began)


_ACCOUNT: Final = msgspec.json.Decoder(account_schemas.Account)
_DATED: Final = msgspec.json.Decoder(PageOf[Dated])


def _account(body: bytes) -> account_schemas.Account:
    try:
        told = _ACCOUNT.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Garbled("the answer is cut or is no account") from error
    if not told.id:
        raise Garbled("the answer is no account: it lacks an id")
    return told


def _livemode_of_first(body: bytes) -> bool | None:
    try:
        objects = _DATED.decode(body).data
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Garbled("the answer is cut or is no list") from error
    return objects[0].livemode if objects else None


def _not_expanded(stream: str, name: str) -> Rejected:
    return Rejected(
        name, stream, "not_expanded", f"the host does not expand {name} on the list of {stream}: what it holds is missing"
    )
