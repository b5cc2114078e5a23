"""One value of each kind of evidence with all that came after the first release, and the bytes in which it is stored."""

from decimal import Decimal
from typing import Any, Final

from integrations.store.facts.sightings import Sightings
from metrics.evidence import (
    BillingSchedule,
    Coupon,
    Customer,
    Discount,
    Instant,
    InvoiceLine,
    Item,
    PendingUpdate,
    PlannedPause,
    Price,
    Schedule,
    ScheduledDiscount,
    ScheduledItem,
    ScheduledPhase,
    Subscription,
    UnreadLine,
)

VALUES: Final[dict[str, Any]] = {
    "price": Price("price_1", "prod_1", "usd", unit=Decimal(2000), created=Instant(256), type_told="reusable"),
    "coupon": Coupon("half", percent_off=Decimal(50), created=Instant(256), scope_told=False, scope_asked=True),
    "customer": Customer("cus_1", discount_told=False, customer_account="acct_1", metadata_told=False),
    "subscription": Subscription(
        "sub_1",
        "cus_1",
        "active",
        "usd",
        Instant(256),
        Instant(257),
        (
            Item(
                "si_1",
                "price_1",
                3,
                (Discount("di_1", "half", Instant(256), None, "v1", ("prod_1",), ("prod_2",)),),
                discounts_complete=False,
                billed_until=Instant(512),
                quantity_decimal=Decimal("2.5"),
                price_version="v2",
            ),
        ),
        discounts_complete=False,
        customer_account="acct_1",
        pending_update=PendingUpdate(Instant(300), (Item("si_1", "price_1", 9),), Instant(301)),
        managed_payments=True,
        billing_schedules=(BillingSchedule("a", Instant(512), ("price_1",)),),
        plan=Schedule(
            "sub_sched_1",
            "active",
            "release",
            (
                ScheduledPhase(
                    Instant(256),
                    Instant(512),
                    "usd",
                    (ScheduledItem("price_2", 1, (ScheduledDiscount("half", "di_2", Instant(300)),)),),
                    (ScheduledDiscount("five"),),
                    True,
                    Instant(400),
                ),
            ),
            (PlannedPause(Instant(300), Instant(400), "scheduled", "scheduled"),),
        ),
    ),
}
"""Every field that came after the first release, saying something."""

LINE: Final = InvoiceLine(
    "il_2",
    "in_1",
    "sub_1",
    "si_1",
    "price_1",
    3,
    2500,
    "usd",
    Instant(256),
    Instant(512),
    discounts=((Discount("di_1", "half", Instant(256)), 250),),
    credited_lines=("il_1",),
    quantity_decimal=Decimal("2.5"),
    discounts_told=False,
    discount_amounts_told=False,
    taxes_told=False,
    invoice_item="ii_1",
    price_version="v2",
)
UNREAD: Final = (
    UnreadLine("il_9", "line_without_parent", "parent", 4000, "usd", "si_1", "price_1", Instant(256), Instant(512)),
    UnreadLine("il_8", "line_without_amount", "amount"),
)
SEEN: Final = Sightings((Instant(1000), Instant(1060), Instant(5000)), frozenset({Instant(1060)}))

STORED: Final = {
    "price": (
        b"\xde\x00\x11\xa2id\xa7price_1\xa7product\xa6prod_1\xa8currency\xa3usd\xa4kind\xa9recurring\xa5usage\xa8licens"
        b"ed\xa8interval\xa5month\xaeinterval_count\x01\xa6scheme\xa8per_unit\xaatiers_mode\xc0\xa4unit\xa4200"
        b"0\xa5tiers\xc0\xa9transform\xc0\xa7options\x90\xactax_behavior\xabunspecified\xa8nickname\xc0\xa7create"
        b"d\xcd\x01\x00\xa9type_told\xa8reusable"
    ),
    "coupon": (
        b"\x8b\xa2id\xa4half\xabpercent_off\xa250\xaaamount_off\xc0\xa8currency\xc0\xaeamount_options\x90\xa8duratio"
        b"n\xa7forever\xa6months\xc0\xa8products\xc0\xa7created\xcd\x01\x00\xaascope_told\xc2\xabscope_asked\xc3"
    ),
    "customer": (
        b"\x8c\xa2id\xa5cus_1\xa7created\xc0\xa7deleted\xc2\xa8currency\xc0\xa7country\xc0\xa8discount\xc0\xa8metadata\x90\xaate"
        b"st_clock\xc0\xa9described\x90\xaddiscount_told\xc2\xb0customer_account\xa6acct_1\xadmetadata_t"
        b"old\xc2"
    ),
    "subscription": (
        b"\xde\x00\x1c\xa2id\xa5sub_1\xa8customer\xa5cus_1\xa6status\xa6active\xa8currency\xa3usd\xa7created\xcd\x01\x00\xa5star"
        b"t\xcd\x01\x01\xa5items\x91\x8b\xa2id\xa4si_1\xa5price\xa7price_1\xa8quantity\x03\xa9discounts\x91\x87\xa2id\xa4di_1\xa6coupo"
        b"n\xa4half\xa5start\xcd\x01\x00\xa3end\xc0\xaecoupon_version\xa2v1\xa8shown_on\x91\xa6prod_1\xa9shown_off\x91\xa6pro"
        b"d_2\xacperiod_start\xc0\xaaperiod_end\xc0\xa9trial_end\xc0\xb2discounts_complete\xc2\xacbilled_un"
        b"til\xcd\x02\x00\xb0quantity_decimal\xa32.5\xadprice_version\xa2v2\xaeitems_complete\xc3\xa9discounts"
        b"\x90\xabtrial_start\xc0\xa9trial_end\xc0\xa9cancel_at\xc0\xb4cancel_at_period_end\xc2\xabcanceled_at"
        b"\xc0\xa8ended_at\xc0\xa5pause\xc0\xa9paused_at\xc0\xadcancel_reason\xc0\xafcancel_feedback\xc0\xa8schedule"
        b"\xc0\xaatest_clock\xc0\xa8metadata\x90\xb2discounts_complete\xc2\xb0customer_account\xa6acct_1\xaepe"
        b"nding_update\x83\xaaexpires_at\xcd\x01,\xa5items\x91\x87\xa2id\xa4si_1\xa5price\xa7price_1\xa8quantity\t\xa9di"
        b"scounts\x90\xacperiod_start\xc0\xaaperiod_end\xc0\xa9trial_end\xc0\xa9trial_end\xcd\x01-\xb0managed_pay"
        b"ments\xc3\xb1billing_schedules\x91\x83\xa3key\xa1a\xa5until\xcd\x02\x00\xa6prices\x91\xa7price_1\xa4plan\x85\xa2id\xabsub"
        b"_sched_1\xa6status\xa6active\xacend_behavior\xa7release\xa6phases\x91\x87\xa5start\xcd\x01\x00\xa3end\xcd\x02\x00\xa8c"
        b"urrency\xa3usd\xa5items\x91\x83\xa5price\xa7price_2\xa8quantity\x01\xa9discounts\x91\x83\xa6coupon\xa4half\xa8di"
        b"scount\xa4di_2\xa3end\xcd\x01,\xa9discounts\x91\x81\xa6coupon\xa4five\xa5trial\xc3\xa9trial_end\xcd\x01\x90\xa6pauses\x91"
        b"\x84\xa8pause_at\xcd\x01,\xa9resume_at\xcd\x01\x90\xacpause_status\xa9scheduled\xadresume_status\xa9schedu"
        b"led"
    ),
    "line": (
        b"\x96\x91\x92\x84\xa2id\xa4di_1\xa6coupon\xa4half\xa5start\xcd\x01\x00\xa3end\xc0\xcc\xfa\x91\xa4il_1\xa32.5\x93\xa9discounts\xb0discount"
        b"_amounts\xa5taxes\xa4ii_1\xa2v2"
    ),
    "unread": (
        b"\x92\x89\xa2id\xa4il_9\xa6reason\xb3line_without_parent\xa6detail\xa6parent\xa6amount\xcd\x0f\xa0\xa8currency"
        b"\xa3usd\xa4item\xa4si_1\xa5price\xa7price_1\xacperiod_start\xcd\x01\x00\xaaperiod_end\xcd\x02\x00\x83\xa2id\xa4il_8\xa6re"
        b"ason\xb3line_without_amount\xa6detail\xa6amount"
    ),
    "seen": b"\x92\x93\xcd\x03\xe8<\xcd\x0fd\x91\x01",
}
"""As they were first written. What stands here is not to be changed."""
