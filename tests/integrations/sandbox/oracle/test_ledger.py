"""The oracle itself, held to stories worked out by hand: what happened, told in movements."""

import pytest

from integrations.sandbox.oracle.ledger import Truth, ledger
from integrations.sandbox.simulator.billing_cycles import DAY, parse_instant
from integrations.sandbox.simulator.business import Business
from integrations.sandbox.simulator.scenario import Script

START = parse_instant("2025-01-01")
END = parse_instant("2026-06-01")


def truth(*scripts: Script, now: int = END, zone: str = "UTC") -> Truth:
    """What happened to the one customer of a business."""
    (found,) = ledger(Business(customers=0, months=17, start=START, scripts=scripts), now, zone)
    return found


def moves(*scripts: Script, now: int = END, zone: str = "UTC") -> list[tuple[str, str, str, int, int]]:
    """Day, kind, cause, before and after of each movement, in cents."""
    found = truth(*scripts, now=now, zone=zone).movements
    return [(f"{m.day}", m.kind, m.cause, m.before_micros // 10_000, m.after_micros // 10_000) for m in found]


def starter() -> Script:
    """29.00 a month from 3 January, 10:00."""
    return Script().subscribe("2025-01-03T10:00", "price_starter_monthly")


def test_a_plain_life() -> None:
    """It begins, grows by a plan and by seats, shrinks and ends."""
    script = (
        starter().change("2025-02-05", "price_team_monthly", 4).change("2025-03-01", quantity=6).change("2025-04-01", quantity=1)
    )
    assert [
        ("2025-01-03", "new", "start", 0, 2900),
        ("2025-02-05", "expansion", "plan", 2900, 4800),
        ("2025-03-01", "expansion", "quantity", 4800, 7200),
        ("2025-04-01", "contraction", "quantity", 7200, 1200),
        ("2025-05-01", "churn", "canceled_voluntary", 1200, 0),
    ] == moves(script.cancel("2025-05-01"))


@pytest.mark.parametrize(
    ("script", "monthly"),
    [
        (Script().subscribe(START, "price_starter_annual"), 290_00 / 12),
        (Script().subscribe(START, "price_starter_quarterly"), 27_00),
        (Script().subscribe(START, "price_pass_fortnightly"), 17_00 * 52 / 12 / 2),
        (Script().subscribe(START, "price_pass_daily"), 1_99 * 365 / 12),
        (Script().subscribe(START, "price_business_monthly", 12), 20_00 + 5 * 15_00 + 5_00 + 7 * 12_00),
        (Script().subscribe(START, "price_scale_monthly", 12), 50_00 + 12 * 15_00),
        (Script().subscribe(START, "price_contacts_monthly", 1_001), 3 * 45_00),
        (Script().subscribe(START, "price_contacts_fraction_monthly", 1_000), 7_12.5),
        (Script(currency="eur").subscribe(START, "price_starter_monthly_incl"), 20_00),
        (Script().subscribe(START, items=[("price_team_monthly", 2), ("price_calls_monthly", 0)]), 24_00),
        (Script().subscribe(START, "price_team_monthly", 2, coupons=["TENOFF"]), 14_00),
        (Script().subscribe(START, "price_team_monthly", 2, coupons=["WELCOME25"]), 24_00),
        (Script().subscribe(START, "price_team_annual", 10, coupons=["TENOFF"]), (1_200_00 - 10_00) / 12),
    ],
)
def test_what_each_price_is_worth(script: Script, monthly: float) -> None:
    """A month of it, in cents."""
    (found,) = truth(script, now=START + DAY).movements
    assert round(monthly * 10_000) == found.after_micros


def test_currencies_have_their_own_minor_units() -> None:
    """Yen have none, dinars a thousand."""
    yen = truth(Script(currency="jpy").subscribe(START, "price_starter_monthly"), now=START + DAY).movements[0]
    dinars = truth(Script(currency="kwd").subscribe(START, "price_starter_monthly"), now=START + DAY).movements[0]
    assert (4_350_000_000, 8_990_000) == (yen.after_micros, dinars.after_micros)


def test_a_trial_counts_from_its_end() -> None:
    """Converted it is new then; canceled before, it never was."""
    trial = Script().subscribe("2025-01-03T10:00", "price_starter_monthly", trial_end="2025-01-17T10:00")
    assert [("2025-01-17", "new", "trial_converted", 0, 2900)] == moves(trial)
    assert [] == moves(trial.cancel("2025-01-10"))


def test_discounts_come_and_go() -> None:
    """Three months at half price end by themselves; a forever one lasts until it is taken off."""
    assert [
        ("2025-01-03", "new", "start", 0, 1450),
        ("2025-04-03", "expansion", "discount_end", 1450, 2900),
        ("2025-05-01", "contraction", "discount_start", 2900, 2320),
        ("2025-06-01", "expansion", "discount_end", 2320, 2900),
    ] == moves(
        Script()
        .subscribe("2025-01-03T10:00", "price_starter_monthly", coupons=["LAUNCH50"])
        .discount("2025-05-01", "PARTNER20")
        .undiscount("2025-06-01")
    )


def test_pauses_take_it_out_and_bring_it_back() -> None:
    """Void and hold count nothing meanwhile, drafts kept count on."""
    assert (
        [
            ("2025-01-03", "new", "start", 0, 2900),
            ("2025-02-10", "churn", "paused", 2900, 0),
            ("2025-03-10", "reactivation", "resumed", 0, 2900),
        ]
        == moves(starter().pause("2025-02-10").resume("2025-03-10"))
        == moves(starter().hold("2025-02-10").release("2025-03-10"))
    )
    assert 1 == len(moves(starter().pause("2025-02-10", "keep_as_draft").resume("2025-03-10")))


def test_payments_that_fail() -> None:
    """Past due is at risk and counts; given up it is out, by the customer's fate or until it pays."""
    failing = starter().fail_payments("2025-02-01", "canceled")
    assert ("2025-02-18", "churn", "canceled_involuntary", 2900, 0) == moves(failing)[-1]
    risk = [(f"{s.day}", s.at_risk_micros) for s in truth(failing).standings]
    assert [("2025-01-03", 0), ("2025-02-03", 29_000_000), ("2025-02-18", 0)] == risk
    unpaid = starter().fail_payments("2025-02-01", "unpaid").fix_payments("2025-04-01T12:00")
    assert [
        ("2025-02-18", "churn", "unpaid", 2900, 0),
        ("2025-04-01", "reactivation", "recovered", 0, 2900),
    ] == moves(unpaid)[1:]


def test_an_end_that_is_asked_for_changes_nothing_yet() -> None:
    """It is scheduled, and may be withdrawn; the churn is at the end of the period."""
    asked = starter().cancel("2025-02-10", at_period_end=True)
    assert ("2025-03-03", "churn", "canceled_voluntary", 2900, 0) == moves(asked)[-1]
    scheduled = [(f"{s.day}", s.scheduled_micros) for s in truth(asked).standings]
    assert [("2025-01-03", 0), ("2025-02-10", 29_000_000), ("2025-03-03", 0)] == scheduled
    assert 1 == len(moves(asked.withdraw("2025-02-20")))


def test_a_swap_within_the_grace_is_one_change() -> None:
    """Back on the same day or the next is a migration; two days later it is churn and a return."""
    for hours in (0, 5, 30):
        back = parse_instant("2025-02-10T10:00") + hours * 3_600
        swap = starter().cancel("2025-02-10T10:00").subscribe(back, "price_team_monthly", 4, key="next")
        day = "2025-02-11" if hours == 30 else "2025-02-10"
        assert [(day, "expansion", "migration", 2900, 4800)] == moves(swap)[1:]
    late = starter().cancel("2025-02-10T10:00").subscribe("2025-02-12T09:00", "price_team_monthly", 4, key="next")
    assert [("2025-02-10", "churn"), ("2025-02-12", "reactivation")] == [each[:2] for each in moves(late)[1:]]
    assert "return" == moves(late)[-1][2]


def test_several_subscriptions_are_one_customer() -> None:
    """The end of one is a contraction while another lives; another currency is another line, and a switch no churn."""
    two = starter().subscribe("2025-02-01", "price_analytics_monthly", key="b").cancel("2025-03-01", sub="b")
    assert [("expansion", 2900, 4899), ("contraction", 4899, 2900)] == [(m[1], m[3], m[4]) for m in moves(two)[1:]]
    switch = starter().cancel("2025-02-01T08:00").subscribe("2025-02-01T09:00", "price_starter_monthly", key="b", currency="eur")
    assert [
        ("eur", "expansion", "currency_switch", 0, 26_680_000),
        ("usd", "contraction", "currency_switch", 29_000_000, 0),
    ] == [(m.currency, m.kind, m.cause, m.before_micros, m.after_micros) for m in truth(switch).movements[1:]]


def test_what_never_was_a_customer() -> None:
    """A first payment that failed for good, and a first invoice that was voided."""
    assert [] == moves(starter().fail_payments("2025-01-02"))
    assert [] == moves(Script().subscribe(START, "price_starter_monthly", void_first=True), now=START + 20 * DAY)


def test_a_backdated_start_counts_from_its_service() -> None:
    """Its discount does not."""
    late = Script().subscribe("2025-01-20T10:00", "price_starter_monthly", backdated_to="2025-01-03T10:00", coupons=["PARTNER20"])
    assert [("2025-01-03", "new", "start", 0, 2900), ("2025-01-20", "contraction", "discount_start", 2900, 2320)] == moves(late)


def test_the_zone_cuts_the_days() -> None:
    """Ten in the evening in New York is the next day in London."""
    script = Script().subscribe("2025-01-04T03:00", "price_starter_monthly")
    assert ["2025-01-04"] == [each[0] for each in moves(script)]
    assert ["2025-01-03"] == [each[0] for each in moves(script, zone="America/New_York")]


def test_identities_hold_for_every_customer_and_day() -> None:
    """From one standing to the next by movements alone, in a business of every kind of happening."""
    world = Business(customers=150, months=18, seed=77)
    for found in ledger(world, world.end):
        held: dict[str, int] = {}
        for move in found.movements:
            assert held.get(move.currency, 0) == move.before_micros != move.after_micros
            held[move.currency] = move.after_micros
        closing = {s.currency: s.net_micros for s in found.standings}
        assert {c: n for c, n in held.items() if n} == {c: n for c, n in closing.items() if n}
        kinds = [m.kind for m in found.movements]
        assert kinds.count("new") <= len({m.currency for m in found.movements})


# --- rarer things -----------------------------------------------------------------------------------------------------------------


def test_an_upgrade_that_waits_changes_nothing_until_it_is_paid() -> None:
    """Never paid: never there. Paid: on the day of the payment."""
    team = Script().subscribe("2025-01-03T10:00", "price_team_monthly")
    assert 1 == len(moves(team.offer("2025-02-10T20:00", quantity=5, settled="2025-02-11T09:00")))
    paid = Script().subscribe("2025-01-03T10:00", "price_team_monthly")
    paid.offer("2025-02-10T20:00", quantity=5, settled="2025-02-11T09:00", outcome="paid")
    assert [("2025-02-11", "expansion", "quantity", 1200, 6000)] == moves(paid)[1:]


def test_who_is_away_without_having_canceled() -> None:
    """A free month, a status that nobody knows, and an end by Stripe's policy: each in its own words."""
    script = (
        starter().give_trial("2025-02-10", "2025-03-10").put_status("2025-04-01", "hibernating").put_status("2025-04-20", "active")
    )
    assert [
        ("2025-02-10", "churn", "trial", 2900, 0),
        ("2025-03-10", "reactivation", "trial_converted", 0, 2900),
        ("2025-04-01", "churn", "status_unknown", 2900, 0),
        ("2025-04-20", "reactivation", "return", 0, 2900),
        ("2025-05-01", "churn", "canceled_by_policy", 2900, 0),
    ] == moves(script.cancel("2025-05-01", reason="canceled_by_retention_policy"))[1:]


def test_what_is_made_again_under_its_id_leaves_the_old_as_it_was() -> None:
    """20 % stays 20 %, and 20.00 stays 20.00, for whoever has them; 50 % and 30.00 are for those who come after."""
    script = Script().subscribe("2025-01-05", "price_legacy_monthly", coupons=["SPRING"])
    script.subscribe("2025-03-05", "price_legacy_monthly", 2, key="b", coupons=["SPRING"])
    assert [("2025-01-05", "new", "start", 0, 1600), ("2025-03-05", "expansion", "start", 1600, 4600)] == moves(script)


@pytest.mark.parametrize(
    ("coupon", "quantity", "monthly"),
    [
        ("TEAMHALF", 5, 60_00 / 2 + 19_99),
        ("TEAMFIVE", 5, 60_00 - 5_00 + 19_99),
        ("TENOFF", 5, 60_00 + 19_99 - 10_00),
    ],
)
def test_a_coupon_takes_from_what_it_is_for(coupon: str, quantity: int, monthly: float) -> None:
    """A team at 12.00 a seat beside analytics at 19.99."""
    script = Script().subscribe(START, items=[("price_team_monthly", quantity), ("price_analytics_monthly", 1)], coupons=[coupon])
    (found,) = truth(script, now=START + DAY).movements
    assert abs(round(monthly * 10_000) - found.after_micros) <= 1


def test_eleven_items_are_eleven_items() -> None:
    """Each is counted, whatever an answer inlines."""
    items = [(f"price_module{n:02d}_monthly", 1) for n in range(1, 12)]
    script = Script().subscribe("2025-01-03", items=items).remove_item("2025-02-01", 10).change("2025-03-01", quantity=2, item=9)
    whole = sum(300 + 137 * n for n in range(1, 12))
    assert [("new", 0, whole), ("contraction", whole, whole - 1807), ("expansion", whole - 1807, whole - 1807 + 1670)] == [
        (m[1], m[3], m[4]) for m in moves(script)
    ]


def test_plans_for_later_count_when_they_come() -> None:
    """Phases of a schedule and a planned pause; months billed ahead count nothing twice."""
    phases = Script().subscribe("2025-01-03", "price_team_monthly")
    phases.schedule_phases("2025-01-05", [("2025-02-15", "price_team_monthly", 4), ("2025-03-15", "price_team_monthly", 9)])
    assert [("2025-02-15", 1200, 4800), ("2025-03-15", 4800, 10800)] == [(m[0], m[3], m[4]) for m in moves(phases)[1:]]
    assert [("2025-02-20", "churn", "paused"), ("2025-03-10", "reactivation", "resumed")] == [
        m[:3] for m in moves(starter().plan_pause("2025-02-01", "2025-02-20", "2025-03-10"))[1:]
    ]
    assert 1 == len(moves(starter().prebill("2025-02-10", 6)))


def test_a_tax_inside_the_price_is_no_mrr_discounted_or_not() -> None:
    """25.00 with 5.00 of tax inside is 20.00, and 16.00 at 20 % off; an item begun in mid-cycle likewise."""
    script = Script(currency="eur").subscribe("2025-01-03", "price_starter_monthly_incl", coupons=["PARTNER20"])
    script.undiscount("2025-03-01").add_item("2025-03-10", "price_team_monthly_incl", 5)
    assert [(0, 1600), (1600, 2000), (2000, 6400)] == [m[3:] for m in moves(script)]
    assert [20_000_000, 20_000_000, 64_000_000] == [m.list_after_micros for m in truth(script).movements]
