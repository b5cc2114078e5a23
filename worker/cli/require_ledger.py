"""Whether there is a ledger to show figures of: what every command that reads one asks first."""

from worker.cli.common import Face


def ready(face: Face) -> None:
    """Raises NotMigrated or NothingDerived unless there is a ledger; under a preset that was never asked for, it is derived now."""
    from integrations.store import migrate
    from integrations.store.db.engine import read
    from worker.figures import derive
    from worker.figures.adhoc import NothingDerived
    from worker.runs import refresh

    migrate.require_current(face.wiring.engine)
    with read(face.wiring.engine) as connection:
        complete = derive.is_complete(connection, face.wiring.basis)
        configured = face.loaded.settings.basis()
        set_up = derive.is_complete(connection, configured)
    if complete:
        return
    if face.wiring.basis == configured or not set_up:
        raise NothingDerived(configured)
    face.say(f"deriving the ledger under the policy {face.wiring.basis.policy.name} from the facts that are stored …")
    done = refresh.derive(face.wiring, rebuild=True, basis=face.wiring.basis)
    face.finished(done)
