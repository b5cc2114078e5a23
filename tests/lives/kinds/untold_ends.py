"""Subscriptions that are over, of which no answer says since when: the end is looked for where it may lie, and said to be so."""

from typing import Any

from tests.lives.maker import Maker
from tests.lives.objects import noon
from tests.lives.registry import life, right

START = noon("2026-02-01")
ASKED = noon("2026-05-10")
SET_FOR = noon("2026-05-28")
SEEN = noon("2026-06-03")


def ended(m: Maker, at: int, *, told: bool = False, **values: Any) -> None:
    """The subscription is over, and whatever is answered of it leaves out since when."""
    m.account.end(m.sub, at, told=told, **({"ended_at": None} | values))


def paying(m: Maker, cents: int = 4000) -> None:
    """One seat from February on, billed each month to May."""
    price = m.price(cents)
    m.begin(START, [m.item(price, 1, START)], told=False)
    m.cycles(START, noon("2026-05-01"), [(price, 1)], told=False)


@life(right("2026-02-01 new 40.00", "2026-05-28 churn -40.00", causes=("start", "canceled_voluntary"), says=True))
def ended_as_scheduled(m: Maker) -> None:
    """On 10 May it is set to end on the 28th, and so it does."""
    paying(m)
    m.change(ASKED, told=False, cancel_at=SET_FOR, canceled_at=ASKED)
    ended(m, SET_FOR, canceled_at=ASKED)


@life(right("2026-02-01 new 40.00", "2026-05-20 churn -40.00", says=True))
def ended_before_it_was_scheduled(m: Maker) -> None:
    """It was set to end in July, and somebody ended it in May."""
    paying(m)
    m.change(ASKED, told=False, cancel_at=noon("2026-07-01"), canceled_at=ASKED)
    ended(m, noon("2026-05-20"))


@life(
    right("2026-02-01 new 40.00", "2026-06-03 churn -40.00", says=True),
    events_once=right("2026-02-01 new 40.00", "2026-06-15 churn -40.00", says=True),
    everything_once=right("2026-02-01 new 40.00", "2026-06-15 churn -40.00", says=True),
    listings_once=None,
    invoices_once=None,
)
def alive_after_somebody_canceled_it(m: Maker) -> None:
    """It was set to end, that was taken back on 2 June, and on the 3rd it was ended; the old request is all that the object
    dates. An event shows it alive on the 2nd, so it is over when it is first seen to be."""
    paying(m)
    m.bill([m.line(m.price(4000), 1, noon("2026-06-01"))], noon("2026-06-01"), reason="subscription_cycle", told=False)
    m.change(ASKED, told=False, cancel_at=SET_FOR, canceled_at=ASKED)
    m.change(noon("2026-05-20"), told=False, cancel_at=None)
    m.change(noon("2026-06-02"), metadata={"team": "red"})
    ended(m, SEEN, canceled_at=ASKED)


@life(
    right("2026-02-01 new 40.00", "2026-05-29 churn -40.00", causes=("start", "canceled_voluntary")),
    listings=right("2026-02-01 new 40.00", "2026-05-28 churn -40.00", says=True),
    invoices=right("2026-02-01 new 40.00", "2026-05-28 churn -40.00", says=True),
)
def an_event_that_is_the_end(m: Maker) -> None:
    """Its end was put off by a day, which the event alone shows."""
    paying(m)
    m.change(ASKED, told=False, cancel_at=SET_FOR, canceled_at=ASKED)
    ended(m, SET_FOR + 86_400, told=True, canceled_at=ASKED)


@life(right("2026-02-01 new 40.00", "2026-05-28 churn -40.00"), listings=None, invoices=None)
def told_by_the_event_alone(m: Maker) -> None:
    """The event says since when it is over; listings don't."""
    paying(m)
    m.account.end(m.sub, SET_FOR, canceled_at=ASKED)
    m.change(SET_FOR + 1, told=False, ended_at=None)
