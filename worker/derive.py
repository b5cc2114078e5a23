"""From facts to the ledger, job by job: whom to derive again, deriving them, saying that the ledger is complete.

The ledger is a pure function of the facts and the basis, so every job here replaces whole customers and may be done twice. A run derives
the customers that were marked since the last one and those whose MRR changes because a moment has passed; a basis that is new, or a
rebuild, is derived in shards of buckets. Which evidence means what is the engine's business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Engine

from integrations.store import accounts, catalog, evidence, jobs, ledger, members
from integrations.store.clock import now as database_now
from integrations.store.encoding import bucket_of
from integrations.store.engine import begin, read
from integrations.store.jobs import Job
from metrics.derivation import Basis, Deriver, InternalRule, latest
from metrics.evidence import CustomerGroup, CustomerState, Instant
from metrics.ledger import CustomerLedger
from metrics.policy import Policy
from worker.jobs import Handler
from worker.stop import Stop

CUSTOMERS_AT_ONCE: Final = 1_000
"""Customers that one job derives in memory and writes in one transaction."""

MOST_SHARDS: Final = 512
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


def handlers(deriving: Deriving) -> dict[str, Handler]:
    """The kinds of jobs that derive."""
    return {
        "derive_plan": partial(do_plan, deriving),
        "derive_shard": partial(do_shard, deriving),
        "derive_touched": partial(do_touched, deriving),
        "derive_mark": partial(do_mark, deriving),
    }


def first_job(*, stage: int = 0, rebuild: bool = False, basis: Basis | None = None, dedupe_key: str | None = None) -> Job:
    """The job that a derivation begins with, of the basis that is set (and those kept) or of another one."""
    data: dict[str, Any] = {"rebuild": rebuild}
    if basis is not None:
        data["basis"] = choices_of(basis)
    return Job("derive_plan", 0, stage=stage, data=data, dedupe_key=dedupe_key)


# --- the basis as something that can be stored ------------------------------------------------------------------------------


def choices_of(basis: Basis) -> dict[str, Any]:
    """A basis as plain values."""
    return {
        "policy": asdict(basis.policy),
        "timezone": basis.timezone,
        "merge_key": basis.merge_key,
        "internal": [[rule.key, list(rule.values)] for rule in basis.internal],
        "migration_key": basis.migration_key,
    }


def basis_of(choices: Mapping[str, Any]) -> Basis:
    """The basis that plain values stand for."""
    return Basis(
        policy=Policy(**choices["policy"]),
        timezone=choices["timezone"],
        merge_key=choices["merge_key"],
        internal=tuple(InternalRule(key, tuple(values)) for key, values in choices["internal"]),
        migration_key=choices["migration_key"],
    )


def is_complete(connection: Connection, basis: Basis) -> bool:
    """Whether the ledger of a basis was derived to its end and nothing has outdated it as a whole since."""
    found = ledger.bases(connection).get(basis.version)
    return found is not None and found.derived_at is not None


# --- planning ---------------------------------------------------------------------------------------------------------------------


def do_plan(deriving: Deriving, job: Job) -> None:
    """Decide who is derived, and write it down as jobs of the same run in the stages after this one."""
    asked = job.data.get("basis")
    wanted = [basis_of(asked)] if asked else [deriving.basis, *deriving.kept]
    now = Instant(job.data.get("now") or deriving.now)
    with begin(deriving.engine) as connection:
        made: list[Job] = []
        whole = []
        customers, last_mark = evidence.touched_customers(connection)
        for basis in wanted:
            ledger.put_basis(connection, basis.version, basis.policy.name, choices_of(basis))
            if job.data.get("rebuild") or not is_complete(connection, basis):
                whole.append(basis)
        others = [basis for basis in wanted if basis not in whole]
        if whole:
            _assign_everybody(connection, whole[0])
            shards = _shards(connection)
            for basis in whole:
                data = {"basis": choices_of(basis), "now": now, "shards": shards}
                made += [_job(job, 1, "derive_shard", {**data, "shard": shard}) for shard in range(shards)]
        if others:
            named = sorted(_assign(connection, others[0], customers)) if customers else []
            made += [each for number, basis in enumerate(others) for each in _again(connection, job, basis, number, named, now)]
        done: dict[str, Any] = {"versions": [basis.version for basis in wanted], "now": now}
        if not asked:
            # The marks fall with the last job of this run: until then they say what is still to be done.
            done["marks_until"] = last_mark
            _outdate(connection, {basis.version for basis in wanted}, outdated=bool(customers))
        made.append(_job(job, 2, "derive_mark", done))
        jobs.add(connection, made)
        jobs.finish(connection, job)


def _job(after: Job, stage: int, kind: str, data: Mapping[str, Any]) -> Job:
    named = data["basis"]["policy"]["name"] if "basis" in data else ""
    number = data.get("shard", data.get("part", 0))
    key = f"{after.run_id}:{after.id}:{kind}:{named}:{number}"
    return Job(kind, after.run_id, stage=after.stage + stage, stream="customers", data=data, dedupe_key=key)


def _shards(connection: Connection) -> int:
    return max(1, min(MOST_SHARDS, -(-evidence.count_customers(connection) // CUSTOMERS_AT_ONCE)))


def _again(connection: Connection, job: Job, basis: Basis, number: int, named: Sequence[str], now: Instant) -> list[Job]:
    """Jobs for those of whom something new is known and for those whose moment has come."""
    everybody = {*named, *ledger.due_again(connection, basis.version, now, 1 << 30)}
    ordered = sorted(everybody, key=lambda name: (bucket_of(name), name))
    data = {"basis": choices_of(basis), "now": now}
    return [
        _job(job, 1, "derive_touched", {**data, "names": ordered[part : part + CUSTOMERS_AT_ONCE], "part": f"{number}.{part}"})
        for part in range(0, len(ordered), CUSTOMERS_AT_ONCE)
    ]


def _outdate(connection: Connection, kept: set[str], *, outdated: bool) -> None:
    """Say of every basis that isn't kept up to date that its ledger isn't complete any more."""
    if outdated:
        for version, row in ledger.bases(connection).items():
            if version not in kept and row.derived_at is not None:
                ledger.mark_derived(connection, version, None, None)


# --- who is whom --------------------------------------------------------------------------------------------------------------


def _assign(connection: Connection, basis: Basis, customers: Sequence[members.StripeCustomer]) -> set[str]:
    """Give Stripe customers their names in the ledger; gives whom to derive: the new names, and those that lost a part."""
    if basis.merge_key is None:
        known = members.names(connection, customers)
        if all(name == customer for (_, customer), name in known.items()):
            return set(known.values())
    states = members.states(connection, customers)
    given = {each: _name(basis, each[1], states.get(each, ())) for each in customers}
    return members.assign(connection, given)


def _assign_everybody(connection: Connection, basis: Basis) -> None:
    if basis.merge_key is None and not members.any_member(connection):
        return
    given = {each: _name(basis, each[1], states) for each, states in members.all_states(connection)}
    members.assign(connection, given)


def _name(basis: Basis, customer: str, states: tuple[CustomerState, ...]) -> str:
    state = latest(states)
    return basis.customer_name(customer, dict(state.customer.metadata) if state is not None else {})


# --- deriving -----------------------------------------------------------------------------------------------------------------


def do_shard(deriving: Deriving, job: Job) -> None:
    """Derive every customer of one shard of buckets, in the place of whatever was there."""
    basis, now = basis_of(job.data["basis"]), Instant(job.data["now"])
    shard = (int(job.data["shard"]), int(job.data["shards"]))
    with read(deriving.engine) as connection:
        deriver = deriver_of(connection, basis)
        ledgers = [_derived(deriving.stop, deriver, group, now) for group in evidence.groups(connection, shard=shard)]
    with begin(deriving.engine) as connection:
        jobs.hold(connection, job)
        ledger.clear_shard(connection, basis.version, shard)
        _replace(connection, basis, [each.customer for each in ledgers], ledgers, fresh=True)
        jobs.progressed(connection, job, objects=len(ledgers))
        jobs.finish(connection, job)


def do_touched(deriving: Deriving, job: Job) -> None:
    """Derive some customers again; one of whom nothing is left loses what it had."""
    basis, now = basis_of(job.data["basis"]), Instant(job.data["now"])
    names = [str(name) for name in job.data["names"]]
    with read(deriving.engine) as connection:
        deriver = deriver_of(connection, basis)
        ledgers = [_derived(deriving.stop, deriver, group, now) for group in evidence.groups(connection, only=names)]
    with begin(deriving.engine) as connection:
        jobs.hold(connection, job)
        _replace(connection, basis, names, ledgers, fresh=False)
        jobs.progressed(connection, job, objects=len(names))
        jobs.finish(connection, job)


def do_mark(deriving: Deriving, job: Job) -> None:
    """The ledgers are complete: say so, and remove the marks that a whole derivation has dealt with."""
    with begin(deriving.engine) as connection:
        for version in job.data["versions"]:
            ledger.mark_derived(connection, version, database_now(connection), Instant(job.data["now"]))
        if job.data.get("marks_until"):
            evidence.drop_touched_until(connection, int(job.data["marks_until"]))
        jobs.finish(connection, job)


def deriver_of(connection: Connection, basis: Basis) -> Deriver:
    """A deriver with the catalogs of all accounts as they hold."""
    return Deriver({row.id: catalog.load(connection, row.id) for row in accounts.everything(connection)}, basis)


def _derived(stop: Stop, deriver: Deriver, group: CustomerGroup, now: Instant) -> CustomerLedger:
    stop.check()
    return deriver.derive(group, now)


def _replace(connection: Connection, basis: Basis, names: Sequence[str], ledgers: Iterable[CustomerLedger], *, fresh: bool) -> None:
    found = list(ledgers)
    wakes = {each.customer: each.wake for each in found if each.wake is not None}
    ledger.replace_customers(connection, basis.version, names, found, fresh=fresh, wakes=wakes)
