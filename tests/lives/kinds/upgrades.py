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
