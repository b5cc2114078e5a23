"""Random lives: what the customers of a simulated business do, drawn from a seed.

A story is a script. Draws are made in the order of the life and never look at the horizon, so that a longer simulation
tells the same beginning. Each kind of happening is a named feature which a test can leave out or run alone.
"""

from random import Random
from typing import Final

from integrations.sandbox.simulator.billing_cycles import DAY, HOUR, month_end
from integrations.sandbox.simulator.catalog import Catalog
from integrations.sandbox.simulator.episodes.kinds import episode
from integrations.sandbox.simulator.scenario import Script
from integrations.sandbox.simulator.story import SEATED, SIZES, Story

FEATURES: Final = frozenset(
    {
        "trials",
        "upgrades",
        "downgrades",
        "seats",
        "prorations",
        "no_proration",
        "addons",
        "interval_swaps",
        "price_edits",
        "coupons",
        "item_coupons",
        "customer_coupons",
        "late_coupons",
        "coupon_removal",
        "pauses",
        "holds",
        "payment_failures",
        "incomplete",
        "cancellations",
        "scheduled_cancellations",
        "withdrawals",
        "returns",
        "swaps",
        "backdated",
        "several_subscriptions",
        "currencies",
        "mixed_currencies",
        "deleted_customers",
        "month_ends",
        "tiers",
        "annual",
        "quarterly",
        "weekly_daily",
        "metered",
        "mixed_intervals",
        "setup_fees",
        "taxes",
        "manual_invoices",
        "sent_invoices",
        "schedules",
        "classic",
        "free_plan",
        "bursts",
        "metadata_changes",
    }
)
"""What a business has unless told otherwise."""
MORE: Final = frozenset(
    {
        "many_items",
        "offers",
        "free_months",
        "policy_ends",
        "unknown_statuses",
        "remade",
        "scoped_coupons",
        "prebilling",
        "planned_pauses",
        "taxed_discounts",
        "currency_switches",
        "late_events",
        "blank_lines",
        "lagging",
        "outside_invoices",
        "credit_notes",
    }
)
"""What it has only when asked: rarer things, and answers that are late or leave something out."""

_COUNTRIES: Final = (
    ("US", "usd", 50),
    ("CA", "usd", 6),
    ("DE", "eur", 12),
    ("FR", "eur", 6),
    ("SE", "eur", 6),
    ("GB", "gbp", 10),
    ("JP", "jpy", 6),
    ("KW", "kwd", 4),
)
_INDUSTRIES: Final = ("software", "retail", "health", "education", "media")
_CHANNELS: Final = ("search", "partner", "referral", "events", "outbound")
_SYLLABLES: Final = (
    "al",
    "bo",
    "ca",
    "do",
    "em",
    "fa",
    "go",
    "hu",
    "in",
    "jo",
    "ka",
    "li",
    "mo",
    "na",
    "or",
    "pe",
    "qua",
    "ri",
    "so",
    "tu",
)


def _pick(rng: Random, weighted: tuple[tuple[str, str, int], ...]) -> tuple[str, str]:
    roll = rng.randrange(sum(weight for _, _, weight in weighted))
    for first, second, weight in weighted:
        roll -= weight
        if roll < 0:
            return first, second
    raise AssertionError("weights are positive")


def _name(rng: Random, index: int) -> str:
    word = "".join(rng.choice(_SYLLABLES) for _ in range(3)).capitalize()
    return f"{word} {index}"


def _plan(rng: Random, features: frozenset[str], currency: str, country: str) -> tuple[str, int]:
    if country == "SE" and "taxes" in features:
        return rng.choice(("price_starter_monthly_incl", "price_starter_annual_incl")), 1
    plans = ["price_starter_monthly"] * 5 + ["price_team_monthly"] * 6
    if "annual" in features:
        plans += ["price_starter_annual", "price_team_annual"] * 2
        plans += ["price_enterprise_annual", "price_enterprise_biennial"] if rng.random() < 0.3 else []
    if "quarterly" in features:
        plans += ["price_starter_quarterly"]
    if "tiers" in features:
        plans += ["price_business_monthly", "price_scale_monthly", "price_business_annual", "price_contacts_monthly"]
        plans += ["price_contacts_fraction_monthly"] if currency == "usd" else []
    if "weekly_daily" in features and rng.random() < 0.2:
        plans += ["price_pass_weekly", "price_pass_fortnightly", "price_pass_daily"] * 2
    if "free_plan" in features:
        plans += ["price_free_monthly"]
    if currency == "gbp":
        plans += ["price_team_gbp_monthly"] * 3
    price = rng.choice(plans)
    if "contacts" in price:
        return price, rng.randrange(100, 6_000)
    seats = rng.choice((1, 2, 3, 5, 8, 12, 18, 25, 40, 60)) if price.split("_")[1] in SEATED else 1
    return price, seats


def tell(catalog: Catalog, seed: int, index: int, features: frozenset[str], start: int, end: int) -> Script:
    """The script of customer `index`, who signs up somewhere in [start, end)."""
    rng = Random(f"{seed}/{index}")
    at = start + int((end - start - 2 * DAY) * rng.random() ** 0.8)
    if rng.random() < 0.12 and "month_ends" in features:
        at = month_end(at)
    country, currency = _pick(rng, _COUNTRIES)
    if "currencies" not in features:
        country, currency = "US", "usd"
    price, quantity = _plan(rng, features, currency, country)
    metadata = {"industry": rng.choice(_INDUSTRIES), "channel": rng.choice(_CHANNELS), "company_size": rng.choice(SIZES)}
    if country == "US" and rng.random() < 0.08 and "taxes" in features:
        metadata["tax"] = "exclusive"
    if rng.random() < 0.1:
        del metadata["channel"]
    script = Script(
        _name(rng, index),
        currency=currency,
        country=country,
        created=at - rng.randrange(20, 3 * HOUR),
        metadata=metadata,
        strict=False,
    )
    story = Story(catalog, rng, features, script, price, quantity, price.endswith("_incl"))
    script.late_share = 0.06 if "late_events" in features else 0.0
    script.blank_share = 0.12 if "blank_lines" in features else 0.0
    at = _sign_up(story, at)
    while at < end + 400 * DAY:
        at += int(rng.expovariate(1 / (75 * DAY))) + 2 * DAY + rng.randrange(DAY)
        following = episode(story, at)
        if following is None:
            break
        at = following
    _billed_beside(script, Random(f"{seed}/{index}/beside"), features, end)
    return script


def _billed_beside(script: Script, rng: Random, features: frozenset[str], end: int) -> None:
    """What is billed beside subscriptions, and taken back: drawn apart, so that it changes nothing else of a life."""
    at = script.acts[0].at
    while at < end + 400 * DAY:
        at += rng.randrange(20, 160) * DAY + rng.randrange(DAY)
        roll, amounts = rng.random(), [rng.randrange(5, 90) * 1_000 for _ in range(rng.randrange(1, 4))]
        coupon = rng.choice((None, None, "PARTNER20", "EIGHTH"))
        if roll < 0.6 and "outside_invoices" in features:
            if rng.random() < 0.35:
                script.extra_charge(at, amounts[0])
            else:
                script.charge(at, *amounts, mark=rng.choice(("", "metronome", "contract", "quote")), coupon=coupon)
        elif roll >= 0.6 and "credit_notes" in features:
            void_at = at + rng.randrange(1, 60) * DAY if rng.random() < 0.2 else None
            script.credit(at, rng.choice((100, 50, 33)), amount=rng.choice((None, None, 700)), void_at=void_at)


def _sign_up(story: Story, at: int) -> int:
    """The first subscription, with whatever it begins with; returns when the next thing may happen."""
    rng, script = story.rng, story.script
    options: dict[str, object] = {}
    following = at
    incomplete = story.has("incomplete", 0.04)
    if not story.taxed and not incomplete:
        if story.has("trials", 0.22):
            trial_end = at + rng.choice((7, 14, 14, 30)) * DAY
            options["trial_end"] = trial_end
            fate = rng.random()
            if fate < 0.15:
                script.subscribe(at, story.price, story.quantity, trial_end=trial_end)
                script.cancel(at + 2 * DAY + rng.randrange(DAY), at_period_end=fate < 0.08)
                return trial_end + 30 * DAY
            if fate < 0.2 and "holds" in story.features:
                script.subscribe(at, story.price, story.quantity, trial_end=trial_end, after_trial="pause")
                return trial_end + 30 * DAY
            if fate < 0.35:
                script.set_trial_end(at + 3 * DAY + rng.randrange(DAY), trial_end + 7 * DAY)
                following = trial_end + 8 * DAY
            else:
                following = trial_end
        elif story.has("backdated", 0.05):
            options["backdated_to"] = at - rng.randrange(2, 20) * DAY
        elif story.has("setup_fees", 0.06):
            options["setup_fee"] = True
        elif story.has("sent_invoices", 0.06):
            options["send_invoice"] = True
    if not story.taxed and story.has("coupons", 0.28):
        coupon = rng.choice(("PARTNER20", "EIGHTH", "LAUNCH50", "FREE3", "WELCOME25", "TENOFF", "FIVEOFF12", "ONCE10"))
        level = "item_coupons" if story.has("item_coupons", 0.25) else "coupons"
        options[level] = (coupon,)
        story.discounted = True
    elif not story.taxed and story.has("customer_coupons", 0.06):
        script.discount(at - 5, rng.choice(("PARTNER20", "EIGHTH", "TENOFF", "LAUNCH50")), level="customer")
        story.discounted = True
    if story.has("classic", 0.2):
        options["flexible"] = False
    if incomplete:
        script.fail_payments(at - 1)
        script.fix_payments(at + (rng.randrange(HOUR, 20 * HOUR) if rng.random() < 0.6 else 2 * DAY))
        following = at + 3 * DAY
    script.subscribe(at, story.price, story.quantity, **options)  # type: ignore[arg-type]
    return following
