"""The words of alerts: amounts, rates and windows as people read them, and commands that exist."""

from datetime import date
from fractions import Fraction

import pytest

from metrics.alerts.advice import benchmark_words, lever_words
from metrics.labels import CAUSES, change_text, short_label
from metrics.movement_kinds import CAUSES as LEDGER_CAUSES
from metrics.window_kinds import window_words
from tests.metrics.alerts.books import figures

JULY = date(2025, 7, 1)


def test_a_change_is_never_rounded_onto_what_it_is_compared_with() -> None:
    """2.04 points are not written as the 2 that were allowed."""
    assert "2.04 points" == change_text("points", "grr", Fraction(-204, 10000), "usd", apart_from=Fraction(-2, 100))
    assert "1 point" == change_text("points", "grr", Fraction(1, 100), "usd")


@pytest.mark.parametrize(
    ("kind", "first", "until", "text"),
    [
        ("month", date(2025, 6, 1), JULY, "June 2025"),
        ("quarter", date(2025, 4, 1), JULY, "Q2 2025"),
        ("year", date(2024, 1, 1), date(2025, 1, 1), "2024"),
        ("trailing_12", date(2024, 7, 1), JULY, "the 12 months to June 2025"),
        ("day", date(2025, 6, 3), date(2025, 6, 4), "3 June 2025"),
    ],
)
def test_windows_are_said_as_people_say_them(kind: str, first: date, until: date, text: str) -> None:
    """By their last month, not by the day after it."""
    assert text == window_words(kind, first, until)


def test_labels_are_short() -> None:
    """A trailing window by its last month."""
    assert ["2025-06", "2025-06"] == [short_label("2024-07-01..2025-07-01"), short_label("2025-06")]


def test_every_word_belongs_to_something() -> None:
    """Names of metrics and causes that there are not would hide a renaming."""
    assert set(CAUSES) <= set(LEDGER_CAUSES)


def test_the_lever_is_the_first_that_stands_out() -> None:
    """A month is held against a twelfth of a year."""
    assert "Retention: churn took 1 % of the opening MRR in a month, a pace of more than 10 % a year." == lever_words(
        figures("month", JULY, nrr=105, grr=99)
    )
    assert "Upsell" in str(lever_words(figures("month", JULY, nrr=Fraction("99.8"), grr=Fraction("99.5"))))
    assert lever_words(figures("month", JULY, nrr=104, grr=Fraction("99.5"))) is None
    assert lever_words(figures("month", JULY, opening=0)) is None


@pytest.mark.parametrize(
    ("nrr", "arr_major", "word"),
    [
        (84, 500_000, "below good"),
        (85, 500_000, "good"),
        (95, 500_000, "great"),
        (105, 999_999, "world-class"),
        (104, 1_000_000, "good"),
        (110, 20_000_000, "great"),
        (125, 60_000_000, "world-class"),
        (104, 60_000_000, "below good"),
    ],
)
def test_benchmarks_are_those_of_the_book_s_size(nrr: int, arr_major: int, word: str) -> None:
    """By ARR at the closing, each band from its lower end on; dated, and labelled as a rule of thumb."""
    found = figures("trailing_12", JULY, nrr=nrr, opening=100_000)
    from dataclasses import replace

    said = benchmark_words(replace(found, closing=arr_major * 10**6 // 12 + 1))
    assert said is not None
    assert said.startswith(f"{word} for ARR")
    assert "rule of thumb, 2025" in said
    assert benchmark_words(figures("month", JULY)) is None


def test_commands_in_messages_exist() -> None:
    """What a message tells to type is a command of this product."""
    import re
    from pathlib import Path

    from worker.cli.commands import load

    source = "".join(
        (Path(__file__).parents[3] / p).read_text(encoding="utf-8")
        for p in ("metrics/alerts/content.py", "worker/alerts/digests.py", "worker/alerts/deliver.py")
    )
    named = set(re.findall(r'"nrr ([a-z]+)(?: ([a-z]+))?', source)) | set(re.findall(r'f"nrr ([a-z]+)(?: ([a-z]+))? ', source))
    assert ("alerts", "mute") in named
    for command, below in named:
        found = load(command)
        assert not below or below in found.commands
