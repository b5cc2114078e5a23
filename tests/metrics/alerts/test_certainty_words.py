"""How sure a figure is, as people read it."""

from dataclasses import replace
from datetime import date

from metrics.alerts.certainty_words import weight
from metrics.retention.figures import Figures
from worker.cli.figure_rows import with_interval


def _book(*openings: int, stay: int) -> Figures:
    whole = [a * 1_000_000 for a in openings]
    ends = [a if n < stay else 0 for n, a in enumerate(whole)]
    largest = [{"customer": f"c{n}", "opening": a, "closing": b} for n, (a, b) in enumerate(zip(whole, ends, strict=True))][:10]
    return Figures(
        "",
        "month",
        date(2025, 1, 1),
        date(2025, 2, 1),
        "",
        "",
        "usd",
        opening=sum(whole),
        churn=sum(whole) - sum(ends),
        closing_of_cohort=sum(ends),
        opening_customers=len(whole),
        retained_customers=stay,
        companions={"largest": largest},
        opening_squared=sum(a * a for a in whole),
        opening_by_end=sum(a * b for a, b in zip(whole, ends, strict=True)),
        end_squared=sum(b * b for b in ends),
    )


def test_a_lopsided_book_says_why_it_weighs_less() -> None:
    """Ten customers of 500 beside ninety of 40: like 28 of one size, and the ten hold 58 %."""
    assert "the 100 customers weigh like 28 of one size: the ten largest hold 58 %" == weight(
        _book(*[500] * 10, *[40] * 90, stay=99)
    )


def test_an_even_book_is_its_number() -> None:
    """Nobody is told that forty customers weigh like forty; figures from before the sums were kept say the number too."""
    book = _book(*[100] * 40, stay=39)
    assert "40 customers" == weight(book)
    assert "40 customers" == weight(replace(book, opening_squared=None))


def test_a_rate_is_shown_with_its_interval() -> None:
    """With whole points where it is wide, tenths where it is narrow, and alone below ten customers."""
    assert "97.50 %  93–102" == with_interval(_book(*[100] * 40, stay=39), "nrr")
    assert "99.90 %  99.7–100.1" == with_interval(_book(*[100] * 1000, stay=999), "nrr")
    assert "80.00 %" == with_interval(_book(*[100] * 5, stay=4), "nrr")
