"""What `--by` may name: one dimension or several, each built in or a key of the customers' metadata that somebody has.

A misspelt name would otherwise be a metadata key that nobody has, and the answer one segment `(none)` that looks like a result.
"""

from difflib import get_close_matches
from typing import TYPE_CHECKING

from worker.cli.common import Context
from worker.cli.exit_codes import Exit, Stop

if TYPE_CHECKING:
    from worker.queries.session import Session


def known(context: Context, by: str | None) -> str | None:
    """`by` as it is, None for nothing. Raises Stop for a part that is empty, named twice, or no dimension."""
    from metrics.dimensions import parts

    if by is None or not by:
        return None
    named = parts(by)
    if not all(part.strip() == part and part for part in named) or len(set(named)) < len(named):
        raise Stop(f"--by takes a dimension, or several that differ: plan or plan,country, not {by!r}", Exit.USAGE)
    for part in named:
        _require(context, part)
    return by


def _require(context: Context, part: str) -> None:
    from metrics.dimensions import parts
    from metrics.retention.segments import BUILT_IN, METADATA, attribute_key
    from worker.queries.dimensions import attribute_keys, has_attribute

    configured = {each for dimension in context.wiring.dimensions for each in parts(dimension)}
    key = attribute_key(part)
    if part in BUILT_IN or part in configured or key is None:
        return
    if has_attribute(context.session, key):
        return
    if part.startswith(METADATA):
        context.say(f"no customer has {part.removeprefix(METADATA)!r} in its metadata, so all are in (none)")
        return
    keys = [found for found in attribute_keys(context.session) if found.startswith(METADATA)]
    raise Stop(
        f"there is no dimension {part!r}.{meant(context.session, part)} There are {', '.join([*BUILT_IN, *keys])}", Exit.USAGE
    )


def meant(session: "Session", part: str) -> str:
    """The question whether the dimension that is nearest to a misspelt one was meant; nothing where none is near."""
    from metrics.retention.segments import BUILT_IN, METADATA
    from worker.queries.dimensions import attribute_keys

    keys = [found for found in attribute_keys(session) if found.startswith(METADATA)]
    close = get_close_matches(part, [*BUILT_IN, *keys, *(found.removeprefix(METADATA) for found in keys)], n=1)
    return f" Did you mean {close[0]}?" if close else ""
