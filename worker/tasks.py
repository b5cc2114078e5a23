"""The tasks: what a message asks for. Each hands the work to the step that the command line and the tests use too."""

from worker.app import app, nudge, seen, wired
from worker.config.celery_config import SEEN, TICK, WORK, WORK_SECONDS
from worker.config.load import load_settings
from worker.runs import steps
from worker.runs.tick import look, tick, watch


@app.task(name=TICK)  # type: ignore[untyped-decorator]  # Celery ships no types
def tick_task() -> None:
    """Open what is due, wake those who do it, and look after the health of the data."""
    settings = load_settings()
    with wired() as wiring:
        nudge(tick(wiring, sync_minutes=settings.sync_minutes), tick_seconds=settings.tick_seconds)
        if watch(wiring):
            nudge(look(wiring), tick_seconds=settings.tick_seconds)


@app.task(name=WORK)  # type: ignore[untyped-decorator]
def work_task() -> None:
    """Do jobs as long as there are some, for a while; what is left then is worth another nudge."""
    with wired() as wiring:
        steps.work(wiring, seconds=WORK_SECONDS)
        nudge(look(wiring), tick_seconds=load_settings().tick_seconds)


@app.task(name=SEEN)  # type: ignore[untyped-decorator]
def seen_task() -> None:
    """A heartbeat: this worker took a message and reached the database."""
    seen()
