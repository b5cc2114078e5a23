"""What must be said of the states that a subscription was told in, and of lines that tell no tax, whatever comes of them.

A listing that lagged, an object that is gone, a customer that changed, a reason that nobody knows. What is to be said of the history that
is made of them is in `metrics.timeline.remarks`.
"""

from collections.abc import Sequence

from metrics.evidence import GONE, Finding, SubscriptionEvidence, SubscriptionState
from metrics.timeline.causes import KNOWN_REASONS
from metrics.timeline.effective_dated import Taxes
from metrics.timeline.states.event_order import in_order


def state_findings(
    evidence: SubscriptionEvidence, states: Sequence[SubscriptionState], lagged: Sequence[SubscriptionState]
) -> list[Finding]:
    """What must be said of where the states come from: a listing that lagged and was not read again since, an object that is gone."""
    last = states[-1]
    out = [
        Finding(
            evidence.account,
            evidence.subscription,
            "lagging_listing",
            f"what was read of {evidence.subscription} after its last event is what was before it: the event holds, and it is read again",
            last.subscription.customer,
            state.at,
        )
        for state in lagged[-1:]
        if state.at >= last.at
    ]
    if last.subscription.status == GONE:
        detail = (
            f"Stripe knows no subscription {evidence.subscription} any more, though nothing said that it ended: it is out of MRR from the "
            "moment it was missed. Look for it in Stripe's dashboard, or ask Stripe's support"
        )
        customer = last.subscription.customer
        out.append(Finding(evidence.account, evidence.subscription, "subscription_gone", detail, customer, last.at, "warning"))
    out += _changed_customer(evidence)
    reason = last.subscription.cancel_reason
    if last.subscription.ended_at is not None and reason is not None and reason not in KNOWN_REASONS:
        detail = (
            f"Stripe's reason for the end of {evidence.subscription} is {reason}, which is not known here: the status before tells whether the "
            "customer wished it"
        )
        customer, ended = last.subscription.customer, last.subscription.ended_at
        out.append(Finding(evidence.account, evidence.subscription, "cancel_reason_unknown", detail, customer, ended))
    return out


def untold_tax_findings(evidence: SubscriptionEvidence, taxes: Taxes, customer: str) -> list[Finding]:
    """That lines tell no tax where it isn't plain which share they have: one finding for each item."""
    out = []
    for item, lines in taxes.untold.items():
        first, others = lines[0], len(lines) - 1
        named = f"line {first.id} of {first.invoice}" + (f" and {others} more" if others else "")
        text = (
            f"{named} doesn't say what tax is in the price of item {item} of {evidence.subscription}, and the lines around don't show one share: it counts "
            "by the last line before it that says so, else by the first one after it, so that a change of the tax may be dated a cycle early or late"
        )
        out.append(Finding(evidence.account, first.id, "tax_untold", text, customer, first.period_start))
    return out


def _changed_customer(evidence: SubscriptionEvidence) -> list[Finding]:
    """That a subscription was told of several customers: it is counted for the last one alone."""
    ordered = in_order(evidence.states)
    if len({each.subscription.customer for each in ordered}) < 2:
        return []
    owner = ordered[-1].subscription.customer
    others = [each for each in ordered if each.subscription.customer != owner]
    since = next(each.at for each in ordered if each.subscription.customer == owner and each.at >= others[-1].at)
    named = ", ".join(sorted({each.subscription.customer for each in others}))
    detail = (
        f"{evidence.subscription} was told of the customer {named} before, and is told of {owner} now: it counts for {owner} alone, with all its "
        "past, and no longer for the other"
    )
    return [Finding(evidence.account, evidence.subscription, "customer_changed", detail, owner, since, "warning")]
