"""A basis as plain values that can be stored, and back: in the table of bases and in jobs that wait."""

from collections.abc import Mapping, Sequence
from typing import Any

from metrics.first_fields import choices as first_choices
from metrics.first_fields.later import said_later
from metrics.ledger.basis import Basis, InternalRule
from metrics.policy import Policy


class UnknownBasis(RuntimeError):
    """What is to be derived was asked for by a newer release; nothing was done."""


def choices_of(basis: Basis) -> dict[str, Any]:
    """A basis as plain values. What was added after the first release is left out while it is at its default, as it is in the version."""
    first: dict[str, Any] = {
        "policy": {
            "name": basis.policy.name,
            **{choice: getattr(basis.policy, choice) for choice in first_choices.POLICY},
            **dict(said_later(basis.policy, ("name", *first_choices.POLICY))),
        },
        "timezone": basis.timezone,
        "merge_key": basis.merge_key,
        "internal": [_plain_rule(rule) for rule in basis.internal],
        "migration_key": basis.migration_key,
    }
    return first | dict(said_later(basis, first_choices.BASIS))


def _plain_rule(rule: InternalRule) -> list[Any]:
    later = dict(said_later(rule, first_choices.INTERNAL_RULE))
    return [rule.key, list(rule.values), *([later] if later else [])]


def basis_of(choices: Mapping[str, Any]) -> Basis:
    """The basis that plain values stand for; a choice that didn't exist yet when they were stored is at its default.

    Raises UnknownBasis for a choice that this release doesn't know: to pass it over would be to derive something else.
    """
    try:
        return Basis(
            **{
                **choices,
                "policy": Policy(**choices.get("policy", {})),
                "internal": tuple(map(_rule_of, choices.get("internal", ()))),
            }
        )
    except TypeError as error:
        raise UnknownBasis(f"a basis was stored by a release that knows choices which this one doesn't: {error}") from error


def _rule_of(plain: Sequence[Any]) -> InternalRule:
    key, values, *later = plain
    return InternalRule(key, tuple(values), **(later[0] if later else {}))
