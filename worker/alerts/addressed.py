"""Which channels a message goes by: those that it names, else those that everything goes by, else all. Never none while one works."""

from collections.abc import Iterable, Sequence
from typing import Final

from metrics.alerts.rules import Watch

DIGEST: Final = "digest"


def addressed(watch: Watch, named: Sequence[str], usable: Iterable[str]) -> tuple[str, ...]:
    """Of the channels that can be used those that a message which names some (or none) goes by, in their order; empty if none can be."""
    can = tuple(usable)
    for wanted in (named, watch.channels):
        found = tuple(name for name in can if name in wanted)
        if found:
            return found
    return can


def named_by(watch: Watch, rule: str) -> tuple[str, ...]:
    """The channels that a rule, or the digest, names; empty where it names none."""
    if rule == DIGEST:
        return watch.digest_channels
    found = watch.named().get(rule)
    return () if found is None else found.channels
