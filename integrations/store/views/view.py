"""What a view is, and how it is said in each of the two databases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from metrics.columns import COLUMNS, Column

SCHEMA: Final = "nrr"
"""PostgreSQL's schema of their own."""
PREFIX: Final = "nrr_"
"""What their names begin with where they stand among the tables: on SQLite, and in PostgreSQL under their old names."""


Said = str | tuple[str, str]
"""The expression of a column, and where `metrics.columns` doesn't say it well enough for this place, what it is."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A view: its name, what it is for, the expressions of its columns, and where they come from.

    What a column is, `metrics.columns` says by its name. `{…}` in expressions are the words in which the two databases differ.
    """

    name: str
    comment: str
    columns: Mapping[str, Said]
    source: str
    never_null: tuple[str, ...] = ("policy",)
    """Columns that every row has; the first ones tell rows apart."""
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns that take some words and no others."""

    @property
    def in_schema(self) -> str:
        """Its name in PostgreSQL's schema of the views: `nrr.movements` for `nrr_movements`."""
        return f"{SCHEMA}.{self.name.removeprefix(PREFIX)}"

    def expressions(self) -> dict[str, str]:
        """What each column is made of."""
        return {name: said if isinstance(said, str) else said[0] for name, said in self.columns.items()}

    def described(self) -> dict[str, Column]:
        """What each column is."""
        return _described(self)


@cache
def _described(view: View) -> dict[str, Column]:
    found = {}
    for name, said in view.columns.items():
        column = COLUMNS[name]
        found[name] = column if isinstance(said, str) else column.meaning_here(said[1])
    return found


def money(names: Mapping[str, Said]) -> dict[str, Said]:
    """Columns of micros, each followed by the same in major units."""
    out: dict[str, Said] = {}
    for name, said in names.items():
        if isinstance(said, str):
            out |= {f"{name}_micros": said, name: "{major:" + said + "}"}
        else:
            expression, meaning = said
            out |= {f"{name}_micros": (expression, f"{meaning}, in micros"), name: ("{major:" + expression + "}", meaning)}
    return out


def expression(text: str, *, postgresql: bool) -> str:
    """What a column is made of, in one of the two databases, for whoever asks the tables and not the view."""
    return _said(text, {**_POSTGRESQL, **_AMONG_TABLES} if postgresql else _SQLITE)


def statement(view: View, *, postgresql: bool, name: str | None = None, in_schema: bool = False) -> str:
    """The statement that creates a view in one of the two databases, under its own name or `name`; `in_schema` with the types of PostgreSQL's
    schema of the views."""
    words = _SQLITE if not postgresql else _POSTGRESQL if in_schema else {**_POSTGRESQL, **_AMONG_TABLES}
    columns = ",\n".join(f'{_said(expression, words)} AS "{name}"' for name, expression in view.expressions().items())
    create = "CREATE OR REPLACE VIEW" if postgresql else "CREATE VIEW"
    return f"{create} {name or view.name} AS SELECT\n{columns}\n{_said(view.source, words)}"


_POSTGRESQL: Final = {
    "day_before_until": "(r.until - 1)",
    "code": "split_part(r.currency, ':', CASE WHEN r.currency LIKE 'all:%%' THEN 2 ELSE 1 END)",
    "whole_book": "(r.currency LIKE 'all:%%')",
    "major": "round({}::numeric / 1000000, 6)",
    "companion": "coalesce((r.companions::json->>'{}')::bigint, 0)",
    "companion_text": "(r.companions::json->>'{}')",
    "rate": "CASE WHEN r.reason IS NULL AND {1} > 0 THEN round(({0})::numeric / {1}, 6) END",
    "epoch": "to_timestamp({})",
    "number": "({})::numeric",
    "product": "(r.products::json->>{})::numeric",
    "size": "(r.opening::numeric * r.opening / nullif((r.products::json->>0)::numeric, 0))",
    "largest": "greatest({})",
    "smallest": "least({})",
    "places": "round({}, 6)",
    "tenths": "round({}, 1)",
    "json": "({})::jsonb",
    "decimal": "({})::numeric",
    "whole": "round({})::bigint",
    "found": "(strpos({}) > 0)",
    "instant": "to_char(({}) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
}
_AMONG_TABLES: Final = {"json": "{}"}
"""What is said otherwise under the old names, whose columns keep their types."""
_SQLITE: Final = {
    "day_before_until": "date(r.until, '-1 day')",
    "code": "CASE WHEN r.currency LIKE 'all:%' THEN substr(r.currency, 5) ELSE r.currency END",
    "whole_book": "(r.currency LIKE 'all:%')",
    "major": "({} / 1000000.0)",
    "companion": "coalesce(json_extract(r.companions, '$.{}'), 0)",
    "companion_text": "json_extract(r.companions, '$.{}')",
    "rate": "CASE WHEN r.reason IS NULL AND {1} > 0 THEN round(({0}) * 1.0 / {1}, 6) END",
    "epoch": "datetime({}, 'unixepoch')",
    "number": "(({}) * 1.0)",
    "product": "(json_extract(r.products, '$[{}]') * 1.0)",
    "size": "(r.opening * 1.0 * r.opening / nullif(json_extract(r.products, '$[0]') * 1.0, 0))",
    "largest": "max({})",
    "smallest": "min({})",
    "places": "round({}, 6)",
    "tenths": "round({}, 1)",
    "json": "{}",
    "decimal": "CAST({} AS REAL)",
    "whole": "CAST(round({}) AS INTEGER)",
    "found": "(instr({}) > 0)",
    "instant": "({})",
}


def _said(text: str, words: Mapping[str, str]) -> str:
    """`text` in one database's words: what is innermost in braces first."""
    while "{" in text:
        begin = text.rindex("{")
        end = text.index("}", begin)
        word, _, argument = text[begin + 1 : end].partition(":")
        parts = argument.rsplit("/", 1) if word == "rate" else [argument]
        text = text[:begin] + words[word].format(*parts) + text[end + 1 :]
    return text
