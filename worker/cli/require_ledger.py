"""Whether there is a ledger to show figures of: what every command that reads one asks first."""

from worker.cli.common import Context


def ready(context: Context) -> None:
    """Raises NotMigrated or NothingDerived unless there is a ledger; under a preset that was never asked for, it is derived now."""
    from integrations.store import migrate
    from integrations.store.db.engine import read
    from worker.figures import derive
    from worker.figures.adhoc import NothingDerived
    from worker.runs import refresh

    migrate.require_current(context.wiring.engine)
    with read(context.wiring.engine) as connection:
        complete = derive.is_complete(connection, context.wiring.basis)
        configured = context.loaded.settings.basis()
        set_up = derive.is_complete(connection, configured)
    if complete:
        return
    if context.wiring.basis == configured or not set_up:
        raise NothingDerived(configured)
    context.say(f"deriving the ledger under the policy {context.wiring.basis.policy.name} from the facts that are stored …")
    done = refresh.derive(context.wiring, rebuild=True, basis=context.wiring.basis)
    context.finished(done)
