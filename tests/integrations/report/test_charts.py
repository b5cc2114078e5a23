"""Charts: fit for a page's policy and for light and dark, and honest about where an axis begins."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from integrations.report import charts
from integrations.report.charts import Bar, Series
from integrations.report.svg import COLOUR, PALETTE, PLACE, for_page

SERIES = Series(["2025-01", "2025-02", "2025-03"], [98.0, None, 104.5], [(90.0, 103.0), None, (97.0, 110.0)], [False, False, True])
BARS = [Bar("Opening", 100.0, "100", True), Bar("New", 20.0, "+20"), Bar("Churn", -15.0, "−15"), Bar("Closing", 105.0, "105", True)]


DRAWINGS: dict[str, Callable[[], str]] = {
    "trend": lambda: charts.trend(SERIES, reference=100.0),
    "amounts": lambda: charts.amounts(SERIES, lambda v: f"{v:g}"),
    "small": lambda: charts.small(SERIES, (80.0, 120.0), reference=100.0),
    "standing": lambda: charts.waterfall(BARS),
    "lying": lambda: charts.waterfall(BARS, upright=False),
}


@pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS)
def test_nothing_in_it_is_against_a_pages_policy(draw: Callable[[], str]) -> None:
    """No style, script or address; colours are classes that the style sheet knows; ids wait for the page's number."""
    drawn = draw()
    assert drawn.startswith("<svg")
    assert [] == re.findall(r"style|script|http(?!://www\.w3\.org/2000/svg)|xlink|font-family|#[0-9a-f]{6}", drawn)
    classes = {part.partition("-")[2] for found in re.findall(r'class="([^"]+)"', drawn) for part in found.split()}
    assert classes
    assert classes <= set(COLOUR)
    assert all(found.startswith(PLACE) for found in re.findall(r'id="([^"]+)"', drawn))


@pytest.mark.parametrize("name", ["trend", "small", "standing", "lying"])
def test_the_same_values_are_drawn_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks again gets what was drawn, whoever asks for something else does not; drawn anew it is the same to the byte."""
    charts.kept.cache_clear()
    first = DRAWINGS[name]()
    monkeypatch.setattr(charts, "_drawn", lambda size, draw: "anew")
    assert first == DRAWINGS[name]()
    others = {
        "trend": lambda: charts.trend(SERIES, reference=99.0),
        "small": lambda: charts.small(replace(SERIES, values=[98.0, None, 104.500001]), (80.0, 120.0), reference=100.0),
        "standing": lambda: charts.waterfall(BARS[:3]),
        "lying": lambda: charts.waterfall(BARS[:3], upright=False),
    }
    assert "anew" == others[name]()
    monkeypatch.undo()
    charts.kept.cache_clear()
    assert first == DRAWINGS[name]()


def test_what_was_drawn_is_not_shown_where_nothing_can_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page without the library has its tables alone, whatever was drawn before."""
    assert charts.trend(SERIES).startswith("<svg")
    monkeypatch.setattr(charts, "can_draw", lambda: False)
    assert "" == charts.trend(SERIES)


def test_a_colour_that_would_not_follow_the_page_is_refused() -> None:
    """Whoever draws with another colour is told at once."""
    assert {"ink", "gain", "loss"} <= set(PALETTE.values())
    with pytest.raises(KeyError, match="#123456"):
        for_page('<svg xmlns="http://www.w3.org/2000/svg"><path style="fill: #123456" d="M0 0"/></svg>')


def test_fewer_than_two_values_are_no_chart() -> None:
    """A point alone has no trend."""
    assert "" == charts.trend(Series(["2025-01"], [98.0]))
    assert "" == charts.small(Series(["2025-01", "2025-02"], [98.0, None]), (0.0, 100.0))


def test_a_cut_axis_is_known() -> None:
    """Where little moved in much the ends are cut, so that what moved can be seen; the page says so."""
    assert charts.begins_at_zero([Bar("Opening", 100.0, "", True), Bar("Churn", -50.0, ""), Bar("Closing", 50.0, "", True)])
    assert not charts.begins_at_zero([Bar("Opening", 1000.0, "", True), Bar("Churn", -10.0, ""), Bar("Closing", 990.0, "", True)])
    assert charts.begins_at_zero([Bar("Opening", 0.0, "", True), Bar("New", 10.0, ""), Bar("Closing", 10.0, "", True)])


def test_a_bridge_in_which_nothing_moved_can_be_drawn() -> None:
    """Whatever it begins with, and also from nothing to nothing."""
    for level in (650.0, 0.0):
        bars = [Bar("Opening", level, "", True), Bar("New", 0.0, ""), Bar("Churn", 0.0, ""), Bar("Closing", level, "", True)]
        assert charts.begins_at_zero(bars)
        assert charts.waterfall(bars).startswith("<svg")
