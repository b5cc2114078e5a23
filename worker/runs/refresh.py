"""The steps from facts to figures that command line, Celery tasks and tests share: deriving and rolling up, each as a run of jobs."""

from integrations.store import migrate
from integrations.store.db.engine import begin, read
from integrations.store.work import audit_log
from metrics.ledger.basis import Basis
from worker.execution.operator import system_user
from worker.figures import derive as deriving
from worker.figures import rollup as rolling
from worker.figures.derived import derived_until
from worker.figures.rollup import Outcome
from worker.runs import steps
from worker.runs.steps import Report
from worker.runs.watch import Progress, quiet, watched
from worker.wiring.wiring import Wiring


def derive(wiring: Wiring, *, rebuild: bool = False, basis: Basis | None = None, progress: Progress = quiet) -> Report:
    """Bring the ledger up to date with the facts; with `rebuild` derive it all anew; with `basis` that of another policy.

    A derivation that is under way already is seen through first: it may have been planned before the latest facts, or for another
    policy. Raises NotMigrated, and AlreadyRunning when a rebuild or another policy is asked for meanwhile.
    """
    migrate.require_current(wiring.engine)
    first = deriving.first_job(rebuild=rebuild, basis=basis, now=wiring.now)
    joined = False
    while True:
        run, others = steps.open_run(wiring, "derive", [first], refuse=rebuild or basis is not None)
        if rebuild:
            with begin(wiring.engine) as connection:
                policy = (basis or wiring.basis).policy.name
                audit_log.write(connection, system_user(), "rebuild", policy, run=run)
        with watched(wiring.engine, run, progress):
            report = steps.see_through(wiring, [run], joined=joined or others)
        if not others or report.status != "done":
            return report
        joined = True


def rollup(wiring: Wiring, *, rebuild: bool = False, progress: Progress = quiet) -> tuple[Report, Outcome | None]:
    """Bring snapshots and figures up to date with the ledger; with `rebuild` add everything up from zero. What came of it, and the breaks.

    Raises NotMigrated, and NothingDerived while there is no ledger.
    """
    migrate.require_current(wiring.engine)
    with read(wiring.engine) as connection:
        derived_until(connection, wiring.basis)
    configured = wiring.settings.basis() if wiring.settings is not None else wiring.basis
    other = None if wiring.basis == configured else wiring.basis
    run, joined = steps.open_run(wiring, "rollup", [rolling.first_job(whole=rebuild, basis=other)])
    with watched(wiring.engine, run, progress):
        report = steps.see_through(wiring, [run], joined=joined)
    with read(wiring.engine) as connection:
        return report, rolling.outcome(connection, wiring.basis)
