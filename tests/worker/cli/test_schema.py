"""`nrr schema`, and what commands print held against it.

Every command that any test calls with `--json` is held against its declaration (`declared.undeclared`, in `command.in_process`): exactly the
declared keys, of the declared types, on either database, with errors and empty books. Here is what is left: that none is forgotten.
"""

import json
from pathlib import Path

import polars as pl
import pytest
from jsonschema_rs import meta

from tests.worker.cli.command import Run
from tests.worker.cli.declared import undeclared
from tests.worker.installation import Installation
from worker.cli.answers.commands import ANSWERS
from worker.cli.answers.exported import EXPORTS
from worker.cli.answers.json_schema import schema_of, schema_of_all
from worker.cli.commands import COMMANDS, load


def _commands_with_json() -> set[str]:
    found = set()
    for name in COMMANDS:
        command = load(name)
        parts = {f"{name} {sub}": each for sub, each in getattr(command, "commands", {}).items()} | {name: command}
        found |= {path for path, each in parts.items() if any("--json" in parameter.opts for parameter in each.params)}
    return found


def test_every_command_that_takes_json_is_declared() -> None:
    """And none is declared that doesn't."""
    assert set(ANSWERS) == _commands_with_json()


def test_schemas_are_good_ones(nrr: Run) -> None:
    """Of each command alone, and of all in one document, which leads from each command to its part."""
    every = nrr("schema").json
    assert set(ANSWERS) == set(every["commands"])
    assert every == schema_of_all()
    for command in ANSWERS:
        own = schema_of(command)
        meta.validate(own)
        name = own["$ref"].removeprefix("#/$defs/")
        assert every["$defs"][name] == own["$defs"][name]
    assert schema_of("show mrr") == nrr("schema", "show", "mrr").json
    mrr = nrr("schema", "show", "mrr").json["$defs"]["ShowMrr"]["properties"]["mrr_micros"]
    assert ("MRR after discounts, in micros", "micros") == (mrr["description"], mrr["x-unit"])


def test_a_command_without_json_is_named(nrr: Run) -> None:
    """With those that there are."""
    done = nrr("schema", "show", "mmr")
    assert (2, "") == (done.code, done.out)
    assert "show mrr" in done.err
    assert 2 == nrr("schema", "worker").code


def test_what_is_not_declared_is_found(installed: Installation) -> None:
    """A key that nobody declared, one that is missing, a rate that is a text, and an instant that doesn't say of which offset it is."""
    good = installed("show", "mrr", "--json").json
    assert [] == undeclared(["show", "mrr", "--json"], json.dumps(good))
    for wrong in (
        {**good, "more": 1},
        {k: v for k, v in good.items() if k != "day"},
        {**good, "customers": "12"},
        {**good, "day": "1 May"},
    ):
        assert undeclared(["show", "mrr", "--json"], json.dumps(wrong))
    written = installed("runs", "--json").out
    began = json.loads(written)["runs"][0]["started_at"]
    for wrong_instant in (began[:19], "yesterday"):
        (fault, *_) = undeclared(["runs", "--json"], written.replace(began, wrong_instant))
        assert f'"{wrong_instant}" is not a "date-time"' in fault


CALLS = """overview|show mrr|show movements|show retention|show retention --by plan|show nrr|show grr --by plan|show segments --by plan|show cohorts
show insight|show exclusions|show findings|show outlook|show billings|show billings --by customer|show billings --by product|explain MONTH
explain CUSTOMER|runs|runs --audit|runs show 1|runs diff 1 2|alerts list|alerts history|alerts history --messages
alerts backtest|rates show|person CUSTOMER|config show|config check|db current|doctor|health|verify|verify --billings|reports show
backfill plan"""


@pytest.mark.parametrize("call", CALLS.replace("\n", "|").split("|"))
def test_what_is_printed_is_what_is_declared(installed: Installation, call: str) -> None:
    """Each command that only looks, on a book of some months."""
    meant = {"MONTH": installed.month}
    if "CUSTOMER" in call:
        meant["CUSTOMER"] = installed("show", "movements", "--from", "2020-01-01", "--json").json["movements"][0]["customer"]
    words = [meant.get(word, word) for word in call.split()]
    done = installed(*words, "--json")
    assert done.out.startswith("{"), done.err


@pytest.mark.parametrize(
    "call", ["overview", "show mrr", "show retention", "show nrr", "runs", "alerts list", "doctor", "config show", "health"]
)
def test_an_empty_book_prints_what_is_declared_or_nothing(nrr: Run, call: str) -> None:
    """Before anything was read a command says so on stderr, or prints the same keys."""
    assert 0 == nrr("db", "upgrade", "--json").code
    done = nrr(*call.split(), "--json")
    assert done.out == "" or done.out.startswith("{")
    assert done.out or (done.code and done.err.startswith("nrr: "))


@pytest.mark.parametrize("what", list(EXPORTS))
def test_files_have_the_columns_that_are_declared(installed: Installation, what: str, tmp_path: Path) -> None:
    """In their order, and none of another type."""
    assert 0 == installed("export", what, "--format", "parquet", "--out", str(tmp_path / "file.parquet")).code
    frame = pl.read_parquet(tmp_path / "file.parquet")
    assert [key.column.name for key in EXPORTS[what].keys] == frame.columns
    for key in EXPORTS[what].keys:
        kind = frame.schema[key.column.name]
        assert kind in _POLARS[key.column.type] or (key.null and kind == pl.Null), key.column.name


_POLARS: dict[str, tuple[object, ...]] = {
    "text": (pl.String,),
    "texts": (pl.List(pl.String),),
    "day": (pl.Date,),
    "instant": (pl.Datetime("us", "UTC"),),
    "month": (pl.Date,),
    "count": (pl.Int64, pl.Int32),
    "micros": (pl.Int64,),
    "money": (pl.Float64,),
    "rate": (pl.Float64,),
    "number": (pl.Float64,),
    "flag": (pl.Boolean,),
}


def test_rates_are_numbers_and_can_be_made_again(installed: Installation) -> None:
    """Six places, from the integers beside them."""
    total = installed("show", "retention", "--from", installed.month, "--json").json["total"]
    assert round(total["closing_of_cohort_micros"] / total["opening_micros"], 6) == total["nrr"]
    assert round(total["retained_customers"] / total["opening_customers"], 6) == total["logo_retention"]
