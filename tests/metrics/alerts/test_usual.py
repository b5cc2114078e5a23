"""What a book's own past lets one expect: by hand, silent while too short, and seldom wrong where nothing happens."""

import random
from datetime import date
from fractions import Fraction

import pytest

from metrics.alerts.rules import Change, Judgement, Rule, faults
from metrics.alerts.usual import FEWEST, usual
from metrics.periods import add_months
from tests.metrics.alerts.books import Nights, figures, months


def _past(*points: int) -> dict[int, Fraction | None]:
    """Rates of per cent, the last of them of window −1."""
    return {n - len(points): Fraction(value, 100) for n, value in enumerate(points)}


def test_middle_and_spread_by_hand() -> None:
    """Median 100; half of the distances are below 1.5 points, times 1.4826."""
    found = usual("nrr", 0, _past(98, 99, 100, 101, 102, 98, 99, 100, 101, 102, 98, 102), 12, below=True)
    assert found is not None
    assert (Fraction(1), Fraction("0.022239"), 12, False) == (found.expected, found.spread, found.windows, found.seasonal)
    assert Fraction("-0.1") / Fraction("0.022239") == found.spreads_off(Fraction(90, 100))


def test_below_twelve_windows_nothing_is_usual() -> None:
    """Windows without a value don't count."""
    values = _past(*range(90, 90 + FEWEST - 1))
    assert usual("nrr", 0, values, 12, below=True) is None
    assert usual("nrr", 0, values | {-20: None}, 12, below=True) is None
    assert usual("nrr", 0, values | {-20: Fraction(1)}, 12, below=True) is not None


def test_losses_are_lopsided() -> None:
    """Half of the months are ten points below the middle, the others one above: for drops the spread is that of the drops."""
    past = _past(*[90, 101] * 6, 100)
    below, above = (usual("nrr", 0, past, 12, below=side) for side in (True, False))
    assert below is not None
    assert above is not None
    assert (Fraction("0.14826"), Fraction("0.014826")) == (below.spread, above.spread)


def test_what_never_moves_has_half_a_point_of_spread() -> None:
    """Else a hair's breadth would be unusual."""
    found = usual("grr", 0, _past(*[97] * 12), 12, below=True)
    assert found is not None
    assert (Fraction(97, 100), Fraction(1, 200)) == (found.expected, found.spread)


def test_the_season_drops_out_from_two_years_on() -> None:
    """Every December is at 80 %: of the third one nothing is unusual; with one year alone it would be."""
    year = [98, 99, 97, 98, 99, 97, 98, 99, 97, 98, 99, 80]
    two = usual("nrr", 0, _past(*year, *year, *year[:-1]), 12, below=True)
    one = usual("nrr", 0, _past(*year[:-1], 98), 12, below=True)
    assert two is not None
    assert one is not None
    assert (True, False) == (two.seasonal, one.seasonal)
    assert abs(two.spreads_off(Fraction(80, 100))) < 1
    assert one.spreads_off(Fraction(80, 100)) < -4


def test_of_amounts_it_is_the_growth_that_is_usual() -> None:
    """A book that grows by 5 % a month isn't unusually large; one that stands still is unusually small."""
    values: dict[int, Fraction | None] = {n: Fraction(1000) * Fraction(105, 100) ** (n + 14) for n in range(-14, 0)}
    found = usual("mrr", 0, values, 12, below=True)
    last = values[-1]
    assert found is not None
    assert last is not None
    assert (last * Fraction(105, 100), last / 200) == (found.expected, found.spread)
    assert Fraction(-10) == found.spreads_off(last)


UNUSUAL = Rule(
    "low", "nrr", "month", "below", Fraction(-4), Change("usual", "spreads"), judgement=Judgement(recover_by=Fraction(1))
)


def test_a_rule_is_silent_until_a_year_has_passed_and_then_rings_once() -> None:
    """Twelve months between 99 and 101, then 80: the message says what was to be expected; the next usual month ends it."""
    past = [99, 100, 101] * 4
    nights = Nights(UNUSUAL)
    june = date(2025, 6, 1)
    for end in range(11):
        day = add_months(june, end - 12)
        assert [] == nights.night(day, months("month", day, *past[: end + 1]))
    assert ["firing: low"] == nights.night(june, months("month", june, *past, 80))
    text = nights.said[-1]
    july = add_months(june, 1)
    assert ["resolved: low"] == nights.night(july, months("month", july, *past, 80, 100))
    assert "low" == text.lead.alert.rule


def test_its_words() -> None:
    """In the list, and in the message: what was to be expected, and how far off it is."""
    from metrics.alerts.content import content, shown

    june = date(2025, 6, 1)
    nights = Nights(UNUSUAL)
    nights.night(june, months("month", june, *[99, 100, 101] * 4, 80))
    [notice] = nights.said
    said = content(notice, nights.watch)
    assert "NRR is unusually low: 80 % (May 2025)" == said["title"]
    assert (
        "NRR of May 2025 is 80 %, where the 12 windows before it let one expect 100 %: 13.5 usual spreads below it; the limit is 4 usual spreads."
        in said["summary"]
    )
    assert notice.lead.reading is not None
    assert ("unusually low, by 4 usual spreads", "−13.5 usual spreads") == tuple(
        shown(notice.lead.reading, UNUSUAL)[k] for k in ("limit", "change")
    )


@pytest.mark.parametrize(
    ("window", "certainty", "wrong"),
    [("trailing_12", 0, "overlap"), ("day", 0, "overlap"), ("month", 95, "`certainty` out"), ("quarter", 0, "")],
)
def test_what_such_a_rule_can_be(window: str, certainty: int, wrong: str) -> None:
    """Of windows that don't overlap, and as certain as it is."""
    metric = "mrr" if window == "day" else "nrr"
    found = faults(Rule("r", metric, window, "below", Fraction(-4), Change("usual", "spreads"), certainty=certainty))
    assert bool(wrong) == bool(found)
    assert wrong in " ".join(found)


@pytest.mark.long
def test_seldom_wrong_in_a_steady_book() -> None:
    """Rates that are spread normally around 100 %: over 300 books and two years less than 0.06 false alarms a year."""
    dice = random.Random(7)
    rings, watched = 0, 24
    for _ in range(300):
        values = {n: Fraction(round(dice.gauss(1, 0.02) * 10_000), 10_000) for n in range(24 + watched)}
        firing = False
        for now in range(24, 24 + watched):
            found = usual("nrr", now, values, 12, below=True)
            assert found is not None
            bad = found.spreads_off(values[now]) < -4
            rings += bad and not firing
            firing = bad
    assert rings / 300 / (watched / 12) < 0.06


def test_a_restated_past_is_another_version() -> None:
    """A verdict rests on the windows before it: when one of them is restated, it is given anew."""
    from metrics.alerts.evaluate import Shelf, readings

    june = date(2025, 6, 1)
    book = months("month", june, *[99, 100, 101] * 4, 80)
    other = [*book[:-2], figures("month", book[-2].until, nrr=101, version=2), book[-1]]
    versions = [readings(UNUSUAL, Shelf(some))[0].version for some in (book, other)]
    assert 1 == versions[1] - versions[0]
