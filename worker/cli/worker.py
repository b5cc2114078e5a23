"""`nrr worker`, `beat`, `exporter`, `health`, `nightly`: the processes that keep the numbers fresh, and whether they do.

Worker and beat are Celery's own commands with our application: `celery -A worker.app worker` does the same. What is checked before
they begin (settings, schema) is what would otherwise be found out by the first task.
"""

import os
import socket
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker.cli.common import Config, Json, Now, opened, progress, put_json
from worker.cli.exit_codes import Exit, Stop

if TYPE_CHECKING:
    from worker.health.freshness import Freshness

STUCK_SECONDS = 900
"""A worker that was not heard of for so long is stuck: ticks ask it several times within that."""


def worker(
    concurrency: Annotated[int | None, typer.Option(min=1, max=64, help="Processes (default: one for each processor).")] = None,
    name: Annotated[str | None, typer.Option(help="This worker's name, if several run on one machine.")] = None,
) -> None:
    """Run a Celery worker: reads Stripe, derives and rolls up, sends alerts. SIGTERM finishes the page and releases the rest."""
    _ready()
    words = ["worker", "--hostname", node(name), "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    _become_celery([*words, *(["--concurrency", str(concurrency)] if concurrency else [])])


def beat() -> None:
    """Run Celery's beat, which sends a tick every few seconds. A second one does no harm."""
    _ready()
    _become_celery(["beat", "--loglevel", "INFO"])


def node(name: str | None = None) -> str:
    """What a worker of this machine is called."""
    return f"{name or 'nrr'}@{socket.gethostname()}"


def _ready() -> None:
    """Raises BadSettings and NotMigrated now, instead of in some task later."""
    from worker.app import redis_address
    from worker.runs.database import require_current

    with opened() as context:
        redis_address(context.loaded.settings)
        require_current(context.wiring.engine)


def _become_celery(words: list[str]) -> None:
    """This very process goes on as Celery's command, so that signals and exit codes are its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "celery", "-A", "worker.app", "--quiet", *words])  # noqa: S606  # no shell is wanted


def exporter(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = 9464,
    config: Config = None,
) -> None:
    """Serve Prometheus metrics: freshness, backlog and drift, and MRR, NRR and GRR, looked up in the database at each scrape."""
    from worker.cli.gauges import BuildCollector, FiguresCollector
    from worker.execution.tuning import collect_seldom
    from worker.health import exporter as serving
    from worker.runs.database import schema_needed

    with opened(config=config) as context:
        more = (FiguresCollector(context.session), BuildCollector(schema_needed()))
        collect_seldom()
        server = serving.serve(context.wiring.engine, host=host, port=port, more=more)
        try:
            context.say(f"metrics at http://{host}:{server.server_port}/metrics; Ctrl-C ends it")
            while not context.wiring.stop.wait(3_600):
                pass
        finally:
            server.shutdown()
            server.server_close()


def health(
    worker: Annotated[str | None, typer.Option("--worker", help="Name of the worker (default: the one of this machine).")] = None,
    everywhere: Annotated[bool, typer.Option("--all", help="Every worker, the ticks and the backlog.")] = False,
    stuck_after: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="A worker whose last heartbeat is older is stuck.")
    ] = STUCK_SECONDS,
    beat: Annotated[
        bool, typer.Option("--beat", help="The beat of this machine or container, by the ticks that it has sent.")
    ] = False,
    json: Json = False,
    config: Config = None,
) -> None:
    """Check that the worker of this machine is alive (for a container's health check or a timer): exits 1 if it is stuck or absent."""
    if beat:
        _beat_health(stuck_after, json=json)
        return
    from worker.health.freshness import lines
    from worker.queries.freshness import freshness
    from worker.runs.database import require_current

    with opened(json=json, config=config) as context:
        require_current(context.wiring.engine)
        found = freshness(context.session)
        wrong = unhealthy(found, None if everywhere else (worker or node()), stuck_after)
        if json:
            put_json(
                {
                    "ok": not wrong,
                    "problems": wrong,
                    "workers": {each.name: round(each.age_seconds, 1) for each in found.workers},
                    "tick_age_seconds": found.tick_age_seconds,
                    "oldest_due_seconds": found.oldest_due_seconds,
                }
            )
        else:
            context.lines(*(wrong or ["ok"]), *(lines(found) if everywhere else ()))
        if wrong:
            raise typer.Exit(Exit.FAILED)


def _beat_health(stuck_after: float, *, json: bool) -> None:
    """Whether beat has sent a tick lately. Neither database nor Redis is asked, so it is beat alone that is judged."""
    from worker.execution.beat import sent_seconds_ago
    from worker.wiring.wiring import present

    age = sent_seconds_ago(present().timestamp())
    wrong = [] if age is not None and age <= stuck_after else [beat_trouble(age)]
    if json:
        put_json({"ok": not wrong, "problems": wrong, "sent_seconds_ago": None if age is None else round(age, 1)})
    else:
        sys.stdout.write(f"{wrong[0] if wrong else 'ok'}\n")
    if wrong:
        raise typer.Exit(Exit.FAILED)


def beat_trouble(age: float | None) -> str:
    """What is wrong with a beat whose last tick is so old."""
    if age is None:
        return "no beat of this machine has sent a tick yet"
    return f"beat is stuck, or Redis takes nothing: the last tick was sent {age:.0f} seconds ago"


def unhealthy(found: "Freshness", name: str | None, stuck_after: float) -> list[str]:
    """What is wrong, in sentences: with one worker, or with all of them, the ticks and the backlog."""
    ages = {each.name: each.age_seconds for each in found.workers}
    wanted = [name] if name is not None else sorted(ages)
    out = [
        f"worker {each} was not heard of yet: start it with `nrr worker`, or ask for all with `nrr health --all`"
        for each in wanted
        if each not in ages
    ]
    out += [
        f"worker {each} is stuck: it was last heard of {ages[each]:.0f} seconds ago"
        for each in wanted
        if ages.get(each, 0.0) > stuck_after
    ]
    if name is None:
        if not ages:
            out.append("no worker is known")
        if found.tick_age_seconds is None or found.tick_age_seconds > stuck_after:
            out.append("no tick has finished lately: is beat running, and Redis?")
        if found.oldest_due_seconds is not None and found.oldest_due_seconds > 2 * stuck_after:
            out.append(f"a job has been due for {found.oldest_due_seconds:.0f} seconds and nobody does it")
    return out


def nightly(json: Json = False, now: Now = None, config: Config = None) -> None:
    """Catch up on missed days: news, audit, ledger, figures, alerts. Without Redis, run it from cron: it is all that is needed."""
    from worker.runs import nightly as night

    with opened(json=json, now=now, config=config, key=True) as context:
        with progress("read") as told:
            done = night.run(context.wiring, progress=told)
        if done is None:
            if context.interrupted:
                raise typer.Exit(Exit.INTERRUPTED)
            _put(json, {"run": None, "status": "done", "days": []}, "no day is missing")
            return
        first, through = _days(context, done.run_id)
        data = {"run": done.run_id, "status": done.status, "first": first, "through": through, "seconds": round(done.seconds, 3)}
        _put(json, data, f"run {done.run_id} {done.status}: {first} to {through} in {done.seconds:.1f} s")
        context.finished(done)


def _put(json: bool, data: dict[str, Any], text: str) -> None:
    if json:
        put_json(data)
    else:
        sys.stdout.write(f"{text}\n")


def _days(context: Any, run_id: int) -> tuple[str, str]:
    from worker.queries.runs import run_of

    run = run_of(context.session, run_id)
    if run is None or "through" not in run.params:
        raise Stop(f"run {run_id} is no nightly run any more; run `nrr runs`")
    return str(run.params["first"]), str(run.params["through"])
