"""From facts to the ledger, job by job: whom to derive again, deriving them, saying that the ledger is complete.

The ledger is a pure function of the facts, the basis and the moment as of which it is derived, so every job here replaces whole customers
and may be done twice. A run derives the customers that were marked since the last one and those whose MRR changes because a moment has
passed; a basis that is new, a rebuild, or a moment before the last one, is derived whole, in shards of buckets. Which evidence means what
is the engine's business.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from sqlalchemy import Connection, Engine

from integrations.store.db.chunks import chunks
from integrations.store.db.clock import now as database_now
from integrations.store.db.engine import begin, read
from integrations.store.db.words import bucket_of
from integrations.store.facts import accounts, catalog, marks
from integrations.store.facts import read as read_facts
from integrations.store.facts.customers import customer_merge
from integrations.store.ledger import bases as ledger_bases
from integrations.store.ledger import write as write_ledger
from integrations.store.work import jobs, key_value
from integrations.store.work.jobs import Job
from metrics.entries import CustomerLedger
from metrics.evidence import CustomerGroup, CustomerState, Instant
from metrics.ledger.basis import Basis
from metrics.ledger.derive import Deriver, metadata_of
from metrics.ledger.stored_basis import choices_of
from worker.execution.crew import Handler
from worker.execution.job_data import JobData, read_as, stored
from worker.execution.stop import Stop
from worker.figures import addable
from worker.figures.jobs import DeriveMark, DerivePlan, DeriveShard, DeriveTouched

CUSTOMERS_AT_ONCE: Final = 1_000
"""Customers that one job derives in memory and writes in one transaction."""

MOST_SHARDS: Final = 512
RULE_SHARDS: Final = 64
"""A new rule for who is whom looks at everybody, in so many parts."""

CLOCKS_DIFFER_SECONDS: Final = 900
"""Workers' clocks may differ by so much. A moment further back than this before the last derivation is meant: then all is derived anew."""

MOST_TRIES: Final = 3
_DROPPED: Final = "derive:dropped"
"""Under this name the last mark is remembered that was ever removed."""

KINDS: Final = ("derive_plan", "derive_shard", "derive_touched", "derive_mark")


@dataclass(frozen=True, slots=True)
class Deriving:
    """What deriving needs."""

    engine: Engine
    stop: Stop
    basis: Basis
    now: Instant
    kept: tuple[Basis, ...] = ()
    """Further bases that are kept up to date; any other one that was derived once is derived anew when somebody asks for it."""
    reporting_currency: str | None = None
    """What all currencies are expressed in, if they are."""
    priced: dict[str, tuple[tuple[int, int], Deriver]] = field(default_factory=dict, repr=False, compare=False)
    """By basis the deriver of the job before and the catalog that it knows: most compositions come again, in other customers."""

    def deriver(self, connection: Connection, basis: Basis, known: tuple[int, int]) -> Deriver:
        """A deriver that knows the catalog as it is in the state `known`, which is how `connection` sees it."""
        held = self.priced.get(basis.version)
        if held is None or held[0] != known:
            held = self.priced[basis.version] = known, deriver_of(connection, basis)
        return held[1]


def handlers(deriving: Deriving) -> dict[str, Handler]:
    """The kinds of jobs that derive."""
    return {
        "derive_plan": partial(do_plan, deriving),
        "derive_shard": partial(do_shard, deriving),
        "derive_touched": partial(do_touched, deriving),
        "derive_mark": partial(do_mark, deriving),
    }


def first_job(
    *,
    stage: int = 0,
    rebuild: bool = False,
    basis: Basis | None = None,
    now: Instant | None = None,
    merely_read: bool = False,
    dedupe_key: str | None = None,
) -> Job:
    """The job that a derivation begins with, of the basis that is set (and those kept) or of another one; as of `now`, or of when it is done."""
    return Job(
        "derive_plan", 0, stage=stage, data=stored(DerivePlan(rebuild, basis, now, merely_read or None)), dedupe_key=dedupe_key
    )


def is_complete(connection: Connection, basis: Basis) -> bool:
    """Whether the ledger of a basis was derived to its end and nothing has outdated it as a whole since."""
    found = ledger_bases.everything(connection).get(basis.version)
    return found is not None and found.derived_at is not None


# --- planning ---------------------------------------------------------------------------------------------------------------------


def do_plan(deriving: Deriving, job: Job) -> None:
    """Decide who is derived, and write it down as jobs of the same run in the stages after this one."""
    asked = read_as(DerivePlan, job)
    wanted = [asked.basis] if asked.basis is not None else [deriving.basis, *deriving.kept]
    with begin(deriving.engine) as connection:
        # In a transaction of its own: nobody who stores facts is kept waiting until the plan is written.
        customers, last_mark = marks.planned_customers(connection)
    with begin(deriving.engine) as connection:
        jobs.hold(connection, job)
        for basis in wanted:
            ledger_bases.put(connection, basis.version, basis.policy.name, choices_of(basis))
        named = _assign(connection, wanted[0], customers, everybody=asked.rebuild)
        held = ledger_bases.everything(connection)
        wished = asked.now or deriving.now
        # How far Stripe has been read lies behind a ledger that was derived since without reading: that is no wish to go back.
        latest = max(wished, Instant(int(database_now(connection).timestamp()))) if asked.merely_read else wished
        now = _as_of([held[basis.version] for basis in wanted], wished, latest)
        whole = [basis for basis in wanted if asked.rebuild or not _goes_on(held[basis.version], now)]
        made: list[Job] = []
        if whole:
            shards = shards_of(connection)
            for basis in whole:
                made += [
                    _job(job, 1, "derive_shard", DeriveShard(basis, now, shards, shard), basis, shard) for shard in range(shards)
                ]
        for basis in wanted:
            if basis not in whole:
                made += _again(connection, job, basis, named, now)
        done = DeriveMark(tuple(basis.version for basis in wanted), now, max(last_mark, _dropped(connection)))
        done = replace(done, whole=tuple(basis.version for basis in whole) or None)
        if asked.basis is None:
            # The marks fall with the last job of this run: until then they say what is still to be done.
            done = replace(done, marks_until=last_mark)
            if customers:
                _outdate(connection, lambda row: row.version not in done.versions)
        made.append(_job(job, 2, "derive_mark", done))
        jobs.add(connection, made)
        jobs.finish(connection, job)


def _as_of(rows: Sequence[ledger_bases.BasisRow], wished: Instant, latest: Instant) -> Instant:
    """The moment as of which to derive: not before what has been derived already, up to `latest` and what workers' clocks may differ by."""
    known = [row.derived_until for row in rows if row.derived_until is not None]
    return max([wished, *(until for until in known if until <= latest + CLOCKS_DIFFER_SECONDS)])


def _goes_on(row: ledger_bases.BasisRow, now: Instant) -> bool:
    """Whether a ledger can be brought up to date customer by customer: it is complete, and not of a later moment."""
    return row.derived_at is not None and row.derived_until is not None and row.derived_until <= now


def _job(after: Job, stage: int, kind: str, data: JobData, basis: Basis | None = None, number: int = 0) -> Job:
    key = f"{after.run_id}:{after.id}:{kind}:{basis.version if basis else ''}:{number}"
    return Job(kind, after.run_id, stage=after.stage + stage, stream="customers", data=stored(data), dedupe_key=key)


def shards_of(connection: Connection) -> int:
    """In how many shards everybody is derived, so that memory stays bounded."""
    return max(1, min(MOST_SHARDS, -(-read_facts.count_customers(connection) // CUSTOMERS_AT_ONCE)))


def _again(connection: Connection, job: Job, basis: Basis, named: set[str], now: Instant) -> list[Job]:
    """Jobs for those of whom something new is known and for those whose moment has come."""
    everybody = {*named, *ledger_bases.due_again(connection, basis.version, now, 1 << 30)}
    ordered = sorted(everybody, key=lambda name: (bucket_of(name), name))
    return [
        _job(
            job,
            1,
            "derive_touched",
            DeriveTouched(basis, now, tuple(names), part * CUSTOMERS_AT_ONCE),
            basis,
            part * CUSTOMERS_AT_ONCE,
        )
        for part, names in enumerate(chunks(ordered, CUSTOMERS_AT_ONCE))
    ]


def _outdate(connection: Connection, which: Callable[[ledger_bases.BasisRow], bool]) -> None:
    """Say of bases that their ledgers aren't complete any more."""
    for version, row in ledger_bases.everything(connection).items():
        if row.derived_at is not None and which(row):
            ledger_bases.mark_derived(connection, version, None, None)


# --- who is whom --------------------------------------------------------------------------------------------------------------


def _assign(
    connection: Connection, basis: Basis, customers: Sequence[customer_merge.StripeCustomer], *, everybody: bool
) -> set[str]:
    """Give Stripe customers their names in the ledger; gives whom to derive: the names of `customers`, and all that gained or lost a part."""
    changed: set[str] = set()
    if customer_merge.rule(connection) != basis.merge_key:
        _outdate(connection, lambda row: row.choices.get("merge_key") != basis.merge_key)
        everybody = True
    if everybody and (basis.merge_key is not None or customer_merge.any_member(connection)):
        for shard in range(RULE_SHARDS):
            found = customer_merge.all_states(connection, (shard, RULE_SHARDS))
            changed |= customer_merge.assign(connection, {each: _name(basis, each[1], states) for each, states in found})
    customer_merge.keep_rule(connection, basis.merge_key)
    if basis.merge_key is None:
        return changed | {customer for _, customer in customers}
    states = customer_merge.states(connection, customers)
    given = {each: _name(basis, each[1], states.get(each, ())) for each in customers}
    return changed | customer_merge.assign(connection, given) | set(given.values())


def _name(basis: Basis, customer: str, states: tuple[CustomerState, ...]) -> str:
    return basis.customer_name(customer, metadata_of(states))


# --- deriving -----------------------------------------------------------------------------------------------------------------


class CatalogMoved(RuntimeError):
    """Prices or coupons became known while customers were derived, again and again: nothing was written, and it has to be done again."""


def do_shard(deriving: Deriving, job: Job) -> None:
    """Derive every customer of one shard of buckets, in the place of whatever was there."""
    asked = read_as(DeriveShard, job)
    version, shard = asked.basis.version, (asked.shard, asked.shards)
    with _derived(deriving, job, asked, lambda connection: read_facts.groups(connection, shard=shard)) as (connection, ledgers):
        write_ledger.clear_shard(connection, version, shard)
        write_ledger.replace_customers(connection, version, [each.customer for each in ledgers], ledgers, fresh=True)
        jobs.progressed(connection, job, objects=len(ledgers))
        jobs.finish(connection, job)


def do_touched(deriving: Deriving, job: Job) -> None:
    """Derive some customers again; one of whom nothing is left loses what it had."""
    asked = read_as(DeriveTouched, job)
    version, names = asked.basis.version, asked.names
    with _derived(deriving, job, asked, lambda connection: read_facts.groups(connection, only=names)) as (connection, ledgers):
        write_ledger.replace_customers(connection, version, names, ledgers)
        jobs.progressed(connection, job, objects=len(names))
        jobs.finish(connection, job)


@contextmanager
def _derived(
    deriving: Deriving,
    job: Job,
    asked: DeriveShard | DeriveTouched,
    groups: Callable[[Connection], Iterator[CustomerGroup]],
) -> Iterator[tuple[Connection, list[CustomerLedger]]]:
    """The ledgers of some customers, with the transaction in which they are written under the job's token.

    Whoever brings a price looks in the ledger for those who lack it. So what is written must rest on the catalog as it is then: a
    customer would wait for ever for a price that came after it was derived and before it was written.
    """
    for _ in range(MOST_TRIES):
        with read(deriving.engine) as connection:
            known = catalog.state(connection)
            deriver = deriving.deriver(connection, asked.basis, known)
            # Read at once: while many derive side by side, SQLite's writer waits for everybody who reads.
            pending = deque(groups(connection))
        ledgers = []
        while pending:
            deriving.stop.check()
            ledgers.append(deriver.derive(pending.popleft(), asked.now))
        with begin(deriving.engine) as connection:
            jobs.hold(connection, job)
            catalog.keep_still(connection)
            if catalog.state(connection) == known:
                yield connection, ledgers
                return
    raise CatalogMoved(f"prices became known {MOST_TRIES} times while job {job.id} derived: it is done again later")


def do_mark(deriving: Deriving, job: Job) -> None:
    """The ledgers are complete: say so, and remove the marks that this run has dealt with.

    Nothing is said when another run has dealt with later marks since this one was planned: what this run wrote may lack them.
    """
    asked = read_as(DeriveMark, job)
    with begin(deriving.engine) as connection:
        jobs.hold(connection, job)
        if _dropped(connection) <= asked.marks_seen:
            for version in asked.versions:
                if version in (asked.whole or ()):
                    addable.leave_out(connection, version, deriving.reporting_currency, whole=True)
                ledger_bases.mark_derived(connection, version, database_now(connection), asked.now)
            if asked.marks_until is not None:
                marks.drop_touched_until(connection, asked.marks_until)
                key_value.put(connection, _DROPPED, asked.marks_until)
        jobs.finish(connection, job)


def _dropped(connection: Connection) -> int:
    """The last mark that was ever removed."""
    return int(key_value.get(connection, _DROPPED) or 0)


def deriver_of(connection: Connection, basis: Basis) -> Deriver:
    """A deriver with the catalogs of all accounts as they hold."""
    return Deriver({row.id: catalog.load(connection, row.id) for row in accounts.everything(connection)}, basis)
