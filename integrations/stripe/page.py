"""What the reader hands over: a page of evidence in our own words, with what could not be used.

Values only. Nothing here knows Stripe's field names, and nothing is ever changed after it was made.
"""

from dataclasses import dataclass
from typing import NamedTuple

from metrics.evidence import Facts, Instant


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """The Stripe account that a key belongs to. A restricted key may not see more than the id.

    `observed_at` is the Date of Stripe's answer; None where it wasn't answered but refused with the account's name.
    """

    id: str
    livemode: bool
    country: str | None = None
    default_currency: str | None = None
    name: str | None = None
    observed_at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """One object that was left out, alone: `reason` is a stable word, `detail` a sentence without personal data."""

    object_id: str
    kind: str
    reason: str
    detail: str


class Payload(NamedTuple):
    """What Stripe sent, to be kept: a listed subscription (`source_id` empty) or an event (`source_id` the event's id).

    `body` is its JSON, compressed (`integrations.stripe.decode.sent`): pages wait for their turn to be stored, and would fill the memory otherwise.
    """

    kind: str
    object_id: str
    source_id: str
    body: bytes


class Person(NamedTuple):
    """Who a customer is: only where the reader was told to hand names over."""

    customer: str
    name: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class StripePage(Facts):
    """One page of a stream. Everything in it was true at `observed_at`, the Date of Stripe's own answer.

    `oldest` is the smallest creation instant on the page: newest-first paging has got that far.
    """

    stream: str
    observed_at: Instant
    objects: int
    has_more: bool
    next_cursor: str | None = None
    oldest: Instant | None = None
    rejected: tuple[Rejected, ...] = ()
    payloads: tuple[Payload, ...] = ()
    people: tuple[Person, ...] = ()
    answer_seconds: float | None = None
    """How long Stripe took to answer, the answers that brought what the page itself left out included; None where nobody looked at a clock."""
    other_lines: int = 0
    """Invoice lines that belong to no subscription item: one-off charges. They are no evidence of MRR; what they come to is with each invoice."""
