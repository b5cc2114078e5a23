"""Versions and digests that are stored: of policies, bases and figures, and the words that stand in them.

What `tests.integrations.store.test_frozen` says holds here as well: a test that fails says that everything in databases in use
would be taken for new.
"""

import json
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, select

from integrations.store.db.engine import begin
from integrations.store.figures import rollups
from integrations.store.figures.schema import rollup
from metrics.billings.classes import BY_NAME, MARKS
from metrics.finding_words import WORDS
from metrics.ledger.basis import Basis, InternalRule
from metrics.ledger.stored_basis import UnknownBasis, basis_of, choices_of
from metrics.movement_kinds import CAUSES, KINDS
from metrics.policy import PRESETS, Policy, preset
from tests.integrations.store.test_frozen import AT

CAUSES_BEFORE = """start trial_converted plan quantity price addon removed_product discount_start discount_end discount_change paused resumed
currency_switch canceled_voluntary canceled_involuntary canceled_by_policy trial status_unknown unpaid past_due recovered return migration tax
usage at_risk paid end_scheduled end_withdrawn"""
REASONS_BEFORE = """gap history_from_invoices voided_cycle_invoice first_invoice_voided unpaid_change subscription_unseen subscription_gone
lagging_listing customer_merged_by_rule tax_share_unknown unknown_status cannot_derive cannot_add_up items_cut change_behind_cut unread_line
other_lines unknown_price price_type_unknown price_type_assumed usage_unknown price_version_unknown interval_unknown quantity_missing
scheme_unknown unit_unknown unit_negative currency_unknown transform_unknown tiers_unknown amount_out_of_bounds unknown_coupon
coupon_currency_unknown coupon_duration_unknown coupon_percent_unknown coupon_version_unknown discount_scope_unknown missing_rate
pause_unknown cancel_reason_unknown invoice_status_unknown tax_exceeds_amount"""
POLICIES = {"default": "d0a6daf7d8df", "stripe": "6c5988c3178a", "chartmogul": "299bfdc64105", "profitwell": "e3242bd6fa6c"}
RULES = (InternalRule("internal"), InternalRule("kind", ("test", "it's")))
BASES = {
    "e7776c99211e": Basis(),
    "9b46f18e2f48": Basis(PRESETS["chartmogul"], "Europe/Berlin", "company", RULES, "moved_from"),
    "b7e36b336b7f": Basis(internal=(InternalRule("internal", ("yes",)),)),
    "f037d6ce7d3a": Basis(preset("default", grace_days=0, weeks="4")),
}


def test_versions_of_the_presets() -> None:
    """Every ledger is stored under one."""
    assert POLICIES == {name: policy.version for name, policy in PRESETS.items()}


def test_versions_of_bases() -> None:
    """Rules for who is internal are spelt in them, with their class's name of the first release."""
    assert list(BASES) == [basis.version for basis in BASES.values()]
    assert "InternalRule(key='kind', values=('test', \"it's\"))" == RULES[1].spelt


@dataclass(frozen=True, slots=True)
class NewPolicy(Policy):
    """With choices more, whose defaults change no figure."""

    rounding: str = "half_even"
    cap_days: int | None = None


@dataclass(frozen=True, slots=True)
class RenamedRule(InternalRule):
    """Under another name, and with a way to turn it round."""

    unless: bool = False


@dataclass(frozen=True, slots=True)
class NewBasis(Basis):
    """With something more that figures may rest on."""

    policy: NewPolicy = NewPolicy()

    fiscal_start: int = 1


def new_basis(basis: Basis, **more: Any) -> NewBasis:
    """The same basis in a later release."""
    policy = NewPolicy(**{f.name: getattr(basis.policy, f.name) for f in fields(Policy)})
    rules = tuple(RenamedRule(rule.key, rule.values) for rule in basis.internal)
    return NewBasis(policy, basis.timezone, basis.merge_key, rules, basis.migration_key, **more)


@pytest.mark.parametrize("version", BASES)
def test_a_choice_more_changes_no_version(version: str) -> None:
    """Nor does a field of a rule or of a basis, nor another name of a class: all that is derived stays where it is."""
    assert version == new_basis(BASES[version]).version
    assert BASES[version].policy.version == new_basis(BASES[version]).policy.version
    assert choices_of(BASES[version]) == choices_of(new_basis(BASES[version]))


def test_a_choice_that_is_made_has_a_version_of_its_own() -> None:
    """Each of the later ones as well."""
    base = new_basis(BASES["b7e36b336b7f"])
    others = [
        base,
        replace(base, fiscal_start=4),
        replace(base, policy=replace(base.policy, rounding="up")),
        replace(base, policy=replace(base.policy, cap_days=0)),
        replace(base, internal=(RenamedRule("internal", ("yes",), unless=True),)),
    ]
    assert len(others) == len({each.version for each in others})


CHOICES: dict[str, Any] = {
    "policy": {
        "name": "default",
        "discounts": "forever_repeating",
        "churn_at": "end",
        "past_due_out_after_days": None,
        "paused_counts": False,
        "netting": True,
        "grace_days": 1,
        "same_month_left_out": False,
        "weeks": "52/12",
        "days": "365/12",
        "metered": False,
        "reactivation": "apart",
        "reactivation_days": 90,
        "reactivation_in_net_flow": False,
        "start_at_booking": False,
        "tax_inclusive_gross": False,
        "grr_by": "end",
    },
    "timezone": "UTC",
    "merge_key": None,
    "internal": [["internal", ["yes"]]],
    "migration_key": "migrated_from",
}


def test_a_basis_is_stored_in_the_same_words() -> None:
    """In the table of bases and in jobs."""
    assert CHOICES == json.loads(json.dumps(choices_of(BASES["b7e36b336b7f"])))


@pytest.mark.parametrize("version", BASES)
def test_a_basis_comes_back(version: str) -> None:
    """From what was stored of it."""
    assert BASES[version] == basis_of(json.loads(json.dumps(choices_of(BASES[version]))))


@pytest.mark.parametrize("missing", CHOICES["policy"])
def test_a_basis_that_was_stored_before_a_choice_existed_is_read(missing: str) -> None:
    """The choice is then at its default."""
    policy = {name: value for name, value in CHOICES["policy"].items() if name != missing}
    assert BASES["b7e36b336b7f"] == basis_of({**CHOICES, "policy": policy})
    assert BASES["b7e36b336b7f"] == basis_of({name: value for name, value in CHOICES.items() if name != "merge_key"})


def test_a_choice_of_a_newer_release_is_not_passed_over() -> None:
    """What would be derived without it is something else."""
    with pytest.raises(UnknownBasis, match="cap_days"):
        basis_of({**CHOICES, "policy": {"cap_days": 3}})


# --- what is billed, and reports -----------------------------------------------------------------------------------------------


def test_classes_and_marks_of_what_is_billed() -> None:
    """They are columns' values, and in views and exports."""
    names = "subscription proration usage one_off outside untold shipping discount credits tax rounding difference"
    assert (*names.split(), "credit_note", "credit_note_tax", "void", "uncollectible", "draft", "void_credit_note") == tuple(
        BY_NAME
    )
    assert ("manual", "metronome", "contract", "quote", "pricing_plan", "one_off") == tuple(MARKS)


def test_reasons_and_causes() -> None:
    """Those of the first release are among them; a rule, a filter or a dashboard may name any."""
    assert set(CAUSES_BEFORE.split()) <= set(CAUSES)
    assert ("new", "reactivation", "expansion", "contraction", "churn") == KINDS
    assert set(REASONS_BEFORE.split()) <= set(WORDS)


# --- figures ------------------------------------------------------------------------------------------------------------------

FIGURE = {
    "kind": "month",
    "first": date(2026, 1, 1),
    "until": date(2026, 2, 1),
    "dimension": "",
    "segment": "",
    "currency": "usd",
    **{name: number for number, name in enumerate(rollups.FIGURES)},
    "companions": '{"at_risk":3,"lowest":1}',
    "incomplete": False,
    "reason": None,
    "products": None,
}


def _figures(engine: Engine, row: dict[str, Any], **more: Any) -> tuple[rollups.Written, list[dict[str, Any]]]:
    with begin(engine) as connection:
        return rollups.put(connection, "basis", [row], AT, **more), rollups.current(connection, "basis")


def test_the_digest_of_figures(engine: Engine) -> None:
    """That of the first release: figures that stay make no new version after an update."""
    _figures(engine, FIGURE)
    with begin(engine) as connection:
        assert ["76c518b81e59c17a496a0ae81afdd62f"] == list(connection.execute(select(rollup.c.digest)).scalars())


def test_a_companion_more_restates_nothing(engine: Engine) -> None:
    """It is filled into the current version of what was written without it; a frozen month gets it too, and no adjustment."""
    new = {**FIGURE, "companions": '{"at_risk":3,"lowest":1,"squares":"9"}'}
    _figures(engine, FIGURE)
    written, [row] = _figures(engine, new, frozen_until=date(2026, 3, 1), booked=date(2026, 3, 1))
    assert (rollups.Written(0, 0, 0, 1), 1, new["companions"]) == (written, row["version"], row["companions"])
    assert rollups.Written(0, 0, 0, 1) == _figures(engine, new)[0], "and then it is as good as ever there"
    changed = {**new, "companions": '{"at_risk":3,"lowest":1,"squares":"10"}'}
    assert rollups.Written(0, 1, 0, 0) == _figures(engine, changed)[0], "news of what came later are news"


def test_what_the_uncertainty_is_made_of_restates_nothing(engine: Engine) -> None:
    """Sums of products came later: figures of an older release get theirs in place, and are no restatement."""
    _figures(engine, FIGURE)
    written, [row] = _figures(engine, {**FIGURE, "products": "[9,9,9]"})
    assert (rollups.Written(0, 0, 0, 1), 1, "[9,9,9]") == (written, row["version"], row["products"])
    assert rollups.Written(0, 1, 0, 0) == _figures(engine, {**FIGURE, "products": "[9,9,10]"})[0]
