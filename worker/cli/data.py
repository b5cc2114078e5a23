"""`nrr sync`, `audit`, `rebuild`, `rollup`, `forget`: from Stripe to facts, from facts to figures."""

from typing import Annotated, Any

import typer

from worker.cli.common import Config, Context, Json, Now, PolicyName, opened, progress, put_json, require_yes
from worker.cli.exit_codes import Exit, Stop

Accounts = Annotated[list[str] | None, typer.Option("--account", metavar="NAME", help="Only this account (may be repeated).")]


def sync(
    account: Accounts = None,
    facts_only: Annotated[bool, typer.Option("--facts-only", help="Read Stripe, but derive no figures.")] = False,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Bring everything up to date with Stripe: facts, ledger, snapshots and figures."""
    from worker.runs import steps

    with opened(json=json, now=now, config=config, key=True) as context:
        with progress("read") as told:
            read = steps.sync(context.wiring, accounts=_named(context, account), progress=told)
        rolled = None
        if not context.interrupted and read.status == "done" and not facts_only:
            if not json:
                _tell_read(context, read)
            rolled = _derived(context)
        if json:
            put_json(
                {
                    "run": read.run_id,
                    "status": read.status,
                    "joined": read.joined,
                    "objects": dict(read.objects),
                    "pages": read.pages,
                    "quarantined": read.quarantined,
                    "seconds": round(read.seconds, 3),
                }
            )
        elif rolled is None:
            _tell_read(context, read)
        else:
            _tell_figures(context)
        context.finished(read)


def _tell_figures(context: Context) -> None:
    """What came out, and where to look next. Broken sums have ended the command before."""
    from worker.cli.overview import in_short

    context.lines("opening + movements = closing holds for each customer, currency and day", *in_short(context))
    context.say("next: nrr (everything on one screen), nrr show findings, nrr explain CUSTOMER")


def _tell_read(context: Context, read: Any) -> None:
    parts = ", ".join(f"{count:,} {stream.replace('_', ' ')}" for stream, count in sorted(read.objects.items()) if count)
    context.lines(f"run {read.run_id} {read.status}: {parts or 'nothing new'} in {read.seconds:.1f} s")


def _named(context: Context, account: list[str] | None) -> list[str] | None:
    unknown = [name for name in account or () if name not in context.wiring.sources.names]
    if unknown:
        raise Stop(f"no account is called {', '.join(unknown)}; there are {', '.join(context.wiring.sources.names)}", Exit.USAGE)
    return account


def _derived(context: Context, *, rebuild: bool = False) -> Any:
    """Ledger and figures, with the identity checked; what is broken ends the command."""
    from worker.runs import refresh

    with progress("derive") as told:
        derived = refresh.derive(context.wiring, rebuild=rebuild, progress=told)
    if derived.status != "done" or context.interrupted:
        context.finished(derived)
    return _rolled(context, rebuild=rebuild)


def _rolled(context: Context, *, rebuild: bool = False) -> Any:
    from worker.runs import refresh

    with progress("sum up") as told:
        done, outcome = refresh.rollup(context.wiring, rebuild=rebuild, progress=told)
    if done.status != "done":
        context.finished(done)
    if outcome is not None:
        for currency, windows in sorted(outcome.without_rate.items()):
            context.say(f"no exchange rate of {currency.upper()} for {windows} windows: it is shown apart")
        if outcome.broken:
            for each in outcome.breaks[:20]:
                context.say(f"broken identity: {each}")
            raise Stop(
                f"{outcome.broken} identities are broken; the figures were stored, but can't be trusted. Run: nrr verify",
                Exit.MISMATCH,
            )
    return done


def audit(account: Accounts = None, json: Json = False, now: Now = None, config: Config = None) -> None:
    """Read every kind of object again and compare it with what is stored: what differs is repaired, counted and named."""
    from worker.runs import steps

    with opened(json=json, now=now, config=config, key=True) as context:
        with progress("read") as told:
            done, drifts = steps.audit(context.wiring, accounts=_named(context, account), progress=told)
        if json:
            put_json(
                {
                    "run": done.run_id,
                    "status": done.status,
                    "drift": [
                        {
                            **context.account_row(d.account),
                            "subscriptions": d.subscriptions,
                            "named": list(d.named),
                            "counts": dict(d.counts),
                            "others": {kind: list(ids) for kind, ids in d.others.items()},
                        }
                        for d in drifts
                    ],
                }
            )
        else:
            for drift in drifts:
                named = f": {', '.join(drift.named)}" if drift.named else ""
                context.lines(f"account {drift.account}: {drift.subscriptions} subscriptions had drifted{named}")
                for kind, ids in sorted(drift.others.items()):
                    more = drift.counts[kind] - len(ids)
                    rest = f" and {more} more" if more else ""
                    context.lines(
                        f"account {drift.account}: {drift.counts[kind]} {kind}s had changed or come unseen: {', '.join(ids)}{rest}"
                    )
        context.finished(done)


def rebuild(
    policy: PolicyName = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Derive and compare, but change nothing.")] = False,
    json: Json = False,
    now: Now = None,
    config: Config = None,
) -> None:
    """Derive the whole ledger anew from the facts, then snapshots and figures. The result is the same however often it is done."""
    from worker.runs import refresh

    with opened(json=json, now=now, config=config, policy=policy) as context:
        if dry_run:
            from worker.cli.verify import check

            check(context, json=json)
            return
        with progress("derive") as told:
            done = refresh.derive(context.wiring, rebuild=True, basis=context.wiring.basis if policy else None, progress=told)
        if done.status == "done" and not context.interrupted:
            _rolled(context, rebuild=True)
        if json:
            put_json(
                {
                    "run": done.run_id,
                    "status": done.status,
                    "policy": context.wiring.basis.policy.name,
                    "customers": done.objects.get("customers", 0),
                    "seconds": round(done.seconds, 3),
                }
            )
        else:
            context.lines(
                f"run {done.run_id} {done.status}: {done.objects.get('customers', 0):,} customers derived in {done.seconds:.1f} s"
            )
        context.finished(done)


def rollup(policy: PolicyName = None, json: Json = False, now: Now = None, config: Config = None) -> None:
    """Bring the ledger, snapshots and figures up to date with the facts that are stored."""
    with opened(json=json, now=now, config=config, policy=policy) as context:
        done = _rolled(context) if policy else _derived(context)
        if json:
            put_json({"run": done.run_id, "status": done.status, "seconds": round(done.seconds, 3)})
        else:
            context.lines(f"run {done.run_id} {done.status} in {done.seconds:.1f} s")
        context.finished(done)


def forget(
    customer: Annotated[str, typer.Argument(help="Stripe's id of the customer (cus_…).")],
    metadata: Annotated[
        bool, typer.Option("--metadata", help="Remove the customer's metadata too; segments by it then lose it.")
    ] = False,
    account: Annotated[
        str | None, typer.Option("--account", metavar="NAME", help="Which account, where there are several.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Remove what is personal of a customer: name, address, what Stripe sent. Amounts and dates stay: they are the books."""
    from worker.runs import forget as forgetting
    from worker.runs.database import require_current

    with opened(json=json, config=config) as context:
        require_current(context.wiring.engine)
        found = forgetting.look(context.wiring.engine, customer, account)
        if len(found.meant) != 1:
            names = ", ".join(found.all_accounts) or "none"
            raise Stop(f"say which account with --account; there are: {names}", Exit.USAGE)
        [(account_id, name, is_known)] = found.meant
        if not is_known:
            raise Stop(
                f"nothing is known of a customer {customer} in account {name}, and nothing was removed; it takes Stripe's own "
                "id (cus_…); where a metadata rule makes several customers one, forget each of them",
                Exit.FAILED,
            )
        if not yes:
            require_yes(f"Remove what is personal of {customer} in account {name}, for good?", "nothing was removed")
        gone = forgetting.forget(context.wiring.engine, account_id, customer, metadata=metadata)
        if json:
            put_json(
                {
                    "customer": customer,
                    "names": gone.names,
                    "payloads": gone.payloads,
                    "states": gone.states,
                    "elsewhere": gone.elsewhere,
                }
            )
        else:
            context.lines(
                f"{customer}: removed {gone.names} names, {gone.payloads} payloads, metadata of {gone.states} states; "
                f"{gone.elsewhere} rows of figures, messages and records"
            )
            context.say(
                "reports and exports that were made are files of yours and stay as they are (nrr reports show lists reports)"
            )
            if gone.states:
                context.say("next: nrr rollup, so that the figures are made without it")
