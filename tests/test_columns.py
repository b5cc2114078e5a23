"""Columns and keys are declared once: what is written of them is what is declared, and a name means the same wherever it stands."""

from collections.abc import Iterator

from integrations.store.views.declared import VIEWS
from metrics.columns import COLUMNS, Column
from tests.columns import texts
from worker.cli.answers.commands import ANSWERS
from worker.cli.answers.exported import EXPORTS
from worker.cli.answers.keys import Key, Record


def test_what_is_written_of_columns_is_what_is_declared() -> None:
    """`make columns` would change nothing: the notes on views, the table of keys, and dbt's sources."""
    assert [] == [path.name for path, text in texts().items() if path.read_text(encoding="utf-8") != text]


def test_a_name_has_one_type_and_one_unit_everywhere() -> None:
    """In views, in files and in JSON; older names, which go, and those of one document alone are excepted where no other has them."""
    views = [column for view in VIEWS for column in view.described().values()]
    keys = [key.column for _, key in _keys() if not key.instead and not key.named and key.of is None]
    wrong = [
        (column.name, column.type)
        for column in (*views, *keys)
        if (known := COLUMNS.get(column.name)) and (known.type, known.unit) != (column.type, column.unit)
    ]
    assert sorted(_OF_THEIR_OWN) == sorted(set(wrong))


_OF_THEIR_OWN = {
    ("change", "rate"),  # of a trend of rates
    ("change", "text"),  # of an alert, as messages show it
    ("detail", "object"),  # how somebody did something by hand
    ("ours", "text"),  # what a policy chooses
    ("rate", "rate"),  # a lever's
    ("since", "instant"),
    ("since", "text"),  # of an alert, as people read it
    ("theirs", "text"),
}
"""What has the name of something else in one document, and another type there."""


def test_the_same_thing_has_the_same_name_everywhere() -> None:
    """Every column of a view is in the file or the JSON of the same rows, where these tell of it at all; their older names lead to it."""
    pairs = {
        "nrr_movements": (
            _names(EXPORTS["movements"]),
            {"policy", "basis", "reporting_currency"},
        ),
        "nrr_mrr_by_customer": (_names(EXPORTS["snapshots"]), {"policy", "basis"}),
        "nrr_retention": (_names(EXPORTS["rollups"]), {"basis", "learnt_at"}),
        "nrr_billings": (_names(EXPORTS["billings"]), {"apart"}),
    }
    for view in VIEWS:
        if view.name in pairs:
            names, absent = pairs[view.name]
            missing = {name for name in view.columns if name not in names and not name.startswith("change_in_reporting")}
            assert absent == missing, view.name
    figures = {key.column.name for each, key in _keys() if each.name in ("Figures", "WindowFigures")}
    retention = next(view for view in VIEWS if view.name == "nrr_retention")
    assert {"policy", "basis", "version", "learnt_at"} == set(retention.columns) - figures


def test_every_older_name_leads_to_one_that_is_there() -> None:
    """What takes its place stands in the same object."""
    for each, key in _keys():
        if key.instead and not key.instead.startswith("the rate"):
            assert key.instead in {other.column.name for other in each.keys}, (each.name, key.column.name)


def test_every_sentence_is_one() -> None:
    """No column or key without a meaning, none with a full stop, no object without what it is."""
    columns: list[Column] = [*COLUMNS.values(), *(key.column for _, key in _keys())]
    assert [] == [column.name for column in columns if not column.meaning or column.meaning.removesuffix("...").endswith(".")]
    assert [] == [each.name for each, _ in _keys() if not each.about or each.about.endswith(".")]


def _names(each: Record) -> set[str]:
    """The names of a file's columns, of those in major units too where an older name still stands in their way."""
    return {key.column.name for key in each.keys}


def _keys() -> Iterator[tuple[Record, Key]]:
    """Every key of every document and file, once."""
    seen: set[str] = set()

    def into(each: Record) -> Iterator[tuple[Record, Key]]:
        if each.name in seen:
            return
        seen.add(each.name)
        for key in each.keys:
            yield each, key
            if key.of is not None:
                yield from into(key.of)

    for document in (*EXPORTS.values(), *ANSWERS.values()):
        yield from into(document)
