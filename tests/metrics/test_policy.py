"""Policies: what the presets choose, what can be chosen singly, and what is refused."""

from dataclasses import fields
from typing import Any

import pytest

from metrics.policy import DEFAULT, PRESETS, Policy, UnknownChoice, preset

# The table of presets: each cell is an entry of the decision log with its source.
CELLS: dict[str, dict[str, Any]] = {
    "default": {
        "discounts": "forever_repeating",
        "churn_at": "end",
        "past_due_out_after_days": None,
        "paused_counts": False,
        "netting": True,
        "grace_days": 1,
        "same_month_left_out": False,
        "reactivation_in_net_flow": False,
    },
    "stripe": {
        "discounts": "forever",
        "churn_at": "request",
        "past_due_out_after_days": None,
        "paused_counts": False,
        "grace_days": 0,
        "same_month_left_out": False,
        "reactivation_in_net_flow": False,
    },
    "chartmogul": {
        "discounts": "all",
        "churn_at": "paid_period_end",
        "past_due_out_after_days": None,
        "paused_counts": True,
        "netting": True,
        "grace_days": 0,
        "same_month_left_out": False,
        "reactivation_in_net_flow": True,
    },
    "profitwell": {
        "discounts": "all",
        "churn_at": "paid_period_end",
        "past_due_out_after_days": 14,
        "paused_counts": False,
        "netting": True,
        "grace_days": 0,
        "same_month_left_out": True,
        "reactivation_in_net_flow": False,
    },
}


@pytest.mark.parametrize("name", CELLS)
def test_what_the_presets_choose(name: str) -> None:
    """Each cell of the table of presets; week and day are the same in all of them."""
    chosen = preset(name)
    assert CELLS[name] | {"weeks": "52/12", "days": "365/12"} == {
        field: getattr(chosen, field) for field in [*CELLS[name], "weeks", "days"]
    }


def test_the_presets_there_are() -> None:
    """Four, each under its own name, and no two choose the same."""
    assert set(CELLS) == set(PRESETS)
    assert {name: policy.name for name, policy in PRESETS.items()} == {name: name for name in PRESETS}
    assert len(PRESETS) == len({policy.version for policy in PRESETS.values()})
    assert DEFAULT is preset("default")


def test_a_single_choice_changes_the_name_and_the_version() -> None:
    """A changed preset can't be taken for the one that it came from."""
    changed = preset("default", grace_days=0)
    assert ("default+", 0) == (changed.name, changed.grace_days)
    assert changed.version != DEFAULT.version


def test_the_version_is_of_the_choices_alone() -> None:
    """The same choices under another name have the same version: the figures are the same."""
    assert Policy(name="ours").version == DEFAULT.version
    assert preset("default", grace_days=1).version == DEFAULT.version


OTHER: dict[str, Any] = {
    "discounts": "none",
    "churn_at": "request",
    "past_due_out_after_days": 3,
    "paused_counts": True,
    "netting": False,
    "grace_days": 7,
    "same_month_left_out": True,
    "weeks": "4",
    "days": "30",
    "metered": True,
    "reactivation": "in_new",
    "reactivation_days": 30,
    "reactivation_in_net_flow": True,
    "start_at_booking": True,
    "tax_inclusive_gross": True,
    "grr_by": "running_minimum",
}


@pytest.mark.parametrize("choice", [f.name for f in fields(Policy) if f.name != "name"])
def test_every_choice_is_in_the_version(choice: str) -> None:
    """Whatever is chosen otherwise makes another version, so no figure is stored under the wrong one."""
    assert preset("default", **{choice: OTHER[choice]}).version != DEFAULT.version


@pytest.mark.parametrize(
    ("choice", "value", "says"),
    [
        ("grace_days", 8, "0 to 7 days"),
        ("grace_days", -1, "0 to 7 days"),
        ("grace_days", None, "0 to 7 days"),
        ("grace_days", True, "0 to 7 days"),
        ("grace_days", "1", "0 to 7 days"),
        ("discounts", "some", "forever_repeating"),
        ("discounts", None, "none, forever, forever_repeating, all"),
        ("churn_at", "someday", "end, request, paid_period_end"),
        ("weeks", 4, "52/12, 4"),
        ("days", "31", "365/12, 30"),
        ("past_due_out_after_days", -1, "a whole number of days, or nothing"),
        ("past_due_out_after_days", 1.5, "a whole number of days, or nothing"),
        ("past_due_out_after_days", False, "a whole number of days, or nothing"),
        ("reactivation_days", None, "a whole number of days"),
        ("netting", "yes", "true or false"),
        ("netting", 1, "true or false"),
        ("grr_by", "start", "end, running_minimum"),
    ],
)
def test_what_a_choice_refuses(choice: str, value: object, says: str) -> None:
    """A value that doesn't exist is refused by the name of the choice, with what it takes."""
    with pytest.raises(UnknownChoice, match=f"{choice} can't be .*{says.replace('/', '.')}"):
        preset("default", **{choice: value})


@pytest.mark.parametrize(
    ("choice", "value"), [("past_due_out_after_days", None), ("past_due_out_after_days", 0), ("grace_days", 0), ("grace_days", 7)]
)
def test_what_a_choice_takes(choice: str, value: object) -> None:
    """The ends of each range are in it, and nothing is a choice where it says so."""
    assert value == getattr(preset("profitwell", **{choice: value}), choice)


def test_names_that_do_not_exist() -> None:
    """An unknown preset or choice is refused with those that exist; the name itself is no choice."""
    with pytest.raises(UnknownChoice, match="no policy is called 'baremetrics'; there are default, stripe, chartmogul, profitwell"):
        preset("baremetrics")
    with pytest.raises(UnknownChoice, match="no choice 'discount'; there are discounts, churn_at"):
        preset("default", discount="all")
    with pytest.raises(UnknownChoice, match="no choice 'name'"):
        preset("default", name="mine")
