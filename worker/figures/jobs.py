"""What the jobs that derive and roll up are given, by kind. Names and spellings are stored: see `worker.execution.job_data`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Final

from metrics.instants import Instant
from metrics.ledger.basis import Basis
from metrics.retention.segments import Bands
from worker.execution.job_data import JobData, Nothing
from worker.figures.incremental import Asked

SNAPSHOT_MONTHS: Final = 13
"""So many month ends are kept customer by customer; earlier ones are read off the standings when they are asked for."""


@dataclass(frozen=True, slots=True)
class DerivePlan:
    """Which derivation is asked for: of the basis that is set and those kept, or of `basis`; as of `now`, or of the time when it is done.

    With `merely_read`, `now` is how far Stripe has been read: where it lies before the last derivation nobody means to go back.
    """

    rebuild: bool = False
    basis: Basis | None = None
    now: Instant | None = None
    merely_read: bool | None = None


@dataclass(frozen=True, slots=True)
class DeriveShard:
    """Everybody in one of `shards` parts."""

    basis: Basis
    now: Instant
    shards: int
    shard: int


@dataclass(frozen=True, slots=True)
class DeriveTouched:
    """Customers by name; `part` numbers the jobs of one plan."""

    basis: Basis
    now: Instant
    names: tuple[str, ...]
    part: int


@dataclass(frozen=True, slots=True)
class DeriveMark:
    """Whose ledgers are complete then, by their bases' versions.

    The marks on customers up to `marks_until` fall, unless some after `marks_seen` have been removed meanwhile; None: none falls.
    """

    versions: tuple[str, ...]
    now: Instant
    marks_seen: int
    marks_until: int | None = None
    whole: tuple[str, ...] | None = None
    """Those of the versions under which everybody was derived, if there are any."""


@dataclass(frozen=True, slots=True)
class RollupPlan:
    """Which roll-up is asked for: of the basis that is set and those kept, or of `basis`; `whole`: from zero."""

    whole: bool = False
    basis: Basis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupWork:
    """What figures are made of and for: every part and the sum of a run must be of the same. `size` and `usage` are where bands begin."""

    basis: Basis
    dimensions: tuple[str, ...]
    reporting: str | None
    size: tuple[int, ...]
    usage: tuple[int, ...]
    first: date
    today: date
    complete_until: Instant
    freeze: bool = False
    snapshot_months: int = SNAPSHOT_MONTHS

    @property
    def asked(self) -> Asked:
        """The same as what adding up is asked for."""
        bands = Bands(self.size, self.usage)
        return Asked(self.basis, self.dimensions, self.reporting, bands, self.first, self.today, self.complete_until)

    def part(self, shard: int, shards: int) -> "RollupPart":
        """One part of the customers."""
        return RollupPart(**_fields(self), shard=shard, shards=shards)

    def sum(self, *, whole: bool) -> "RollupSum":
        """The sum: of this run's parts, or of what is kept and what changed."""
        return RollupSum(**_fields(self), whole=whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupPart(RollupWork):
    """One of `shards` parts of the customers."""

    shards: int
    shard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RollupSum(RollupWork):
    """The figures: of the parts of this run where `whole`, else of what is kept and the customers that changed."""

    whole: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """Of which ledger and day to look ahead."""

    basis: Basis
    now: Instant


JOBS: Final[Mapping[str, type[JobData]]] = {
    "derive_plan": DerivePlan,
    "derive_shard": DeriveShard,
    "derive_touched": DeriveTouched,
    "derive_mark": DeriveMark,
    "rollup_plan": RollupPlan,
    "rollup_part": RollupPart,
    "rollup_sum": RollupSum,
    "outlook": Outlook,
    "billings": Nothing,
}
"""Every kind of job here with what it is given."""


def _fields(work: RollupWork) -> dict[str, Any]:
    return {each.name: getattr(work, each.name) for each in fields(RollupWork)}
