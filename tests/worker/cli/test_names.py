"""Customers by name wherever a person reads, by one switch; and ids that lead to Stripe's dashboard where a terminal can."""

import tomllib
from pathlib import Path

import pytest

from tests.worker.cli.command import Run
from tests.worker.cli.conftest import Concern

OCTOBER = ("--from", "2026-10", "--to", "2026-10")


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "movements", *OCTOBER),
        ("explain", "2026-10"),
        ("show", "insight"),
        ("show", "findings", "--reason", "history_from_invoices"),
    ],
)
def test_tables_name_customers_beside_their_ids(concern: Concern, arguments: tuple[str, ...]) -> None:
    """A column for the name, where names are kept."""
    done = concern(*arguments)
    assert 0 == done.code, done.err
    assert any("name" in line.split() and "customer" in line.split() for line in done.out.splitlines()), done.out[:800]
    first = next(line for line in done.out.splitlines() if "cus_" in line)
    assert any(word.istitle() for word in first.split()), first


def test_ids_lead_to_stripes_dashboard_in_terminals_that_can(concern: Concern) -> None:
    """In test mode to its test side; in a pipe there is nothing but the id."""
    asked = ("explain", "2026-10")
    shown = concern(*asked, FORCE_COLOR="1", TERM="xterm-256color", COLUMNS="200").out
    customer = next(word for word in concern(*asked).out.split() if word.startswith("cus_"))
    assert f";https://dashboard.stripe.com/test/customers/{customer}\x1b\\" in shown
    assert "\x1b" not in concern(*asked).out
    assert "\x1b]8" not in concern(*asked, FORCE_COLOR="1", TERM="dumb").out
    told = concern("explain", customer, FORCE_COLOR="1", TERM="xterm-256color").out
    assert f"\x1b]8;;https://dashboard.stripe.com/test/customers/{customer}\x1b\\{customer}\x1b]8;;\x1b\\" in told
    assert "https://dashboard.stripe.com/test/subscriptions/sub_" in told


def test_init_writes_the_switch_and_says_what_it_does(nrr: Run, tmp_path: Path) -> None:
    """Off where nobody can answer, and on or off as it is said; what is written is what counts."""
    for option, expected in ((), False), (("--names",), True), (("--no-names",), False):
        assert 0 == nrr("init", "--force", *option).code
        assert expected is tomllib.loads((tmp_path / "nrr.toml").read_text())["store_names"]
    rows = nrr("config", "show", "--json").json["settings"]
    assert "nrr.toml" in next(row["source"] for row in rows if row["name"] == "store_names")
