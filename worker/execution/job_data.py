"""What a job is given, as a dataclass for its kind: stored as JSON under the names of its fields.

A job that was written down before an update is done after it, so a field's name and the way its value is spelt are stored names: a field
that is added has a default, and none is renamed. Keys that a newer release wrote and this one doesn't know are passed over. A field that is
None or empty by default is not stored while it is; every other one always is.
"""

from dataclasses import MISSING, dataclass, fields
from datetime import date, datetime
from functools import cache
from types import NoneType
from typing import Any, ClassVar, Final, Literal, Protocol, TypeVar, get_args, get_origin, get_type_hints

from integrations.store.work.jobs import Job
from metrics.ledger.basis import Basis
from metrics.ledger.stored_basis import basis_of, choices_of

_SAYS_NOTHING: Final = (None, ())
EACH: Final = "each"
"""Under this name a mapping field's metadata has a prefix: each entry is stored under a key of its own, the prefix and its key."""


class JobData(Protocol):
    """Any frozen dataclass whose fields are plain values, days, instants, bases, or tuples of them."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Data = TypeVar("Data", bound=JobData)


class BadJobData(RuntimeError):
    """A job can't be read: another release wrote it, or somebody changed it. Nothing was done."""

    def __init__(self, job: Job, name: str, reason: str) -> None:
        super().__init__(f"job {job.id} ({job.kind}) can't be read: {name}: {reason}; nothing was done")


@dataclass(frozen=True, slots=True)
class Nothing:
    """What a job is given that needs nothing."""


def stored(data: JobData) -> dict[str, Any]:
    """The data as plain values, as `Job.data` takes them."""
    plain: dict[str, Any] = {}
    for each in fields(data):
        value = getattr(data, each.name)
        if prefix := each.metadata.get(EACH):
            plain |= {f"{prefix}{key}": inner for key, inner in value.items()}
        elif each.default not in _SAYS_NOTHING or value != each.default:
            plain[each.name] = _plain(value)
    return plain


def read_as(kind: type[Data], job: Job) -> Data:
    """What a job was given. Raises BadJobData, and UnknownBasis for a basis that this release doesn't know."""
    values: dict[str, Any] = {}
    for each in fields(kind):
        if prefix := each.metadata.get(EACH):
            values[each.name] = {key.removeprefix(prefix): at for key, at in job.data.items() if key.startswith(prefix)}
        elif each.name in job.data:
            try:
                values[each.name] = _of(_hints(kind)[each.name], job.data[each.name])
            except (ValueError, TypeError) as error:
                raise BadJobData(job, each.name, str(error)) from error
        elif each.default is MISSING and each.default_factory is MISSING:
            raise BadJobData(job, each.name, "it is missing")
    return kind(**values)


def _plain(value: Any) -> Any:
    match value:
        case Basis():
            return choices_of(value)
        case date():
            return value.isoformat()
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _of(hint: Any, value: Any) -> Any:
    """A stored value as the kind that a field is declared to be. Raises ValueError or TypeError."""
    kind = getattr(hint, "__supertype__", hint)
    if NoneType in get_args(kind):
        [inner] = [each for each in get_args(kind) if each is not NoneType]
        return None if value is None else _of(inner, value)
    if get_origin(kind) is tuple:
        return tuple(_of(get_args(kind)[0], each) for each in value)
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(f"{value!r} is none of {', '.join(map(str, get_args(kind)))}")
        return value
    if kind is Basis:
        return basis_of(value)
    if kind in (date, datetime):
        return kind.fromisoformat(value)
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
