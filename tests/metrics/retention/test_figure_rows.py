"""Figures as a frame of rows: to the byte what is said of them one by one."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.evidence import Instant
from metrics.periods import Window
from metrics.policy import PRESETS, preset
from metrics.retention.aggregate import finish, partials
from metrics.retention.figure_rows import ROWS, figure_rows, identities_broken
from metrics.retention.spans import Book
from tests.examples import so_many
from tests.metrics.retention.books import books
from tests.metrics.retention.test_aggregate import DIMENSIONS, EXCHANGE, FOREVER, _some_windows


@so_many(40)
@given(
    book=books(("usd", "eur", "jpy"), most=15),
    asked=_some_windows(),
    name=st.sampled_from(sorted(PRESETS)),
    until=st.sampled_from([0, 1_717_000_000, FOREVER]),
)
def test_all_together_say_what_each_says(book: Book, asked: list[Window], name: str, until: int) -> None:
    """Under every preset, complete or not: the same columns, companions and products as each figure's own row, none missing, none more."""
    found, policy = partials(book, asked, dimensions=DIMENSIONS, exchange=EXCHANGE), preset(name)
    told = list(finish(found, policy, complete_until=Instant(until)))
    wanted = [{**f.to_row(), "breaks": bool(f.breaks())} for f in told]
    rows = figure_rows(found, policy, complete_until=Instant(until))
    assert sorted(str([row[name] for name in ROWS]) for row in wanted) == sorted(str(list(row)) for row in rows.iter_rows())
    assert pl.Schema(ROWS) == rows.schema


@pytest.mark.parametrize("by", ["closing", "closing_customers", "flow_churn"])
@so_many(8)
@given(book=books(("usd", "eur"), most=8), asked=_some_windows())
def test_a_broken_identity_is_named_as_each_figure_names_it(by: str, book: Book, asked: list[Window]) -> None:
    """Sums that don't add up any more, of segments and of the whole: every one is told, in the same words."""
    found = partials(book, asked, dimensions=("plan",))
    wrong = replace(found, sums=found.sums.with_columns((pl.col(by) + 1).alias(by)))
    told = list(finish(wrong, complete_until=Instant(FOREVER)))
    wanted = [f"{f.kind} {f.first} {f.dimension} {f.segment} {f.currency}: {b}" for f in told for b in f.breaks()]
    assert len(told) <= len(wanted)
    assert sorted(wanted) == sorted(identities_broken(figure_rows(wrong, complete_until=Instant(FOREVER))))
