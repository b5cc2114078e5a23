"""The board of retention on a book with several currencies: what its variables choose by themselves shows something in every panel."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from integrations.sandbox.sandbox import Sandbox
from integrations.sandbox.simulator.business import Business
from tests.deploy.test_deploy import DEPLOY
from tests.worker.cli.command import bare_environment, in_process

BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "retention.json").read_text(encoding="utf-8"))


MAY_BE_EMPTY = ("What is coming",)
"""A book of which nothing is known to come by a date."""


@pytest.fixture(scope="module")
def book(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A book in several currencies, read and summed up; the database's address."""
    from tests.services.postgres import create_database, drop_database

    address = create_database(postgres_url, "nrr_board")
    with Sandbox(Business(customers=40, months=15, seed=5)) as stripe:
        told = {"DATABASE_URL": address, "STRIPE_API_KEY": stripe.key, "STRIPE_API_BASE": stripe.url, "REPORTING_CURRENCY": "usd"}
        folder: Path = tmp_path_factory.mktemp("board")
        for command in (("db", "upgrade"), ("sync",), ("rollup",)):
            done = in_process(*command, folder=folder, environment={**bare_environment(), **told})
            assert 0 == done.code, done.err
    yield address
    drop_database(postgres_url, "nrr_board")


def chosen(connection: "psycopg.Connection[Any]") -> dict[str, str]:
    """What Grafana chooses for each variable: what is saved where it is among the options, else the first of them."""
    out: dict[str, str] = {}
    for variable in BOARD["templating"]["list"]:
        if variable["type"] == "datasource":
            continue
        saved = variable["current"].get("value")
        if variable["type"] == "query":
            rows = connection.execute(filled(variable["query"], out).encode()).fetchall()
            options = [str(row[0]) for row in rows]
        else:
            options = [option["value"] for option in variable["options"]]
        assert options, variable["name"]
        out[variable["name"]] = saved if saved in options else options[0]
    return out


def filled(query: str, values: dict[str, str]) -> str:
    """A query as Grafana sends it."""
    for name, value in values.items():
        query = query.replace("${" + name + "}", value)
    return re.sub(r"\$__timeFilter\((\w+)\)", r"\1 > '2000-01-01'", query)


@pytest.mark.parametrize("together", [True, False], ids=["a reporting currency", "none"])
@pytest.mark.long
def test_no_panel_is_empty(book: str, together: bool) -> None:
    """With a whole book in one currency, and with currencies that nobody adds up."""
    with psycopg.connect(book) as connection:
        currencies = connection.execute("SELECT count(DISTINCT currency) FROM rollup WHERE currency NOT LIKE 'all:%'").fetchone()
        assert currencies is not None
        assert currencies[0] > 1, "the book has several currencies"
        if not together:
            connection.execute("DELETE FROM rollup WHERE currency LIKE 'all:%'")
        values = chosen(connection)
        assert ("true" if together else "false") == values["whole_book"]
        for panel in BOARD["panels"]:
            for target in panel["targets"]:
                rows = connection.execute(filled(target["rawSql"], values).encode()).fetchall()
                assert rows or panel["title"] in MAY_BE_EMPTY, f"{panel['title']}: {values}"
        connection.rollback()
