"""Whatever a file holds: it is read, or refused in words. Nothing else ever comes out."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from integrations.files.errors import BadFile
from integrations.files.mrr_file import AMOUNTS, read_mrr
from tests.examples import so_many

CELLS = st.one_of(
    st.sampled_from(
        [
            *(
                "",
                "-",
                "0",
                "49.00",
                "1,234.50",
                "1.234,50",
                "1 234,5",
                "(12)",
                "-7",
                "NaN",
                "1e3",
                "€ 5",
                "5 GBP",
                "99999999999999999999999",
            ),
            *("2026-01", "Jan 2026", "01/2026", "2026-01-31", "31.01.2026", "03/04/2026", "46053", "2026-13", "202601", "20260131"),
            *("cus_a", "sub_a", "a@b.test", "Total", "usd", "dollars", "=1+1", '"', "a\nb", "\x00", "\ufeff", "ä", "\u202e"),
        ]
    ),
    st.text(max_size=6),
)
HEADS = st.sampled_from(
    [
        "customer",
        "Customer ID",
        "Email",
        "Name",
        "month",
        "date",
        "mrr",
        "MRR (USD)",
        "mrr_cents",
        "change",
        "currency",
        "2026-01",
        "Feb 2026",
        "Metric",
        "Ending MRR",
        "",
    ]
)


@so_many(300)
@given(
    st.lists(HEADS, min_size=1, max_size=6),
    st.lists(st.lists(CELLS, max_size=7), max_size=6),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.sampled_from([None, None, "customer=Name", "month=2026-01", "currency=eur,mrr=mrr"]),
)
def test_a_table_of_anything(head: list[str], rows: list[list[str]], separator: str, encoding: str, columns: str | None) -> None:
    """Cells of every kind under heads of every kind."""
    text = "\n".join(separator.join(row) for row in [head, *rows])
    _look(text.encode(encoding, errors="replace"), columns)


@so_many(200)
@given(st.binary(max_size=200))
def test_bytes_of_any_kind(raw: bytes) -> None:
    """No file at all, as often as not."""
    _look(raw, None)


def _look(raw: bytes, columns: str | None) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "theirs.csv"
        file.write_bytes(raw)
        found = None
        with suppress(BadFile):
            found = read_mrr(file, columns)
    if found is not None:
        assert dict(AMOUNTS) == dict(found.amounts.schema)
        assert not found.amounts["day"].has_nulls()
