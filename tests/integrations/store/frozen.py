"""One value of each kind of evidence, the bytes in which the first release stored it, and their digest."""

from decimal import Decimal
from typing import Any, Final

from metrics.evidence import (
    Coupon,
    CurrencyOption,
    Customer,
    Discount,
    Instant,
    InvoiceLine,
    Item,
    Pause,
    Price,
    Product,
    Subscription,
    Tier,
    Transform,
)

VALUES: Final[dict[str, Any]] = {
    "price_plain": Price("price_1", "prod_1", "usd", unit=Decimal(2000)),
    "price_full": Price(
        "price_2",
        "prod_2",
        "eur",
        "recurring",
        "metered",
        "year",
        2,
        "tiered",
        "graduated",
        None,
        (Tier(10, Decimal(500), None), Tier(None, Decimal("0.000000000001"), Decimal("1E+3"))),
        Transform(10, "up"),
        (CurrencyOption("jpy", Decimal(300), (Tier(None, None, Decimal(1)),)), CurrencyOption("gbp", None)),
        "inclusive",
        "Gold",
    ),
    "coupon_plain": Coupon("half", percent_off=Decimal(50)),
    "coupon_full": Coupon("five", None, 500, "usd", (("eur", 450), ("jpy", 2**53)), "repeating", 3, ("prod_1", "prod_2")),
    "product": Product("prod_1", "Gold"),
    "customer_plain": Customer("cus_1"),
    "customer_full": Customer(
        "cus_2",
        Instant(1704110400),
        True,
        "usd",
        "DE",
        Discount("di_1", "half", Instant(1704110400), Instant(1735732800)),
        (("plan", "a"), ("ü", "\U0001f600")),
        "clock_1",
        (Discount("di_2", None, Instant(0)),),
    ),
    "customer_unclean": Customer("cus_3", created=Instant(256), metadata=(("a\x00b", "c\ud800"),)),
    "subscription_plain": Subscription(
        "sub_1", "cus_1", "active", "usd", Instant(1769947200), Instant(1769947200), (Item("si_1", "price_1", 3),)
    ),
    "subscription_full": Subscription(
        "sub_2",
        "cus_2",
        "past_due",
        "eur",
        Instant(1769947200),
        Instant(1769947201),
        (
            Item("si_1", "price_1", 3, (Discount("di_1", "half", Instant(5), None),), Instant(6), Instant(7), Instant(8)),
            Item("si_2", None, None),
        ),
        False,
        (Discount("di_3", None, Instant(9), Instant(10)),),
        Instant(11),
        Instant(12),
        Instant(13),
        True,
        Instant(14),
        Instant(15),
        Pause("void", Instant(16)),
        Instant(17),
        "payment_failed",
        "too_expensive",
        "sub_sched_1",
        "clock_1",
        (("k", "v"),),
    ),
}

LINE: Final = InvoiceLine(
    "il_2",
    "in_1",
    "sub_1",
    "si_1",
    "price_1",
    3,
    250,
    "usd",
    Instant(5),
    Instant(6),
    discounts=((Discount("di_1", "half", Instant(5), Instant(6)), 250),),
    credited_lines=("il_1",),
)

STORED: Final = {
    "price_plain": (
        "944281fab5577521a1c010e51a29c650",
        b"\x8f\xa2id\xa7price_1\xa7product\xa6prod_1\xa8currency\xa3usd\xa4kind\xa9recurring\xa5usage\xa8licensed\xa8interval\xa5month\xaeinterval_count\x01\xa6scheme\xa8per_unit\xaatiers_mode\xc0\xa4unit\xa42000\xa5tiers\xc0\xa9transform\xc0\xa7options\x90\xactax_behavior\xabunspecified\xa8nickname\xc0",
    ),
    "price_full": (
        "ee6325e003083460eec848f205229420",
        b"\x8f\xa2id\xa7price_2\xa7product\xa6prod_2\xa8currency\xa3eur\xa4kind\xa9recurring\xa5usage\xa7metered\xa8interval\xa4year\xaeinterval_count\x02\xa6scheme\xa6tiered\xaatiers_mode\xa9graduated\xa4unit\xc0\xa5tiers\x92\x83\xa5up_to\n\xa4unit\xa3500\xa4flat\xc0\x83\xa5up_to\xc0\xa4unit\xa51E-12\xa4flat\xa41E+3\xa9transform\x82\xa9divide_by\n\xa8rounding\xa2up\xa7options\x92\x83\xa8currency\xa3jpy\xa4unit\xa3300\xa5tiers\x91\x83\xa5up_to\xc0\xa4unit\xc0\xa4flat\xa11\x83\xa8currency\xa3gbp\xa4unit\xc0\xa5tiers\xc0\xactax_behavior\xa9inclusive\xa8nickname\xa4Gold",
    ),
    "coupon_plain": (
        "684160c8404d40fef8c470e554ade178",
        b"\x88\xa2id\xa4half\xabpercent_off\xa250\xaaamount_off\xc0\xa8currency\xc0\xaeamount_options\x90\xa8duration\xa7forever\xa6months\xc0\xa8products\xc0",
    ),
    "coupon_full": (
        "f039a48564f6cbf5644413f48996fe4f",
        b"\x88\xa2id\xa4five\xabpercent_off\xc0\xaaamount_off\xcd\x01\xf4\xa8currency\xa3usd\xaeamount_options\x92\x92\xa3eur\xcd\x01\xc2\x92\xa3jpy\xcf\x00 \x00\x00\x00\x00\x00\x00\xa8duration\xa9repeating\xa6months\x03\xa8products\x92\xa6prod_1\xa6prod_2",
    ),
    "product": ("dd170dae6b1509cd9c913e32e1293c85", b"\x82\xa2id\xa6prod_1\xa4name\xa4Gold"),
    "customer_plain": (
        "7f5fdaff0e67c2904477026119dc3259",
        b"\x89\xa2id\xa5cus_1\xa7created\xc0\xa7deleted\xc2\xa8currency\xc0\xa7country\xc0\xa8discount\xc0\xa8metadata\x90\xaatest_clock\xc0\xa9described\x90",
    ),
    "customer_full": (
        "d239417fd1e89fcd0f8330e0309e9b3a",
        b"\x89\xa2id\xa5cus_2\xa7created\xcee\x92\xa9@\xa7deleted\xc3\xa8currency\xa3usd\xa7country\xa2DE\xa8discount\x84\xa2id\xa4di_1\xa6coupon\xa4half\xa5start\xcee\x92\xa9@\xa3end\xcegu.@\xa8metadata\x92\x92\xa4plan\xa1a\x92\xa2\xc3\xbc\xa4\xf0\x9f\x98\x80\xaatest_clock\xa7clock_1\xa9described\x91\x84\xa2id\xa4di_2\xa6coupon\xc0\xa5start\x00\xa3end\xc0",
    ),
    "customer_unclean": (
        "3a0f4e9da56076079a8bac046011a97b",
        b"\x89\xa7country\xc0\xa7created\xcd\x01\x00\xa8currency\xc0\xa7deleted\xc2\xa9described\x90\xa8discount\xc0\xa2id\xa5cus_3\xa8metadata\x91\x92\xa5a\xef\xbf\xbdb\xa4c\xef\xbf\xbd\xaatest_clock\xc0",
    ),
    "subscription_plain": (
        "991cfba9294aac3429d5661e3ace1af6",
        b"\xde\x00\x16\xa2id\xa5sub_1\xa8customer\xa5cus_1\xa6status\xa6active\xa8currency\xa3usd\xa7created\xcei\x7f@@\xa5start\xcei\x7f@@\xa5items\x91\x87\xa2id\xa4si_1\xa5price\xa7price_1\xa8quantity\x03\xa9discounts\x90\xacperiod_start\xc0\xaaperiod_end\xc0\xa9trial_end\xc0\xaeitems_complete\xc3\xa9discounts\x90\xabtrial_start\xc0\xa9trial_end\xc0\xa9cancel_at\xc0\xb4cancel_at_period_end\xc2\xabcanceled_at\xc0\xa8ended_at\xc0\xa5pause\xc0\xa9paused_at\xc0\xadcancel_reason\xc0\xafcancel_feedback\xc0\xa8schedule\xc0\xaatest_clock\xc0\xa8metadata\x90",
    ),
    "subscription_full": (
        "8332d090b6ed5670191ba0037ee3addb",
        b"\xde\x00\x16\xa2id\xa5sub_2\xa8customer\xa5cus_2\xa6status\xa8past_due\xa8currency\xa3eur\xa7created\xcei\x7f@@\xa5start\xcei\x7f@A\xa5items\x92\x87\xa2id\xa4si_1\xa5price\xa7price_1\xa8quantity\x03\xa9discounts\x91\x84\xa2id\xa4di_1\xa6coupon\xa4half\xa5start\x05\xa3end\xc0\xacperiod_start\x06\xaaperiod_end\x07\xa9trial_end\x08\x87\xa2id\xa4si_2\xa5price\xc0\xa8quantity\xc0\xa9discounts\x90\xacperiod_start\xc0\xaaperiod_end\xc0\xa9trial_end\xc0\xaeitems_complete\xc2\xa9discounts\x91\x84\xa2id\xa4di_3\xa6coupon\xc0\xa5start\t\xa3end\n\xabtrial_start\x0b\xa9trial_end\x0c\xa9cancel_at\r\xb4cancel_at_period_end\xc3\xabcanceled_at\x0e\xa8ended_at\x0f\xa5pause\x82\xa8behavior\xa4void\xaaresumes_at\x10\xa9paused_at\x11\xadcancel_reason\xaepayment_failed\xafcancel_feedback\xadtoo_expensive\xa8schedule\xabsub_sched_1\xaatest_clock\xa7clock_1\xa8metadata\x91\x92\xa1k\xa1v",
    ),
    "line": (
        "fa6727bdbdc4060df2c5d654c87233f3",
        b"\x92\x91\x92\x84\xa2id\xa4di_1\xa6coupon\xa4half\xa5start\x05\xa3end\x06\xcc\xfa\x91\xa4il_1",
    ),
}
