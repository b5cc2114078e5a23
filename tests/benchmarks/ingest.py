"""Reading a whole account into PostgreSQL: the product beside what the machine can do, the SDK, and a public engine.

`make bench-ingest`, or `python -m tests.benchmarks.ingest --customers 20000`. All contenders read the same account from the same
server in the same run, so the ratios say something wherever it runs; the seconds don't. Every row is counted at the end and every
customer's MRR derived and compared. Two servers: one that answers at once, and one that is limited as Stripe is.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import account_check as check
from tests.benchmarks import ingest_account as account
from tests.benchmarks import ingest_peer
from tests.benchmarks.account_database import Databases, cpu_seconds_of, databases
from tests.benchmarks.contender import Result, Server, run
from tests.benchmarks.ingest_server import ACCOUNT_PER_SECOND, ENDPOINT_PER_SECOND

PAGE = 100
PEER_CUSTOMERS = 500
SDK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: the contender's own figures, and the database's and the server's CPU meanwhile. `objects` are counted once each."""

    name: str
    result: Result
    objects: int
    database_seconds: float = 0.0
    server_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Objects a second."""
        return self.objects / self.result.seconds

    def micros(self, seconds: float) -> float:
        """Microseconds for one object."""
        return seconds / self.objects * 1e6


def say(text: str = "") -> None:
    """Print a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def measure(name: str, module: str, server: Server, store: Databases, objects: int | None, *arguments: str) -> tuple[Measured, str]:
    """Run a contender against a fresh database; gives what it took and the database."""
    database = store.fresh()
    before = store.cpu_seconds(), cpu_seconds_of(server.pid)
    result = run(f"tests.benchmarks.{module}", "--base", server.base, "--database", database, *arguments)
    after = store.cpu_seconds(), cpu_seconds_of(server.pid)
    counted = result.objects if objects is None else objects
    return Measured(name, result, counted, after[0] - before[0], after[1] - before[1]), database


def line(each: Measured, base: float | None = None) -> None:
    """One contender's figures, beside `base` objects a second."""
    r = each.result
    beside = f"{each.per_second / base:6.0%}" if base else "      "
    say(
        f"  {each.name:<28}{each.per_second:>9,.0f}/s {beside}  {r.seconds:7.1f} s  worker {each.micros(r.cpu_seconds):6.1f} µs"
        f"  database {each.micros(each.database_seconds):5.1f} µs  server {each.micros(each.server_seconds):5.1f} µs  {r.peak_mib:6.1f} MiB"
    )


def row(what: str, now: float, before: float, limit: float, unit: str) -> None:
    """A figure beside what it was on a quiet machine with two cores before reading was made cheaper, and what the limit is in this run."""
    say(f"  {what:<34} now {now:8.1f} {unit:<4} before {before:8.1f}  limit {limit:8.1f}  now ÷ limit {now / limit:5.2f}")


def right(name: str, found: check.Checked) -> bool:
    """Say whether what was read is what there was."""
    if found.wrong:
        say(f"  {name}: WRONG: {'; '.join(found.wrong)}")
        return False
    derived = f", {found.customers:,} customers with {found.mrr_micros / 1e6:,.2f} of MRR" if found.customers else ""
    say(f"  {name}: all {sum(found.rows.values()):,} rows are there{derived}")
    return True


# --- a server that answers at once -------------------------------------------------------------------------------------------------


def at_once(customers: int, rounds: int, store: Databases, *, peer: bool) -> bool:
    """Everybody at full speed; the best of `rounds`, taken in turns, since other work on the machine only ever slows down."""
    objects = check.objects(customers)
    server = Server(customers)
    say(f"at once: {objects:,} objects of {customers:,} customers, two cores or what there is ({os.cpu_count()})")
    loop: list[Measured] = []
    threads: list[Measured] = []
    product: list[Measured] = []
    good = True
    try:
        for _ in range(rounds):
            for name, module, into, extra in (
                ("bare loop", "ingest_bare", loop, ()),
                ("product", "ingest_product", product, ()),
                ("bare loop, a thread a list", "ingest_bare", threads, ("--threads",)),
            ):
                found, database = measure(name, module, server, store, objects, *extra)
                into.append(found)
                line(found)
                last = len(product) == rounds and module == "ingest_product"
                good &= right(name, check.check_all(database, customers) if last else check.check_rows(database, customers))
        sdk = run("tests.benchmarks.ingest_sdk", "--base", server.base, "--seconds", str(SDK_SECONDS))
        say("best of each, beside the bare loop:")
        bare = max(each.per_second for each in loop)
        for many in (loop, threads, product):
            line(max(many, key=lambda each: each.per_second), bare)
        line(Measured("SDK's auto-paging, no store", sdk, sdk.objects), bare)
        best = max(product, key=lambda each: each.per_second)
        of_loop = min(each.micros(each.result.cpu_seconds) for each in loop)
        row("at once: CPU an object", min(each.micros(each.result.cpu_seconds) for each in product), 140.0, of_loop, "µs")
        row("at once: objects a second", best.per_second, 5_900.0, bare, "/s")
        say(f"  product beside the SDK's paging: {best.per_second / sdk.per_second:.1f}×")
        if peer:
            public_engine(bare)
        shares(measure("product", "ingest_product", server, store, objects, "--profile")[0])
    finally:
        server.close()
    return good


def shares(profiled: Measured) -> None:
    """Where the worker's CPU goes, from a run of its own that is slowed by looking."""
    total = sum(profiled.result.shares.values())
    say(
        f"where the worker's CPU goes (a run of its own, {profiled.micros(profiled.result.cpu_seconds):.0f} µs an object with the looking):"
    )
    for name, seconds in profiled.result.shares.items():
        if seconds / total >= 0.01:
            say(f"  {seconds / total:6.1%}  {name}")


def public_engine(bare: float) -> None:
    """dlt, installed into a folder of its own that is thrown away, on a small account: it takes minutes for a large one."""
    with tempfile.TemporaryDirectory(prefix="nrr-peer-") as name:
        folder = Path(name)
        python = folder / "venv" / "bin" / "python"
        try:
            subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, timeout=120)
            subprocess.run(
                [str(python), "-m", "pip", "install", "-q", ingest_peer.PACKAGE], check=True, timeout=600, capture_output=True
            )
        except (subprocess.SubprocessError, OSError) as error:
            say(f"  {ingest_peer.PACKAGE} could not be installed and is left out: {error}")
            return
        server = Server(PEER_CUSTOMERS)
        try:
            with databases() as store:
                script = str(Path(ingest_peer.__file__))
                # It insists on a password; the server trusts this machine.
                database = store.fresh(migrated=False).replace("@", ":unused@")
                found = run_script(str(python), script, server.base, database, folder=folder)
                whole = PEER_CUSTOMERS * (2 + account.MONTHS)
                line(Measured(f"dlt {found.more.get('version')}, {PEER_CUSTOMERS} customers", found, found.objects), bare)
                if found.objects != whole:
                    say(f"  dlt: {found.objects} objects, not {whole}")
        except subprocess.CalledProcessError as error:
            say(f"  {ingest_peer.PACKAGE} did not finish: {str(error.stderr)[-500:]}")
        finally:
            server.close()


def run_script(python: str, script: str, *arguments: str, folder: Path) -> Result:
    """Run a contender that is a script of its own, in its own folder."""
    import json

    env = {**{k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}, "RUNTIME__DLTHUB_TELEMETRY": "false"}
    done = subprocess.run(
        [python, script, *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=900, check=True
    )
    return Result(**json.loads(done.stdout.splitlines()[-1]))


# --- a server that is limited as Stripe is -------------------------------------------------------------------------------------------


def _pages(customers: int) -> dict[str, float]:
    """The fewest pages of each list, with the second list of canceled subscriptions."""
    return {
        "invoices": customers * account.MONTHS / PAGE,
        "subscriptions": (customers + customers // 2) / PAGE,
        "customers": customers / PAGE,
    }


def pages_of(customers: int) -> float:
    """The fewest requests that read the account."""
    return sum(_pages(customers).values())


def allowed_seconds(customers: int) -> float:
    """The shortest time in which the limits let anybody read the account."""
    pages = _pages(customers)
    return max(sum(pages.values()) / ACCOUNT_PER_SECOND, *(count / ENDPOINT_PER_SECOND for count in pages.values()))


def limited(customers: int, store: Databases) -> bool:
    """The product against Stripe's limits: how much of what they allow it takes, and how often it is refused."""
    server = Server(customers, "--limited")
    objects = check.objects(customers)
    say(f"limited as Stripe is: {ACCOUNT_PER_SECOND}/s in all, {ENDPOINT_PER_SECOND}/s a list, half a second an answer")
    try:
        found, database = measure("product", "ingest_product", server, store, objects, "--limited")
        sdk = run("tests.benchmarks.ingest_sdk", "--base", server.base, "--seconds", str(SDK_SECONDS))
    finally:
        told = server.close()
    ideal = objects / allowed_seconds(customers)
    line(found, ideal)
    line(Measured("SDK's auto-paging, no store", sdk, sdk.objects), ideal)
    say(f"  the limits allow {ideal:,.0f}/s: {allowed_seconds(customers):.1f} s for this account")
    asked = found.result.more["requests"]
    row("limited: the whole read", found.result.seconds, 66.0, allowed_seconds(customers), "s")
    row("limited: CPU an object", found.micros(found.result.cpu_seconds), 133.0, 120.0, "µs")
    row("limited: most memory", found.result.peak_mib, 184.0, 150.0, "MiB")
    say(
        f"  requests: {asked}, {asked / pages_of(customers):.2f} for each of the {pages_of(customers):,.0f} pages of this account's lists"
    )
    say(
        f"  refused: {found.result.more['throttled']} of {asked} requests ({found.result.more['throttled'] / asked:.2%}); the server says {told['refused']}"
    )
    return right("product", check.check_all(database, customers))


def main() -> int:
    """Run both; 0 if everything that was read was right."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=["at-once", "limited"])
    parser.add_argument("--no-peer", action="store_true", help="leave the public engine out, which has to be installed first")
    given = parser.parse_args()
    parts: list[Callable[[Databases], bool]] = []
    if given.only != "limited":
        parts.append(lambda store: at_once(given.customers, given.rounds, store, peer=not given.no_peer))
    if given.only != "at-once":
        parts.append(lambda store: limited(given.customers, store))
    with databases() as store:
        good = [part(store) for part in parts]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
