"""`nrr show outlook`: what is coming by dates that are known already, and committed MRR with what is scheduled."""

from worker.cli.common import Config, Json, Now, PolicyName, money, opened, put_json
from worker.cli.require_ledger import ready

_WORDS = {
    "discounts_ending": "discounts end: more from whoever stays",
    "trials_ending": "trials end: what they would be worth",
    "scheduled_churn": "ends that were asked for",
    "renewals": "long periods end, and renew",
    "scheduled_expansion": "schedules raise it",
    "scheduled_contraction": "schedules lower it",
    "planned_pauses": "pauses that are planned",
}


def outlook(policy: PolicyName = None, json: Json = False, now: Now = None, config: Config = None) -> None:
    """Show what is coming by dates that are known.

    These are trials and discounts that end, ends and changes that are scheduled, committed MRR.
    """
    from worker.cli.json_rows import amount, amounts
    from worker.queries.outlook import committed
    from worker.queries.outlook import outlook as ahead_of

    with opened(json=json, now=now, config=config, policy=policy) as context:
        ready(context)
        ahead = ahead_of(context.session)
        committing = committed(context.session, ahead)
        if json:
            signals = [
                {
                    "signal": each.name,
                    "within_days": each.within_days,
                    "currency": each.currency,
                    **amount("mrr", each.micros, each.currency),
                    "customers": each.customers,
                }
                for each in ahead
            ]
            figures = [
                {
                    "within_days": each.within_days,
                    "currency": each.currency,
                    **amounts(
                        {
                            "committed": each.micros,
                            "scheduled": each.scheduled_micros,
                            "committed_with_scheduled": each.with_scheduled_micros,
                        },
                        each.currency,
                    ),
                }
                for each in committing
            ]
            put_json({"day": ahead[0].day if ahead else None, "signals": signals, "committed": figures})
            return
        if not ahead:
            context.say("nothing is coming by dates that are known, or no figures were made yet: nrr rollup")
            return
        context.table(
            ("signal", "within days", "MRR", "customers", "what it is"),
            [(a.name, a.within_days, money(a.micros, a.currency), a.customers, _WORDS.get(a.name, "")) for a in ahead],
            title=f"Coming by dates that are known, as of {ahead[0].day}",
            right=("within days", "MRR", "customers"),
        )
        context.table(
            ("within days", "committed MRR", "scheduled to come", "together"),
            [
                (c.within_days, *(money(m, c.currency) for m in (c.micros, c.scheduled_micros, c.with_scheduled_micros)))
                for c in committing
            ],
            title="Committed MRR is MRR less ends that were asked for; together: with what schedules will have changed",
            right=("within days", "committed MRR", "scheduled to come", "together"),
        )
