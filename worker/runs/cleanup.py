"""Forgetting old work, so that the database does not grow with the time that it has run. Facts and figures are never touched."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from sqlalchemy import Engine

from integrations.store.db.engine import begin
from integrations.store.work import jobs, runs
from integrations.store.work.jobs import Job
from worker.execution.crew import Handler
from worker.execution.job_data import JobData, Nothing

FORGET_DAYS: Final = 35
"""Jobs of runs that were closed longer ago are removed: each sync leaves some, and nobody asks for them after a month."""


JOBS: Final[Mapping[str, type[JobData]]] = {"tidy": Nothing}
"""Every kind of job here with what it is given."""


def handlers(engine: Engine) -> dict[str, Handler]:
    """The kinds of jobs that tidy up."""
    return {"tidy": partial(do_tidy, engine)}


def do_tidy(engine: Engine, job: Job) -> None:
    """Remove what is left of runs of more than a month ago."""
    with begin(engine) as connection:
        runs.tidy(connection, FORGET_DAYS)
        jobs.finish(connection, job)
