"""Forgetting old work, so that the database does not grow with the time that it has run, and what is personal when its time has come.

Facts and final figures are never touched.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Engine

from integrations.store.db.clock import now
from integrations.store.db.engine import begin
from integrations.store.figures import rollups
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job
from metrics.window_kinds import PASSING_DAYS
from worker.config.settings import Settings
from worker.execution.crew import Handler
from worker.execution.job_data import JobData, Nothing
from worker.runs.removal.personal import keep_to

FORGET_DAYS: Final = PASSING_DAYS
"""Jobs of runs that were closed longer ago are removed: each sync leaves some, and nobody asks for them after a month. So are figures by
segment that were learnt longer ago and never final (D109): a night leaves some hundreds of them."""


JOBS: Final[Mapping[str, type[JobData]]] = {"tidy": Nothing}
"""Every kind of job here with what it is given."""


def handlers(engine: Engine, settings: Settings | None = None) -> dict[str, Handler]:
    """The kinds of jobs that tidy up; what is personal is kept for as long as the settings say."""
    return {"tidy": partial(do_tidy, engine, settings)}


def do_tidy(engine: Engine, settings: Settings | None, job: Job) -> None:
    """Remove what is left of runs of more than a month ago, what they held of segments in windows that weren't over, and what is personal
    and to be kept no longer. It is the night's last job: no figures are being made meanwhile.
    """
    with begin(engine) as connection:
        rollups.tidy(connection, now(connection) - timedelta(days=FORGET_DAYS))
        runs.tidy(connection, FORGET_DAYS)
        if settings is not None:
            keep_to(connection, settings, now(connection))
        jobs.finish(connection, job)
