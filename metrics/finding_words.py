"""What each reason of a finding means, and what to do about it: one table, for people who don't know the code.

A finding carries a stable word, the object and what was done about it. Here is the sentence that goes with the word, and the next step.
Whoever adds a reason adds its words here: a test looks for those that have none.
"""

from dataclasses import dataclass
from typing import Final

CANNOT_DERIVE: Final = "cannot_derive"
"""The reason of the finding that is all that is held of a customer of whom no ledger can be made."""
CANNOT_ADD_UP: Final = "cannot_add_up"
"""That of one who is too large to be added to the others."""
UNCOUNTED: Final = (CANNOT_DERIVE, CANNOT_ADD_UP)
"""The reasons of findings whose customer is in no figure at all."""

_STRIPE: Final = "Look at the object in Stripe's dashboard"
_AGAIN: Final = "Run `nrr sync` again; if it stays, Stripe's support can say why the answer lacks it"
_HARMLESS: Final = "Nothing, unless the date matters to you: `nrr explain` shows what it rests on"


@dataclass(frozen=True, slots=True)
class Words:
    """`meaning` says what is the matter in a sentence, `next_step` what can be done."""

    meaning: str
    next_step: str


def _words(meaning: str, next_step: str) -> Words:
    return Words(meaning, next_step)


_HISTORY: Final = {
    "gap": _words(
        "No invoice covers a part of the subscription's life; MRR is held through it.",
        f"{_STRIPE}: if it was paused or free in that time, nothing is wrong; if it was not, an invoice is missing",
    ),
    "history_from_invoices": _words(
        "Before its first event or listing only invoices tell of this customer, so pauses and failed payments of that time are missing.",
        "Nothing: it says how far the history can be relied on",
    ),
    "voided_cycle_invoice": _words(
        "An invoice in the middle of the subscription's life was voided or given up; that alone takes no MRR away.",
        f"{_STRIPE}: if collection was paused then, say so in your books",
    ),
    "first_invoice_voided": _words(
        "The first invoice was voided before anything was paid: the subscription never counted.",
        "Nothing, if that is what happened",
    ),
    "unpaid_change": _words(
        "An invoice that bills a change was not paid; the change counts only if something later shows it.",
        f"{_STRIPE}: see whether the upgrade or downgrade came about",
    ),
    "subscription_unseen": _words(
        "Invoices name a subscription that neither a listing nor an event has: it is left out.",
        "Run `nrr backfill run --streams subscriptions`; if it stays, ask Stripe's support what became of it",
    ),
    "subscription_gone": _words(
        "Stripe has no such subscription any more, and nothing said that it ended.", f"{_STRIPE}, or ask Stripe's support"
    ),
    "end_untold": _words(
        "Stripe says that a subscription is canceled, and not since when: the day of its churn may be too early or too late.",
        f"{_STRIPE}: it shows when the subscription ended",
    ),
    "lagging_listing": _words(
        "Stripe answered with an older version than an event had told: the event holds.", "Nothing: it is read again by itself"
    ),
    "customer_merged_by_rule": _words(
        "Several Stripe customers are counted as one, by your metadata rule.", "Nothing, if the rule is right; it is in nrr.toml"
    ),
    "customer_changed": _words(
        "A subscription was told of one customer before, and of another now, which Stripe itself never does: it counts for the last one alone, with all its past.",
        f"{_STRIPE}: see whose it is, and whether the key and the address are those of one account; a merge of two customers by support explains it",
    ),
    "tax_share_unknown": _words(
        "The price contains tax, and no invoice line says how much: MRR is shown with the tax in it.",
        "Wait for the next invoice, or see whether tax is set up for the customer",
    ),
    "unknown_status": _words(
        "Stripe gives the subscription a status that this version doesn't know: it is out of MRR while it has it.",
        "Look for a newer release of nrr, and at the subscription in Stripe's dashboard",
    ),
    "pause_unknown": _words(
        "Collection is paused in a way that this version doesn't know: the subscription counts on as before.",
        f"{_STRIPE}, and look for a newer release of nrr",
    ),
    "cancel_reason_unknown": _words(
        "Stripe's reason for the end is one that this version doesn't know: whether it was the customer's wish is told by the status before.",
        f"{_STRIPE}, and look for a newer release of nrr",
    ),
    "invoice_status_unknown": _words(
        "An invoice has a status that this version doesn't know: its lines count, and it is taken for not paid.",
        f"{_STRIPE}, and look for a newer release of nrr",
    ),
    "cannot_derive": _words(
        "This customer's MRR could not be worked out; everybody else's is.",
        f"{_STRIPE} for absurd amounts, quantities or dates; the run's log has the reason",
    ),
    "cannot_add_up": _words(
        "This customer is so large that it can't be added to the others: it is in no figure, and everybody else is.",
        f"{_STRIPE} for absurd amounts or quantities; put right, it counts again after `nrr rebuild`",
    ),
    "items_cut": _words(
        "Stripe told only the first items of the subscription, and the rest could not be read: those that are known still count.",
        "See in `nrr doctor` whether the key may read subscription items, then run `nrr sync` again",
    ),
    "item_untold": _words(
        "An answer of Stripe's didn't say what an item of the subscription costs, or how many there are: it counts as it was known before.",
        "Run `nrr sync` again, and look at the subscription in Stripe's dashboard if the number is wrong",
    ),
    "change_behind_cut": _words(
        "An event told only some of the subscription's items, and one that it left out changed: the day of that change is when it was seen next.",
        "Nothing has to be done; with a sync every few minutes the days agree",
    ),
}
_LINES: Final = {
    "unread_line": _words("An invoice line doesn't say what it bills: it changes nothing.", _AGAIN),
    "lines_cut": _words(
        "An invoice tells only some of its lines: items without one on it stay as they were.",
        "Run `nrr backfill run --streams invoices` later; if it stays, look at the invoice in Stripe's dashboard",
    ),
    "line_without_parent": _words("An invoice line doesn't say what made it: it changes nothing.", _AGAIN),
    "line_without_subscription": _words("An invoice line bills an item, but names no subscription: it changes nothing.", _AGAIN),
    "line_without_period": _words("An invoice line doesn't say for which time it is: it changes nothing.", _AGAIN),
    "line_without_amount": _words("An invoice line has no amount: it changes nothing.", _AGAIN),
    "period_stood_still": _words(
        "A subscription ended long after its last period did, and nothing was billed in between: it may have been paused, and counts until it ended.",
        "Look at the subscription in Stripe: if it was paused (after a trial without a way to pay, say), its MRR of that time is too high",
    ),
    "tax_untold": _words(
        "An invoice line doesn't say what tax is in its price, and the lines around it don't show one share: a change of the tax may be dated a cycle early or late.",
        "Look at the invoice in Stripe's dashboard, which shows its tax, then run `nrr sync` again",
    ),
    "tax_exceeds_amount": _words(
        "The tax in an invoice line is as much as was charged, or more: it says nothing of the tax in the price.",
        "Look at the line's tax in Stripe; MRR keeps the share of tax that other lines show",
    ),
    "other_lines": _words(
        "Charges on invoices that belong to no subscription item: one-off charges, fees, manual invoices. They are outside MRR.",
        "Nothing, if they don't recur; what recurs belongs on a subscription",
    ),
}
_PRICES: Final = {
    "unknown_price": _words(
        "Nothing says what the item's price costs, so its MRR is missing.",
        "See whether the key may read prices (`nrr doctor`); a deleted price of old may have to be looked up in Stripe's dashboard",
    ),
    "price_type_unknown": _words(
        "The price is of a type that this version doesn't know: its MRR is missing.", "Look for a newer release of nrr"
    ),
    "price_type_assumed": _words(
        "The price is of a type that this version doesn't know; since it says how often it recurs, it counts as recurring.",
        f"{_STRIPE}, and look for a newer release of nrr",
    ),
    "usage_unknown": _words(
        "The price doesn't say in a way that this version knows whether it is charged by quantity or by usage: its MRR is missing.",
        "Look for a newer release of nrr",
    ),
    "price_version_unknown": _words(
        "There was something before this price was made: a price of that id was deleted and made again, or another one was in its place, and nothing "
        "shows it any more. That time is counted as invoice lines bill it, or at the price of today where they don't tell.",
        f"{_STRIPE}: invoices show what was charged then",
    ),
    "interval_unknown": _words(
        "The price doesn't say how often it recurs, or in a way that this version doesn't know: its MRR is missing.", _STRIPE
    ),
    "quantity_missing": _words("The item has a price for each unit, but no quantity: its MRR is missing.", _STRIPE),
    "scheme_unknown": _words("The price is charged in a way that this version doesn't know: its MRR is missing.", _STRIPE),
    "unit_unknown": _words("The price doesn't say what a unit costs: its MRR is missing.", _STRIPE),
    "unit_negative": _words("The price charges less than nothing: its MRR is missing.", _STRIPE),
    "currency_unknown": _words("The price has no amount in the subscription's currency: its MRR is missing.", _STRIPE),
    "transform_unknown": _words("The price rounds packages in a way that this version doesn't know: its MRR is missing.", _STRIPE),
    "tiers_unknown": _words(
        "The price has tiers, and nothing says which, or how they are meant: its MRR is missing.",
        "Tiers of a deleted price are gone from Stripe; look the price up in its dashboard",
    ),
    "amount_out_of_bounds": _words("The item's amount is larger than any amount can be: its MRR is missing.", _STRIPE),
    "unknown_coupon": _words(
        "A discount is in force, and nothing says what its coupon takes off: MRR is shown without it.",
        "See whether the key may read coupons (`nrr doctor`); look a deleted coupon up in Stripe's dashboard",
    ),
    "coupon_currency_unknown": _words(
        "The coupon takes off an amount in another currency than the subscription's: MRR is shown without it.", _STRIPE
    ),
    "coupon_duration_unknown": _words(
        "The coupon doesn't say how long it lasts: MRR is shown without it.", f"{_STRIPE}, or look for a newer release of nrr"
    ),
    "coupon_percent_unknown": _words("The coupon takes off less than nothing or more than all: MRR is shown without it.", _STRIPE),
    "coupon_two_amounts": _words(
        "The coupon says both a percentage and an amount, and nothing says which of them is taken off: MRR is shown without it.",
        f"{_STRIPE}: its invoices show what is taken off",
    ),
    "coupon_version_unknown": _words(
        "A coupon was deleted and made again under its id, and nothing says what the first one took off: what today's takes off is taken off.",
        _STRIPE,
    ),
    "discount_end_unknown": _words(
        "A discount is for some months, and nothing says for how many or when it ends; it is taken off as long as it is seen.",
        "Look at the discount in Stripe's dashboard, then run `nrr sync`: MRR rises when it ends, and nobody can say when that is",
    ),
    "discount_scope_unknown": _words(
        "A discount is in force, and nothing says for which products; it is taken off all that no invoice shows to be left out.",
        "Look at the coupon in Stripe's dashboard: if it is for some products only, its invoices show which",
    ),
    "missing_rate": _words(
        "There is no exchange rate for a currency: it is shown apart.", "Load one with `nrr rates load FILE.csv`, or leave it apart"
    ),
}
_UNREADABLE: Final = "The object is quarantined: what was known of it before still holds."
_QUARANTINED: Final = {
    "missing_id": _words(f"An object came without an id. {_UNREADABLE}", _AGAIN),
    "missing_customer": _words(f"The object doesn't say which customer it belongs to. {_UNREADABLE}", _AGAIN),
    "missing_status": _words(f"The object doesn't say its status. {_UNREADABLE}", _AGAIN),
    "missing_date": _words(f"The object lacks a date that it must have. {_UNREADABLE}", _AGAIN),
    "missing_subscription": _words(f"A waiting proration doesn't say which subscription it is of. {_UNREADABLE}", _AGAIN),
    "missing_period": _words(f"A waiting proration doesn't say for which time it is. {_UNREADABLE}", _AGAIN),
    "missing_amount": _words(f"A waiting proration has no amount. {_UNREADABLE}", _AGAIN),
    "bad_shape": _words(
        f"A field holds something else than it should. {_UNREADABLE}", "Look for a newer release of nrr, and report it"
    ),
    "bad_text": _words(f"An id or a status holds characters that no database can store. {_UNREADABLE}", _STRIPE),
    "bad_amount": _words(f"An amount is no number. {_UNREADABLE}", _STRIPE),
    "bad_date": _words(f"A date lies outside the years 2000 to 2200. {_UNREADABLE}", _STRIPE),
    "out_of_bounds": _words(f"An amount, a quantity or a date is larger than any can be. {_UNREADABLE}", _STRIPE),
    "bad_interval": _words(f"The price recurs less than once. {_UNREADABLE}", _STRIPE),
    "bad_tier": _words(f"A tier of the price ends nowhere that can be read. {_UNREADABLE}", _STRIPE),
    "bad_transform": _words(f"The price divides quantities by less than one. {_UNREADABLE}", _STRIPE),
    "unknown_currency": _words(
        f"The currency is none of Stripe's that this version knows. {_UNREADABLE}", "Look for a newer release of nrr"
    ),
    "incomplete": _words(f"The rest of a long object could not be read. {_UNREADABLE}", _AGAIN),
    "unknown_endpoint": _words(
        "The address asked for doesn't have a list that Stripe has: what is on it is missing.", "Check STRIPE_API_BASE"
    ),
    "not_allowed": _words(
        "The key may not read a list: what is on it is missing.",
        "Give the restricted key the permission that is named, then `nrr sync`",
    ),
    "not_expanded": _words(
        "The address asked or the key leaves out a part of a list: that part is missing.",
        "`nrr doctor` names the permission that is missing",
    ),
    "gone": _words("Stripe doesn't have the object any more.", "Nothing"),
}
WORDS: Final = {**_HISTORY, **_LINES, **_PRICES, **_QUARANTINED}
"""The words of every reason, of findings and of quarantined objects."""

_UNKNOWN: Final = Words("Something about the data that this version has no words for.", _HARMLESS)


def words_of(reason: str) -> Words:
    """The words of a reason; of one that an older or a newer release wrote, that it has none."""
    return WORDS.get(reason, _UNKNOWN)
