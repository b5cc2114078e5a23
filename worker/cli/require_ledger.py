"""Whether there is a ledger to show figures of: what every command that reads one asks first."""

from worker.cli.common import Context


def ready(context: Context, *, tell: bool = True) -> None:
    """Raises NotMigrated or NothingDerived unless there is a ledger; under a preset that was never asked for, it is derived now.

    What is still to come is said, unless the command tells it itself.
    """
    from worker.figures.derived import NothingDerived
    from worker.queries.session import has_ledger
    from worker.runs.database import require_current

    require_current(context.wiring.engine)
    if has_ledger(context.session):
        if tell and not context.json:
            for sentence in context.outstanding.sentences():
                context.say(sentence)
        return
    configured = context.loaded.settings.basis()
    if context.wiring.basis == configured or not has_ledger(context.session.under(configured)):
        raise NothingDerived(configured)
    context.say(f"deriving the ledger under the policy {context.wiring.basis.policy.name} from the facts that are stored …")
    from worker.runs import refresh

    done = refresh.derive(context.wiring, rebuild=True, basis=context.wiring.basis)
    context.finished(done)
