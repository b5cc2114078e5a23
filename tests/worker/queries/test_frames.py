"""What frames say beside what is stored: amounts in major units."""

import random

import polars as pl

from worker.queries.frames import major_of


def test_an_amount_in_major_units_is_the_number_that_is_nearest() -> None:
    """Not a last digit off: 119.207986 is read back as 119.207986, and sums of it agree with those of the SQL views."""
    seed = random.Random(1)
    micros = [119_207_986, 0, -1, 1, *(seed.randrange(-(10**size), 10**size) for size in range(1, 16) for _ in range(200))]
    frame = pl.DataFrame({"mrr_micros": micros}).with_columns(major_of("mrr_micros"))
    assert [each / 1_000_000 for each in micros] == frame["mrr"].to_list()
