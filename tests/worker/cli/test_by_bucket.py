"""`nrr export … --by-bucket`: a folder that DuckDB and polars read back as the same rows as one file, each customer's in one part."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from integrations.store.db.columns import shard_buckets
from integrations.store.db.words import bucket_of
from tests.worker.cli.conftest import Concern

PARTS = 5


@pytest.mark.parametrize("what", ["movements", "snapshots"])
def test_the_parts_are_the_whole(concern: Concern, tmp_path: Path, what: str) -> None:
    """Both engines read the same rows as in one file; a part has the rows of its own buckets and no others."""
    whole, folder = tmp_path / "whole.parquet", tmp_path / "parts"
    told = concern("export", what, "--format", "parquet", "--out", str(whole), "--json")
    cut = concern("export", what, "--format", "parquet", "--by-bucket", str(PARTS), "--out", str(folder), "--json")
    assert 0 == told.code == cut.code, cut.err
    assert (told.json["rows"], PARTS, what) == (cut.json["rows"], cut.json["parts"], cut.json["what"])
    files = sorted(folder.glob("part=*/*.parquet"))
    assert [f"part={part:03}/{what}.parquet" for part in range(PARTS)] == [str(file.relative_to(folder)) for file in files]
    expected = pl.read_parquet(whole)
    read = pl.scan_parquet(f"{folder}/*/*.parquet", hive_partitioning=True).collect()
    assert expected.sort(pl.all()).equals(read.select(expected.columns).sort(pl.all()))
    for part, name, bucket in read.select("part", "customer", "bucket").unique().iter_rows():
        low, high = shard_buckets((int(part), PARTS))
        assert bucket_of(name) == bucket
        assert low <= bucket < high
    sql = "SELECT count(*), count(DISTINCT customer), sum(hash(customer, currency)) FROM read_parquet('{}'{})"  # paths of the test
    apart = duckdb.connect().execute(sql.format(f"{folder}/*/*.parquet", ", hive_partitioning = true")).fetchone()
    assert duckdb.connect().execute(sql.format(whole, "")).fetchone() == apart


def test_what_is_no_folder_of_parts_is_refused(concern: Concern, tmp_path: Path) -> None:
    """Figures of no customer, other formats, more parts than buckets, and a folder with something in it, which stays as it is."""
    (tmp_path / "mine").write_text("kept")
    for arguments, words in (
        (("rollups", "--format", "parquet", "--by-bucket", "4", "--out", str(tmp_path / "a")), "not of single customers"),
        (("movements", "--format", "csv", "--by-bucket", "4", "--out", str(tmp_path / "a")), "--format parquet"),
        (("movements", "--format", "parquet", "--by-bucket", "0", "--out", str(tmp_path / "a")), "1 to 1024"),
        (("movements", "--format", "parquet", "--by-bucket", "4", "--out", str(tmp_path)), "is not empty"),
    ):
        done = concern("export", *arguments)
        assert (2, True, "") == (done.code, words in done.err, done.out), done.err
    assert ["mine"] == [each.name for each in tmp_path.iterdir()]
