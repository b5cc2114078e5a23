"""Lists that stop early, and entries that come twice."""

from tests.lives.maker import Maker
from tests.lives.objects import JSON, later, noon
from tests.lives.registry import life, moves, right


def many(m: Maker, start: int, count: int) -> list[JSON]:
    """A subscription of so many items at 10.00, one seat each."""
    prices = [m.price(1000, f"p{number}", product="all") for number in range(count)]
    m.begin(start, [m.item(price, 1, start, number=number) for number, price in enumerate(prices, 1)])
    return prices


def billed(m: Maker, prices: list[JSON], start: int, months: int = 1) -> None:
    """An invoice of all of them for each month."""
    for number in range(months):
        at = later(start, number)
        lines = [m.line(price, 1, at, item=n) for n, price in enumerate(prices, 1)]
        m.bill(lines, at, reason="subscription_create" if number == 0 else "subscription_cycle")


@life(right("2026-05-20 new 110.00", never=("removed_product", "addon")))
def eleven_items_with_a_label(m: Maker) -> None:
    """A label is set; the event shows ten of eleven items."""
    start = noon("2026-05-20")
    billed(m, many(m, start, 11), start)
    m.change(noon("2026-06-01"), metadata={"team": "blue"})


@life(
    right(
        "2026-05-20 new 120.00",
        "2026-06-01 contraction -10.00",
        or_=(moves("2026-05-20 new 120.00", "2026-06-15 contraction -10.00"),),
    ),
    everything_daily=right("2026-05-20 new 120.00", "2026-06-01 contraction -10.00"),
    invoices_once=right("2026-05-20 new 120.00", "2026-06-15 contraction -10.00", marked=True),
    listings_once=right("2026-05-20 new 110.00"),
)
def fourth_of_twelve_goes(m: Maker) -> None:
    """One of the first ten items goes, and the eleventh moves up in the list: nine were there before, one was, and nothing is new."""
    start = noon("2026-05-20")
    billed(m, many(m, start, 12), start)
    m.change(noon("2026-06-01"), lambda sub: sub["items"]["data"].pop(3))


@life(right("2026-05-20 new 40.00"))
def item_twice_on_a_page(m: Maker) -> None:
    """An item that comes twice counts once."""
    start = noon("2026-05-20")
    price = m.price(2000)
    held = m.item(price, 2, start)
    m.begin(start, [held, dict(held)])
    m.cycles(start, start, [(price, 2)])


@life(right("2025-11-20 new 120.00"))
def invoice_line_on_two_pages(m: Maker) -> None:
    """A line that comes on the first and on the second page of an invoice counts once."""
    start = noon("2025-11-20")
    prices = [m.price(1000, f"p{number}", product="all") for number in range(12)]
    m.begin(start, [m.item(price, 1, start, number=number) for number, price in enumerate(prices, 1)], told=False)
    for number in range(7):
        at = later(start, number)
        lines = [m.line(price, 1, at, item=n) for n, price in enumerate(prices, 1)]
        m.bill(
            [*lines[:6], lines[3], *lines[6:]],
            at,
            reason="subscription_create" if number == 0 else "subscription_cycle",
            told=False,
        )


@life(
    right(
        "2026-05-20 new 120.00", "2026-06-01 expansion 10.00", or_=(moves("2026-05-20 new 120.00", "2026-06-15 expansion 10.00"),)
    ),
    everything_daily=right("2026-05-20 new 120.00", "2026-06-01 expansion 10.00"),
    invoices_once=right("2026-05-20 new 120.00", "2026-06-15 expansion 10.00", marked=True),
    invoices_daily=right("2026-05-20 new 120.00", "2026-06-01 expansion 10.00", marked=True),
    events_once=None,  # nothing says what the last two of twelve items were before the listing
    listings_once=right("2026-05-20 new 130.00"),
    listings_daily=right("2026-05-20 new 120.00", "2026-06-01 expansion 10.00", marked=True),
)
def twelfth_item_doubles(m: Maker) -> None:
    """What changes is behind the first ten items, where no event shows it."""
    start = noon("2026-05-20")
    billed(m, many(m, start, 12), start)
    m.change(noon("2026-06-01"), lambda sub: sub["items"]["data"][11].update(quantity=2))


@life(
    right("2026-05-20 new 100.00", "2026-06-15 expansion 20.00", marked=True, says=True),
    everything_daily=right("2026-05-20 new 100.00", "2026-06-05 expansion 20.00", says=True),
    invoices=None,
    events_daily=None,
    listings=None,
)
def two_added_behind_the_tenth(m: Maker) -> None:
    """The event that adds two items shows the ten that there were: the two are found when all are read."""
    start, change = noon("2026-05-20"), noon("2026-06-05")
    prices = many(m, start, 10)
    billed(m, prices, start)
    fresh = [m.item(m.price(1000, f"q{number}", product="all"), 1, change, number=number) for number in (11, 12)]
    m.change(change, lambda sub: sub["items"]["data"].extend(fresh))


@life(
    right("2026-05-20 new 110.00", "2026-06-05 contraction -10.00", never=("change_behind_cut",)),
    invoices=None,
    events=None,
    listings=None,
)
def eleventh_goes_by_an_event(m: Maker) -> None:
    """The event that takes the eleventh away shows the ten that are left, and that there had been more: its day is certain."""
    start = noon("2026-05-20")
    billed(m, many(m, start, 11), start)
    m.change(noon("2026-06-05"), lambda sub: sub["items"]["data"].pop())


@life(right("2026-05-20 new 100.00", never=("change_behind_cut",)))
def metered_behind_the_tenth(m: Maker) -> None:
    """A metered item that no event shows: nothing changed."""
    start = noon("2026-05-20")
    prices, usage = [m.price(1000, f"p{number}", product="all") for number in range(10)], m.price(5, "u", usage="metered")
    items = [m.item(price, 1, start, number=number) for number, price in enumerate(prices, 1)]
    m.begin(start, [*items, m.item(usage, None, start, number=11)])
    billed(m, prices, start)
    m.change(noon("2026-06-01"), metadata={"team": "blue"})


@life(
    right("2026-05-20 new 110.00", "2026-06-05 contraction -5.00", causes=("start", "discount_start"), marked=False),
    invoices=right("2026-05-20 new 110.00", "2026-06-05 contraction -5.00"),
    listings=right("2026-05-20 new 110.00", "2026-06-05 contraction -5.00"),
)
def half_off_the_eleventh(m: Maker) -> None:
    """The event of the day shows ten of eleven items; the discount that a listing shows later says itself when it began."""
    start, begun = noon("2026-05-20"), noon("2026-06-05")
    prices = many(m, start, 11)
    billed(m, prices, start)
    cut = m.discount(m.coupon(percent=50), begun, on=m.item_id(11))
    m.change(begun, lambda sub: sub["items"]["data"][10].update(discounts=[cut]))
    m.change(noon("2026-06-08"), metadata={"team": "blue"})
