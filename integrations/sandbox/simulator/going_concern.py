"""The business that the demo shows: one that most would like to have, up to yesterday, with one bad month to look into.

Customers of its own telling, not of the random scenarios, whose aim is that everything happens at least somewhere: here most of them stay
and add seats, a few leave, and in the last complete month a price rise drives more of them away. From one seed and day the same business.
"""

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final

from integrations.sandbox.simulator.billing_cycles import DAY, HOUR, add_months, instant
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.scenario import Script

NAME: Final = "Example Ltd"
_MARKETS: Final = (("US", "usd"),) * 13 + (("DE", "eur"),) * 3 + (("FR", "eur"),) * 2 + (("GB", "gbp"),) * 2
_INDUSTRIES: Final = ("software", "retail", "health", "education", "media")
_CHANNELS: Final = ("search", "partner", "referral", "events")
_FIRST: Final = (
    "Alder",
    "Birch",
    "Cedar",
    "Delta",
    "Ember",
    "Fjord",
    "Granite",
    "Harbor",
    "Indigo",
    "Juniper",
    "Kestrel",
    "Linden",
)
_SECOND: Final = ("Works", "Labs", "Studio", "Trading", "Foods", "Press", "Health", "Systems", "Outfitters", "Logistics", "Academy")
_THIRD: Final = ("", " North", " South", " East", " West", " Coast", " Valley", " Hill", " Lake", " Bridge")

_USUAL_RATES: Final = (("eur", 1.09), ("gbp", 1.27))

_HAD_AT_FIRST: Final = 0.62
"""The part of all customers that came in the first two months: a business that is there when it is looked at first."""
_SEATS_MORE: Final = 0.052
_SEATS_FEWER: Final = 0.0035
_LEAVE: Final = 0.0022
_CARD_FAILS: Final = 0.006
"""How likely each is for a customer in a month."""
_HIT: Final = 13
"""Of so many customers one leaves in the bad month, and one in twice as many takes fewer seats."""


def going_concern(customers: int, months: int, seed: int, today: date) -> Business:
    """A business of `customers` that has lived `months` whole months and the days of this one up to yesterday."""
    start = add_months(instant(today.year, today.month, 1), -months)
    until = instant(today.year, today.month, today.day)
    told = tuple(_told(seed, index, customers, start, until) for index in range(customers))
    return Business(customers=0, months=months, seed=seed, start=start, scripts=told, name=NAME)


def exchange_rates(seed: int, today: date, months: int) -> str:
    """Rates to go with it, of every day up to yesterday, as a CSV file that `rates` takes: made up as the rest is, near what is usual."""
    rng = Random(f"{seed}/rates")
    day = date(today.year - (months + 13) // 12, 1, 1)
    lines = ["day,unit,currency,rate"]
    while day < today:
        lines += [f"{day},{code},usd,{usual * (1 + rng.uniform(-0.003, 0.003)):.4f}" for code, usual in _USUAL_RATES]
        day += timedelta(days=1)
    return "\n".join(lines) + "\n"


def _told(seed: int, index: int, customers: int, start: int, until: int) -> Script:
    rng = Random(f"{seed}/{index}")
    country, currency = rng.choice(_MARKETS)
    at = _arrives(rng, index / customers, start, until)
    script = Script(
        f"{_FIRST[index % 12]} {_SECOND[index % 11]}{_THIRD[index // 132 % 10]}",
        currency=currency,
        country=country,
        created=at - rng.randrange(20, 3 * HOUR),
        metadata={"industry": rng.choice(_INDUSTRIES), "channel": rng.choice(_CHANNELS)},
        strict=False,
    )
    price, seats, yearly = _plan(rng)
    coupons = (rng.choice(("PARTNER20", "LAUNCH50", "FIVEOFF12")),) if rng.random() < 0.08 else ()
    trial = at + 14 * DAY if rng.random() < 0.3 and not coupons else None
    script.subscribe(at, price, seats, coupons=coupons, trial_end=trial)
    _lives(script, rng, index, seats, yearly=yearly, since=trial or at, until=until)
    return script


def _arrives(rng: Random, rank: float, start: int, until: int) -> int:
    """When a customer comes: those there from the first within two months, the others evenly over the rest."""
    early = add_months(start, 2)
    if rank < _HAD_AT_FIRST:
        return start + int((early - start) * rank / _HAD_AT_FIRST) + rng.randrange(DAY)
    late = early + int((until - DAY - early) * (rank - _HAD_AT_FIRST) / (1 - _HAD_AT_FIRST))
    return late + rng.randrange(DAY)


def _plan(rng: Random) -> tuple[str, int, bool]:
    """What is bought: the price, how many seats, and whether for a year."""
    roll = rng.random()
    if roll < 0.18:
        return "price_starter_monthly", 1, False
    seats = rng.randrange(6, 16)
    if roll < 0.58:
        return "price_team_monthly", seats, False
    if roll < 0.72:
        return "price_team_annual", seats, True
    return "price_business_monthly", seats, False


def _lives(script: Script, rng: Random, index: int, seats: int, *, yearly: bool, since: int, until: int) -> None:
    """Month after month what may happen. Only the bad month is tied to the present."""
    yesterday = datetime.fromtimestamp(until, UTC) - timedelta(days=1)  # a month is complete when a day has passed since it ended
    bad = add_months(instant(yesterday.year, yesterday.month, 1), -1)
    single = seats == 1
    month, number = since, 0
    while month < until:
        number += 1
        month = add_months(since, number)
        at = month - rng.randrange(2, 26) * DAY - rng.randrange(HOUR, 20 * HOUR)
        rolls = [rng.random() for _ in range(5)]
        proration = "always_invoice" if rng.random() < 0.5 else "create_prorations"
        if at <= since + DAY:
            continue
        if bad <= at < add_months(bad, 1) and not yearly and since < bad - 30 * DAY:
            if index % _HIT == 4:
                script.cancel(at, feedback="too_expensive")
                return
            if index % (2 * _HIT) == 9 and not single:
                script.change(at, quantity=max(1, seats // 2), proration=proration)
                return
        if rolls[0] < _LEAVE:
            script.cancel(at, at_period_end=yearly or rolls[1] < 0.5, feedback=rng.choice(("missing_features", "unused", None)))
            return
        if rolls[2] < _SEATS_MORE:
            seats += max(1, int(seats * rng.uniform(0.15, 0.5)))
            if single:
                script.change(at, "price_team_monthly", seats + 4, proration=proration)
                seats, single = seats + 4, False
            else:
                script.change(at, quantity=seats, proration=proration)
        elif rolls[3] < _SEATS_FEWER and not single:
            seats = max(2, int(seats * 0.75))
            script.change(at, quantity=seats, proration=proration)
        elif rolls[4] < _CARD_FAILS and not yearly:
            script.fail_payments(at)
            script.fix_payments(at + 9 * DAY)
