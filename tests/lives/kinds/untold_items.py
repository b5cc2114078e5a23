"""Items that come without their quantity or their price: what is known of them holds, and that is said."""

from tests.lives.maker import Maker
from tests.lives.objects import JSON, later, noon
from tests.lives.registry import life, right

START = noon("2026-02-01")
LATE = noon("2026-06-04")
HELD = right("2026-02-01 new 60.00", says=True, never=("quantity_missing", "unknown_price"))

NOTHING = right(says=True)
"""Nobody ever told how many there are."""


def three_seats(m: Maker) -> JSON:
    """20.00 a seat, billed from February to June."""
    price = m.price(2000)
    m.begin(START, [m.item(price, 3, START)], told=False)
    for number in range(5):
        at = later(START, number)
        m.bill([m.line(price, 3, at)], at, reason="subscription_cycle" if number else "subscription_create", told=False)
        if number:
            m.renew(at, told=False)
    return price


def silent_since(m: Maker, at: int) -> None:
    """Whatever is answered of the subscription from then on lacks the quantity of its item."""
    for since, sub in m.account.versions["subscriptions"][m.sub]:
        assert sub is not None
        if since >= at:
            del sub["items"]["data"][0]["quantity"]


@life(HELD, listings_once=NOTHING, events_once=NOTHING)
def listed_again_without_its_quantity(m: Maker) -> None:
    """A later listing leaves the quantity out, which a line or an earlier listing told."""
    three_seats(m)
    m.change(LATE, lambda sub: sub["items"]["data"][0].pop("quantity"), told=False)


@life(HELD, listings=NOTHING, events=NOTHING)
def never_listed_with_its_quantity(m: Maker) -> None:
    """No listing tells it: lines do, and without those nothing can be known."""
    three_seats(m)
    silent_since(m, 0)


@life(HELD, listings=right("2026-02-01 new 60.00"), invoices=right("2026-02-01 new 60.00"))
def an_event_without_a_quantity(m: Maker) -> None:
    """A label is set, and the event leaves out how many seats there are: nobody left."""
    three_seats(m)
    m.change(noon("2026-05-20"), metadata={"team": "red"})
    m.change(LATE, metadata={"team": "blue"})
    for _, told in m.account.events:
        if told["type"] == "customer.subscription.updated" and told["created"] == LATE:
            del told["data"]["object"]["items"]["data"][0]["quantity"]


@life(
    right("2026-02-01 new 40.00", "2026-05-25 expansion 60.00", says=True, never=("unknown_price",)), listings=None, invoices=None
)
def old_values_that_lack_the_price(m: Maker) -> None:
    """Two seats become five; the old values tell the item's id and quantity alone."""
    price, at = m.price(2000), noon("2026-05-25")
    m.begin(START, [m.item(price, 2, START)], told=False)
    m.cycles(START, noon("2026-05-01"), [(price, 2)], told=False)
    m.change(at, lambda sub: sub["items"]["data"][0].update(quantity=5))
    for _, told in m.account.events:
        before = told["data"].get("previous_attributes", {})
        if "items" in before:
            before["items"] = {"data": [{"id": i["id"], "quantity": i["quantity"]} for i in before["items"]["data"]]}


@life(right("2026-02-01 new 30.00", "2026-04-01 expansion 54.00"), listings_once=None, events_once=None, listings=None, events=None)
def tiers_that_several_lines_bill(m: Maker) -> None:
    """Three seats in February and March, eight from April, of which each cycle bills a line and a fee; a listing leaves out how many."""
    price = m.price(None, tiers=[(5, 1000, None), (None, 800, 2000)], mode="volume")
    m.begin(START, [m.item(price, 8, START)], told=False)
    for number in range(5):
        at, seats = later(START, number), 3 if number < 2 else 8
        lines = [m.line(price, seats, at, amount=seats * (1000 if seats <= 5 else 800))]
        lines += [m.line(price, 0, at, amount=2000)] if seats > 5 else []
        m.bill(lines, at, reason="subscription_cycle" if number else "subscription_create", told=False)
    m.change(noon("2026-05-18"), lambda sub: sub["items"]["data"][0].pop("quantity"), told=False)
    m.change(noon("2026-06-02"), lambda sub: sub["items"]["data"][0].update(quantity=8), told=False)


@life(right("2026-02-01 new 20.00", "2026-05-20 expansion 50.00", causes=("start", "trial_converted")), old_host=None)
def trial_of_an_item_that_began_later(m: Maker) -> None:
    """An add-on began with a trial of its own in April; nothing tells of the time before, in which it was not paid for."""
    price, extra = m.price(2000), m.price(5000, "b")
    trial = {"start_date": noon("2026-04-20"), "end_date": noon("2026-05-20"), "trial_offer": "to_1"}
    m.begin(START, [m.item(price, 1, START), m.item(extra, 1, START, number=2, current_trial=trial)], told=False)
