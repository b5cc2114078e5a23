"""`make chaos`: a random schedule of faults on a whole installation, from a seed that is printed and can be given again.

    python -m tests.faults.chaos [--seed N] [--seconds S] [--seeds N]

Twice, with days between them by Stripe's clock: faults strike for half of the time, then they stop, everything must be done within some
minutes, and the content must be the same to the byte as when nothing ever went wrong. In each half PostgreSQL fails over at least once, to a
real standby that lacks the last commits. Where somebody reads everything again on a later day, what was seen again that day is left out of
the comparison. Exit 0 when all came out the same, 1 when it didn't.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import redis
from sqlalchemy import text

from integrations.sandbox.api.faults import Fault
from integrations.sandbox.sandbox import Sandbox
from integrations.store.db.engine import begin, read
from metrics.ledger.basis import Basis
from tests.faults.conftest import undisturbed
from tests.faults.plant import BUSINESS, Plant, Process, TooLate, differences, standing
from tests.faults.test_database import terminate
from tests.services.postgres import create_database
from tests.services.redis import RedisServer
from tests.services.replicated import Replicated
from worker.execution import log
from worker.figures import rollup

FIRST: Final = "2024-06-20T06:00:00Z"
SECOND: Final = "2024-06-23T06:00:00Z"
SETTLE_SECONDS: Final = 240.0
"""A night stands still when for so long nothing was got done."""
MOST_SECONDS: Final = 1800.0
"""A night that goes round in circles does something all the time."""

Act = Callable[["World"], None]


@dataclass
class World:
    """The installation and what a schedule may do to it. Sleeping is part of some faults, so the schedule only says what comes next."""

    plant: Plant
    server: Replicated
    chance: random.Random
    workers: dict[str, Process] = field(default_factory=dict)
    beats: list[Process] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    """How many transactions each failover lost."""

    def worker(self, name: str) -> None:
        """There is a living worker of this name."""
        held = self.workers.get(name)
        if held is None or held.popen.poll() is not None:
            self.workers[name] = self.plant.worker(name)

    def some_worker(self) -> Process:
        """One of the workers."""
        return self.workers[self.chance.choice(sorted(self.workers))]

    def repair(self) -> None:
        """Everything that should run runs, and nothing is stopped, frozen or refused."""
        for name in ("one", "two"):
            self.worker(name)
        for worker in self.workers.values():
            for pid in (worker.pid, *worker.children()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        self.beats = [beat for beat in self.beats if beat.popen.poll() is None] or [self.plant.beat()]
        self.plant.stripe.faults.clear()


# --- what may happen ---------------------------------------------------------------------------------------------------------------


def kill_child(world: World) -> None:
    """kill -9 of a pool's child."""
    for pid in world.some_worker().children()[:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def kill_worker(world: World) -> None:
    """kill -9 of a worker; a new one is started."""
    worker = world.some_worker()
    worker.popen.kill()
    worker.popen.wait(10)
    world.worker(worker.name)


def end_worker(world: World) -> None:
    """SIGTERM to a worker; a new one is started when it has ended."""
    worker = world.some_worker()
    worker.signal(signal.SIGTERM)
    worker.wait(40)
    world.worker(worker.name)


def stop_and_go_on(world: World) -> None:
    """SIGSTOP for longer or shorter than a lease, then SIGCONT."""
    worker = world.some_worker()
    stopped = [worker.pid, *worker.children()]
    for pid in stopped:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    time.sleep(world.chance.uniform(0.5, 8.0))
    for pid in stopped:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def kill_beat(world: World) -> None:
    """kill -9 of beat; a new one is started after a while."""
    for beat in world.beats:
        beat.end()
    time.sleep(world.chance.uniform(0.0, 3.0))
    world.beats = [world.plant.beat()]


def second_beat(world: World) -> None:
    """One more beat."""
    if len(world.beats) < 3:
        world.beats.append(world.plant.beat())


def kill_redis(world: World) -> None:
    """Redis dies with what it held."""
    world.plant.redis.kill()
    time.sleep(world.chance.uniform(0.0, 3.0))
    world.plant.redis.start()


def empty_redis(world: World) -> None:
    """FLUSHALL."""
    with redis.Redis.from_url(world.plant.redis.url) as client:
        client.flushall()


def freeze_redis(world: World) -> None:
    """Redis says nothing for a while."""
    world.plant.redis.freeze()
    time.sleep(world.chance.uniform(0.5, 6.0))
    world.plant.redis.thaw()


def end_backends(world: World) -> None:
    """Every connection to the database is ended."""
    terminate(world.plant)


def crash_database(world: World) -> None:
    """PostgreSQL crashes and comes back."""
    world.server.crash()
    time.sleep(world.chance.uniform(0.0, 3.0))
    world.server.start()


def fail_over(world: World) -> None:
    """PostgreSQL fails over to its standby, which was sent nothing of the last transactions: as many as there come while somebody waits."""
    wanted, deadline = world.chance.randint(1, 40), time.monotonic() + 60
    world.server.hold_back()
    while world.server.held_back() < wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    world.lost.append(world.server.fail_over())


def trouble_at_stripe(world: World) -> None:
    """One or more of Stripe's faults, for some requests."""
    path = world.chance.choice(["/v1/", "/v1/invoices", "/v1/subscriptions", "/v1/events", "/v1/customers"])
    kind = world.chance.choice(["rate_limit", "error", "reset", "cut", "cut_json", "html", "slow", "drip", "more_lost", "repeat"])
    status = world.chance.choice([500, 502, 503])
    seconds = world.chance.uniform(0.1, 1.5)
    world.plant.stripe.faults.add(Fault(kind, path, times=world.chance.randint(1, 6), status=status, seconds=seconds))


def backfill(world: World) -> None:
    """Somebody reads everything again, at the same time."""
    world.plant.command("backfill", "run")


def interrupt_backfill(world: World) -> None:
    """Somebody begins a backfill and stops it with Ctrl-C; the rest is gone on with later."""
    begun = world.plant.command("backfill", "run")
    time.sleep(world.chance.uniform(1.0, 3.0))
    if begun.popen.poll() is None:
        begun.signal(signal.SIGINT)


ACTS: Final[dict[str, tuple[int, Act]]] = {
    act.__name__: (weight, act)
    for weight, act in (
        (6, kill_child),
        (3, kill_worker),
        (2, end_worker),
        (4, stop_and_go_on),
        (2, kill_beat),
        (1, second_beat),
        (2, kill_redis),
        (2, empty_redis),
        (2, freeze_redis),
        (4, end_backends),
        (2, crash_database),
        (3, fail_over),
        (8, trouble_at_stripe),
        (1, backfill),
        (1, interrupt_backfill),
    )
}
"""What may happen, and how often."""


def schedule(seed: int, seconds: float) -> list[tuple[float, str]]:
    """When which act comes: a pure function of the seed. One of them at least is a failover."""
    chance = random.Random(seed)
    names, weights = list(ACTS), [weight for weight, _ in ACTS.values()]
    out, at = [], chance.uniform(0.5, 3.0)
    while at < seconds:
        out.append((round(at, 2), chance.choices(names, weights)[0]))
        at += chance.expovariate(1 / 2.5)
    if out and fail_over.__name__ not in {name for _, name in out}:
        chosen = chance.randrange(len(out))
        out[chosen] = (out[chosen][0], fail_over.__name__)
    return out


# --- a run of it -------------------------------------------------------------------------------------------------------------------


def run(seed: int, seconds: float, say: Callable[[str], None]) -> bool:
    """One schedule; whether everything came out right. `say` gets a line for each act and for each half."""
    with ExitStack() as over:
        folder = Path(over.enter_context(tempfile.TemporaryDirectory(prefix="nrr-chaos-")))
        with Sandbox(BUSINESS, now=FIRST) as quiet:
            wanted = {FIRST: undisturbed(_made(folder / "first"), quiet)}
            quiet.set_now(FIRST)
            wanted[SECOND] = undisturbed(_made(folder / "second"), quiet, SECOND)
        server, broker = Replicated(), RedisServer()
        over.callback(server.stop)
        over.callback(broker.stop)
        broker.start()
        address = create_database(server.dsn("postgres"), "nrr").replace("postgresql://", "postgresql+psycopg://")
        stripe = over.enter_context(Sandbox(BUSINESS, now=FIRST, latency_seconds=0.1))
        plant = over.enter_context(standing(_made(folder / "plant"), address, broker, stripe, NRR_SYNC_MINUTES="1"))
        world = World(plant, server, random.Random(seed))
        for number, (moment, content) in enumerate(wanted.items()):
            stripe.set_now(moment)
            _age(plant)
            world.repair()
            if not _phase(world, schedule(seed + 1_000_003 * number, seconds / 2), content, moment, number + 1, say):
                return False
    return True


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _phase(
    world: World, acts: Sequence[tuple[float, str]], wanted: list[str], moment: str, nights: int, say: Callable[[str], None]
) -> bool:
    began = time.monotonic()
    for at, name in acts:
        time.sleep(max(0.0, began + at - time.monotonic()))
        say(f"  {time.monotonic() - began:6.1f}  {name}")
        try:
            ACTS[name][1](world)
        except TooLate as error:
            say(f"FAILED at {moment}: {error}")
            return False
    world.repair()
    quiet = time.monotonic()
    try:
        _end_backfill(world)
        _end_night(world.plant, nights)
    except TooLate as error:
        say(f"FAILED at {moment}: {error}")
        return False
    found = world.plant.dump()
    if nights > 1 and _read_again(world.plant):
        wanted, found = without_sightings(wanted), without_sightings(found)
    wrong = differences(wanted, found) or _broken(world.plant)
    told = f"{len(acts)} faults, {sum(world.lost)} transactions lost in {len(world.lost)} failovers"
    say(f"  {moment}: {told}, done {time.monotonic() - quiet:.1f} s after the last one: {wrong or 'the same to the byte'}")
    world.lost.clear()
    return not wrong


def _end_night(plant: Plant, nights: int) -> None:
    """Wait for so many nights and for whatever is left, as long as anything is got done: slowness is no fault. Raises TooLate."""
    ends = time.monotonic() + MOST_SECONDS
    moved, since = plant.moved(), time.monotonic()
    while not (plant.runs("nightly", "done") >= nights and plant.settled()):
        now = time.monotonic()
        if (found := plant.moved()) != moved:
            moved, since = found, now
        if now - since > SETTLE_SECONDS or now > ends:
            held = f"for {now - since:.0f} s nothing was got done" if now < ends else f"not done after {MOST_SECONDS:g} s"
            raise TooLate(f"the night does not end: {held}\n{plant.standing_still()}")
        time.sleep(0.3)


def _end_backfill(world: World) -> None:
    """A backfill that was interrupted is gone on with: its run is open until then."""
    for process in world.plant.processes:
        if process.name.startswith("nrr-backfill") and process.popen.poll() is None:
            process.wait(SETTLE_SECONDS)
    if world.plant.query("SELECT 1 FROM run WHERE kind = 'backfill' AND status = 'running'"):
        world.plant.command("backfill", "resume").wait(SETTLE_SECONDS)


def _read_again(plant: Plant) -> bool:
    """Whether somebody began to read everything again in this half: what was done before was done an hour ago or longer."""
    return bool(plant.query("SELECT 1 FROM run WHERE kind = 'backfill' AND started_at > now() - interval '55 minutes'"))


def without_sightings(lines: Sequence[str]) -> list[str]:
    """A dump without what a listing of everything on a later day adds by itself: that what nobody else lists (a subscription that has ended)
    was seen again so, and which coupons were met inside others before their list was read."""
    rows = [json.loads(line) for line in lines]
    kept = [row for row in rows if not (row["table"] == "catalog" and row["rank"] == 0)]
    return sorted(json.dumps({name: value for name, value in row.items() if name not in ("seen", "seen_until")}) for row in kept)


def _broken(plant: Plant) -> str:
    """What is wrong besides the content: identities that don't hold, messages that stand twice in the outbox."""
    with read(plant.engine) as connection:
        outcome = rollup.outcome(connection, Basis())
    if outcome is None or outcome.broken:
        return "no figures were made" if outcome is None else f"{outcome.broken} identities are broken"
    twice = plant.query('SELECT rule FROM outbox GROUP BY rule, segment, "window", transition, channel HAVING count(*) > 1')
    return f"messages stand twice in the outbox: {twice}" if twice else ""


def _age(plant: Plant) -> None:
    """Whatever was done was done an hour ago, so that everything is due again."""
    with begin(plant.engine) as connection:
        connection.execute(
            text("UPDATE run SET started_at = started_at - interval '1 hour', finished_at = finished_at - interval '1 hour'")
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run schedules and say how they came out."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, help="the first seed (default: a random one)")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after another")
    parser.add_argument("--seconds", type=float, default=90.0, help="for how long faults strike")
    parser.add_argument("--quiet", action="store_true", help="one line for each seed")
    options = parser.parse_args(arguments)
    log.configure(style="json", level="error")
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    failed = []
    for seed in range(first, first + options.seeds):
        said: list[str] = []
        sys.stdout.write(f"seed {seed} ({options.seconds:g} s)\n")
        sys.stdout.flush()

        def say(line: str, said: list[str] = said) -> None:
            said.append(line)
            if not options.quiet:
                sys.stdout.write(line + "\n")
                sys.stdout.flush()

        good = run(seed, options.seconds, say)
        if not good:
            failed.append(seed)
        if options.quiet:
            sys.stdout.write("\n".join(said[-1:] if good else said) + "\n")
    sys.stdout.write(f"{options.seeds - len(failed)} of {options.seeds} came out the same; failed: {failed or 'none'}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
