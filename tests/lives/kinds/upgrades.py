"""Changes that wait for a payment, and those whose payment never came."""

from tests.lives.maker import Maker
from tests.lives.objects import JSON, noon
from tests.lives.registry import life, right

START, UNTIL = noon("2026-02-01"), noon("2026-04-01")
CHANGE = noon("2026-03-10")


def small_and_large(m: Maker) -> tuple[JSON, JSON]:
    """20.00 and 100.00; the customer has the small one from February."""
    small, large = m.price(2000, "s"), m.price(10000, "l")
    m.begin(START, [m.item(small, 1, START)], told=False)
    m.cycles(START, noon("2026-03-01"), [(small, 1)], told=False)
    return small, large


@life(right("2026-02-01 new 20.00"))
def voided_and_not_borne_out(m: Maker) -> None:
    """The pair's invoice was voided unpaid, and the next cycle bills the small plan."""
    small, large = small_and_large(m)
    m.bill(m.pair(CHANGE, UNTIL, (small, 1), (large, 1)), CHANGE, status="void", reason="subscription_update", told=False)
    m.cycles(UNTIL, noon("2026-06-01"), [(small, 1)], went_on=True, told=False)


_PAID = right("2026-02-01 new 20.00", "2026-03-10 expansion 80.00", causes=("start", "plan"), marked=False)


@life(_PAID, events=right("2026-02-01 new 100.00"), listings=right("2026-02-01 new 100.00"))
def voided_but_borne_out(m: Maker) -> None:
    """Voided too, but the next cycle bills the large plan: the pair dates it."""
    small, large = small_and_large(m)
    m.bill(m.pair(CHANGE, UNTIL, (small, 1), (large, 1)), CHANGE, status="void", reason="subscription_update", told=False)
    m.change(CHANGE, lambda sub: sub["items"]["data"][0].update(price=large), told=False)
    m.cycles(UNTIL, noon("2026-06-01"), [(large, 1)], went_on=True, told=False)


@life(_PAID, events=right("2026-02-01 new 100.00"), listings=right("2026-02-01 new 100.00"))
def paid_at_once(m: Maker) -> None:
    """The plain case beside those."""
    small, large = small_and_large(m)
    m.bill(m.pair(CHANGE, UNTIL, (small, 1), (large, 1)), CHANGE, reason="subscription_update", told=False)
    m.change(CHANGE, lambda sub: sub["items"]["data"][0].update(price=large), told=False)
    m.cycles(UNTIL, noon("2026-06-01"), [(large, 1)], went_on=True, told=False)


@life(right("2026-02-01 new 20.00"))
def still_pending(m: Maker) -> None:
    """The invoice is open since yesterday, the subscription is listed as it was, with an update that waits."""
    small, large = small_and_large(m)
    m.cycles(UNTIL, noon("2026-06-01"), [(small, 1)], went_on=True, told=False)
    at = noon("2026-06-14")
    m.bill(m.pair(at, noon("2026-07-01"), (small, 1), (large, 1)), at, status="open", reason="subscription_update", told=False)
    m.change(at, pending_update={"expires_at": at + 82_800, "subscription_items": None, "trial_end": None}, told=False)


@life(right("2026-02-01 new 20.00"))
def pending_in_events_then_voided(m: Maker) -> None:
    """Likewise in events: asked on 5 June, given up on the 6th."""
    small, large = small_and_large(m)
    m.cycles(UNTIL, noon("2026-06-01"), [(small, 1)], went_on=True, told=False)
    asked, over = noon("2026-06-05"), noon("2026-06-06")
    pair = m.pair(asked, noon("2026-07-01"), (small, 1), (large, 1))
    m.bill(pair, asked, status="void", reason="subscription_update", moments={"voided_at": over})
    m.change(asked, pending_update={"expires_at": over, "subscription_items": None, "trial_end": None})
    m.change(over, pending_update=None)


@life(right("2026-02-01 new 20.00"), invoices=right("2026-02-01 new 20.00", says=True))
def open_and_contradicted(m: Maker) -> None:
    """The invoice is open, and nothing says that the update waits for its payment; but the subscription is still listed as it was."""
    small, large = small_and_large(m)
    m.cycles(UNTIL, noon("2026-06-01"), [(small, 1)], went_on=True, told=False)
    at = noon("2026-06-04")
    m.bill(m.pair(at, noon("2026-07-01"), (small, 1), (large, 1)), at, status="open", reason="subscription_update", told=False)


@life(right("2026-02-01 new 20.00"), invoices=right("2026-02-01 new 20.00", says=True))
def open_addition_contradicted(m: Maker) -> None:
    """Likewise an item that was to be added."""
    small, _ = small_and_large(m)
    m.cycles(UNTIL, noon("2026-06-01"), [(small, 1)], went_on=True, told=False)
    more, at = m.price(5000, "m"), noon("2026-06-04")
    debit = m.line(more, 1, at, item=2, amount=4500, proration=True, of_item=True, end=noon("2026-07-01"))
    m.bill([debit], at, status="open", reason="subscription_update", told=False)


@life(
    right("2026-02-01 new 20.00", "2026-03-10 expansion 80.00", "2026-04-01 contraction -80.00", says=True, marked=True),
    events=right("2026-02-01 new 20.00"),
    listings=right("2026-02-01 new 20.00"),
)
def given_up_and_not_borne_out(m: Maker) -> None:
    """Marked as uncollectible within its cycle, and the next cycle bills the small plan: the large one was had until then."""
    small, large = small_and_large(m)
    pair, moments = m.pair(CHANGE, UNTIL, (small, 1), (large, 1)), {"marked_uncollectible_at": noon("2026-03-20")}
    m.bill(pair, CHANGE, status="uncollectible", reason="subscription_update", moments=moments, told=False)
    m.cycles(UNTIL, noon("2026-06-01"), [(small, 1)], went_on=True, told=False)


@life(
    right("2026-02-01 new 20.00"),
    invoices=right(  # nothing else tells that it waited
        "2026-02-01 new 20.00", "2026-06-05 expansion 80.00", "2026-06-15 contraction -80.00", says=True, marked=True
    ),
    invoices_daily=right("2026-02-01 new 20.00"),
)
def pending_then_given_up(m: Maker) -> None:
    """The update waited for its payment, as its events say; its invoice was given up."""
    small, large = small_and_large(m)
    m.cycles(UNTIL, noon("2026-06-01"), [(small, 1)], went_on=True, told=False)
    asked, over = noon("2026-06-05"), noon("2026-06-06")
    pair, moments = m.pair(asked, noon("2026-07-01"), (small, 1), (large, 1)), {"marked_uncollectible_at": over}
    m.bill(pair, asked, status="uncollectible", reason="subscription_update", moments=moments)
    m.change(asked, pending_update={"expires_at": over, "subscription_items": None, "trial_end": None})
    m.change(over, pending_update=None)


@life(
    right("2026-02-01 new 20.00", "2026-06-04 expansion 80.00", causes=("start", "plan"), marked=False),
    events=right("2026-02-01 new 100.00"),
    listings=right("2026-02-01 new 100.00"),
    everything_daily=None,  # an invoice that no event told of is found after the listing that shows the change
    invoices_daily=None,
    events_daily=None,
    listings_daily=None,
)
def open_and_listed_as_changed(m: Maker) -> None:
    """The invoice is to be paid within a month; the subscription has changed, and is listed so: the pair dates it."""
    small, large = small_and_large(m)
    m.cycles(UNTIL, noon("2026-06-01"), [(small, 1)], went_on=True, told=False)
    at = noon("2026-06-04")
    m.bill(m.pair(at, noon("2026-07-01"), (small, 1), (large, 1)), at, status="open", reason="subscription_update", told=False)
    m.change(at, lambda sub: sub["items"]["data"][0].update(price=large), told=False)


@life(
    right("2026-02-01 new 20.00", "2026-05-04 expansion 80.00", "2026-05-20 contraction -80.00"),
    events=None,
    listings=None,
    everything_daily=None,
    invoices_daily=None,
)
def open_and_credited_back(m: Maker) -> None:
    """An open upgrade that a later pair takes back was there: its credit names the new state."""
    small, large = small_and_large(m)
    first, second = noon("2026-05-04"), noon("2026-05-20")
    m.cycles(UNTIL, noon("2026-06-01"), [(small, 1)], went_on=True, told=False)
    m.bill(
        m.pair(first, noon("2026-06-01"), (small, 1), (large, 1)), first, status="open", reason="subscription_update", told=False
    )
    m.bill(m.pair(second, noon("2026-06-01"), (large, 1), (small, 1)), second, reason="subscription_update", told=False)
