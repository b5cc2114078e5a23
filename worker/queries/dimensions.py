"""By what customers can be told apart, beside the dimensions that are built in: the keys of their attributes."""

from integrations.store.db.engine import read
from integrations.store.ledger import totals
from metrics.dimensions import parts
from worker.queries.session import Session


def has_attribute(session: Session, key: str) -> bool:
    """Whether any customer has an attribute of this key, such as `country` or `metadata.industry`."""
    with read(session.engine) as connection:
        return totals.has_attribute(connection, session.basis.version, key)


def attribute_keys(session: Session) -> list[str]:
    """The keys of all attributes that any customer has, each once, in order."""
    with read(session.engine) as connection:
        return totals.attribute_keys(connection, session.basis.version)


def unknown_dimensions(session: Session) -> list[str]:
    """The parts of the configured dimensions that are neither built in nor in any customer's metadata, once any customer has some."""
    from metrics.retention.segments import METADATA, attribute_key

    held = set(attribute_keys(session))
    keys = {part: attribute_key(part) or "" for dimension in session.dimensions for part in parts(dimension)}
    return [part for part, key in keys.items() if held and key.startswith(METADATA) and key not in held]
