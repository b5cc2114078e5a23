"""Forgetting old work, so that the database does not grow with the time that it has run. Facts and final figures are never touched."""

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
from worker.execution.crew import Handler
from worker.execution.job_data import JobData, Nothing

FORGET_DAYS: Final = PASSING_DAYS
"""Jobs of runs that were closed longer ago are removed: each sync leaves some, and nobody asks for them after a month. So are figures by
segment that were learnt longer ago and never final (D109): a night leaves some hundreds of them."""


JOBS: Final[Mapping[str, type[JobData]]] = {"tidy": Nothing}
"""Every kind of job here with what it is given."""


def handlers(engine: Engine) -> dict[str, Handler]:
    """The kinds of jobs that tidy up."""
    return {"tidy": partial(do_tidy, engine)}


def do_tidy(engine: Engine, job: Job) -> None:
    """Remove what is left of runs of more than a month ago, and what they held of segments in windows that weren't over."""
    with begin(engine) as connection:
        rollups.tidy(connection, now(connection) - timedelta(days=FORGET_DAYS))
        runs.tidy(connection, FORGET_DAYS)
        jobs.finish(connection, job)
