"""One customer for each kind of thing that Stripe does rarely or says badly: what is done to it, by hand, within one winter.

The acts fall between 3 January and 15 April 2025, so that somebody who looks for the first time on `END` finds no event of theirs.
`SPRING`, `TEAMHALF`, the legacy plan and the old usage plan are deleted on 2 March; the first and the third are made again with other
terms an hour later.
"""

from collections.abc import Callable
from typing import Final

from integrations.sandbox.simulator.billing_cycles import parse_instant
from integrations.sandbox.simulator.scenario import Script

BEGIN: Final = parse_instant("2025-01-01")
END: Final = parse_instant("2025-05-20T09:00")

_ELEVEN: Final = [(f"price_module{n:02d}_monthly", 1) for n in range(1, 12)]
_TEAM: Final = "price_team_monthly"
_YEAR: Final = "price_team_annual"


def _script() -> Script:
    return Script(created="2025-01-02T23:00")


KINDS: Final[dict[str, Callable[[], Script]]] = {
    "eleven items, of which the eleventh changes, the fifth goes and nothing happens": lambda: (
        _script()
        .subscribe("2025-01-03", items=_ELEVEN)
        .change("2025-02-04", quantity=3, item=10, proration="always_invoice")
        .remove_item("2025-02-20", 4)
        .label("2025-02-25", note="a")
    ),
    "a coupon made again under its id, and both of it in use": lambda: (
        _script()
        .subscribe("2025-01-05", _TEAM, 4, coupons=["SPRING"])
        .subscribe("2025-03-05", "price_analytics_monthly", key="b", coupons=["SPRING"])
    ),
    "a plan made again under its id, and both of it in use": lambda: (
        _script().subscribe("2025-01-06", "price_legacy_monthly", 2).subscribe("2025-03-06", "price_legacy_monthly", key="b")
    ),
    "a deleted coupon of one product": lambda: _script().subscribe(
        "2025-01-07", items=[(_TEAM, 5), ("price_support_monthly", 1)], coupons=["TEAMHALF"]
    ),
    "an amount off two of three products": lambda: _script().subscribe(
        "2025-01-08", items=[(_TEAM, 2), ("price_analytics_monthly", 1), ("price_starter_monthly", 1)], coupons=["TEAMFIVE"]
    ),
    "a deleted coupon on an item": lambda: _script().subscribe(
        "2025-01-09", items=[(_TEAM, 5), ("price_support_monthly", 1)], item_coupons=["TEAMHALF"]
    ),
    "a deleted coupon on the customer": lambda: (
        _script()
        .discount("2025-01-09T23:00", "TEAMHALF", level="customer")
        .subscribe("2025-01-10", items=[(_TEAM, 5), ("price_support_monthly", 1)])
    ),
    "an upgrade never paid": lambda: (
        _script().subscribe("2025-01-11", _TEAM).offer("2025-02-12T10:00", quantity=6, settled="2025-02-13T09:00")
    ),
    "an upgrade paid the next morning": lambda: (
        _script().subscribe("2025-01-12", _TEAM).offer("2025-02-12T10:00", quantity=6, settled="2025-02-13T08:00", outcome="paid")
    ),
    "an event twenty minutes late": lambda: (
        _script()
        .subscribe("2025-01-13", _TEAM)
        .change("2025-02-13T09:50", quantity=4, proration="none")
        .delay_events("2025-02-13T09:50", "2025-02-13T09:51", 1_200)
    ),
    "an event a day late": lambda: (
        _script()
        .subscribe("2025-01-14", _TEAM)
        .change("2025-02-14T06:00", quantity=4, proration="none")
        .delay_events("2025-02-14T06:00", "2025-02-14T06:01", 30 * 3_600)
    ),
    "a customer's discount whose event comes a day late": lambda: (
        _script()
        .subscribe("2025-01-15", _TEAM, 5)
        .discount("2025-02-15T06:00", "PARTNER20", level="customer")
        .delay_events("2025-02-15T06:00", "2025-02-15T06:01", 30 * 3_600)
    ),
    "an end whose event comes a day late": lambda: (
        _script()
        .subscribe("2025-01-16", _TEAM, 5)
        .cancel("2025-02-16T06:00")
        .delay_events("2025-02-16T06:00", "2025-02-16T06:01", 30 * 3_600)
    ),
    "a replica that lags behind a change": lambda: (
        _script()
        .subscribe("2025-01-17", _TEAM)
        .change("2025-02-17T08:30", quantity=4, proration="none")
        .lag("2025-02-17T08:30", "2025-02-17T12:00", 7_200)
    ),
    "a subscription that vanishes": lambda: _script().subscribe("2025-01-18", _TEAM, 2).vanish("2025-02-18"),
    "lines without a price": lambda: _script().subscribe("2025-01-19", _TEAM, 2).blank_lines("2025-02-01", "2025-03-01", "pricing"),
    "lines without a quantity": lambda: (
        _script().subscribe("2025-01-19", _TEAM, 2).blank_lines("2025-02-01", "2025-03-01", "quantity")
    ),
    "lines without a parent": lambda: _script().subscribe("2025-01-19", _TEAM, 2).blank_lines("2025-02-01", "2025-03-01", "parent"),
    "half a proration pair": lambda: (
        _script()
        .subscribe("2025-01-20", _YEAR, 5)
        .change("2025-02-10T10:00", quantity=8, proration="always_invoice")
        .blank_lines("2025-02-10", "2025-02-11", "quantity")
    ),
    "a status that nobody knows": lambda: (
        _script().subscribe("2025-01-21", _TEAM, 2).put_status("2025-02-10", "hibernating").put_status("2025-02-26", "active")
    ),
    "an end by Stripe's own policy": lambda: (
        _script().subscribe("2025-01-22", _TEAM, 2).cancel("2025-02-22", reason="canceled_by_retention_policy")
    ),
    "a free month by trial": lambda: _script().subscribe("2025-01-23", _TEAM, 2).give_trial("2025-02-10", "2025-03-10"),
    "from month to year": lambda: (
        _script()
        .subscribe("2025-01-24", "price_starter_monthly")
        .change("2025-02-10", "price_starter_annual", proration="always_invoice")
    ),
    "a change that is undone without a trace": lambda: (
        _script()
        .subscribe("2025-01-25", _YEAR, 5)
        .change("2025-02-12", quantity=8, proration="always_invoice")
        .change("2025-03-01", quantity=5, proration="none")
    ),
    "a change that waits for its invoice": lambda: _script().subscribe("2025-01-26", _YEAR, 5).change("2025-02-14", quantity=8),
    "months billed ahead": lambda: (
        _script().subscribe("2025-01-27", "price_analytics_monthly").prebill("2025-02-10", 6).cancel("2025-04-15")
    ),
    "a pause that was planned": lambda: (
        _script().subscribe("2025-01-28", _TEAM, 2).plan_pause("2025-02-01", "2025-02-20", "2025-03-10")
    ),
    "a collection paused": lambda: _script().subscribe("2025-01-28", _TEAM, 2).pause("2025-02-10"),
    "a schedule of three phases": lambda: (
        _script().subscribe("2025-01-29", _TEAM).schedule_phases("2025-02-01", [("2025-02-15", _TEAM, 4), ("2025-03-15", _TEAM, 9)])
    ),
    "a tax in a discounted price": lambda: _script_in_euros().subscribe(
        "2025-01-30", "price_starter_monthly_incl", coupons=["PARTNER20"]
    ),
    "a tax in the price of an item begun in mid-cycle": lambda: (
        _script_in_euros()
        .subscribe("2025-01-31", "price_starter_annual_incl")
        .add_item("2025-02-18", "price_team_monthly_incl", 5, proration="always_invoice")
    ),
    "another currency from one minute to the next": lambda: (
        _script()
        .subscribe("2025-01-30", _TEAM, 2)
        .cancel("2025-02-13T10:00")
        .subscribe("2025-02-13T10:01", _TEAM, 2, key="b", currency="eur")
    ),
    "a metered plan that was deleted": lambda: _script().subscribe(
        "2025-01-31", items=[("price_starter_monthly", 1), ("price_usage_legacy_monthly", 0)]
    ),
}


def _script_in_euros() -> Script:
    return Script(currency="eur", country="SE", created="2025-01-02T23:00")
