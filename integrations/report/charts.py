"""The charts of a page, drawn by matplotlib as SVG: trends with their intervals, a bridge as a waterfall, small multiples.

Colours are names that the page's style sheet gives a meaning to (see `integrations.report.svg`); gains and losses are blue and vermilion,
which everybody can tell apart, and have their signs besides. No text from outside is drawn: names stand beside a chart, never in it.
matplotlib is optional and heavy, so it is imported when the first chart is drawn; without it a page has its tables alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial, wraps
from importlib.util import find_spec
from io import StringIO
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, ParamSpec, cast

from integrations.report.svg import COLOUR, for_page

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOCK: Final = Lock()
"""matplotlib's settings are the process's."""
_SETTINGS: Final[dict[str, Any]] = {"svg.fonttype": "none", "svg.hashsalt": "nrr", "font.size": 11.0, "path.simplify": False}
_POINTS: Final = 72
_LABELS: Final = 5
_KEPT: Final = 512
"""How many charts are kept, of a few kilobytes each: some forty pages."""
P = ParamSpec("P")


def can_draw() -> bool:
    """Whether the library that draws is installed."""
    return find_spec("matplotlib") is not None


@dataclass(frozen=True, slots=True)
class Series:
    """Values in order of time, None where there is none: `labels` below them, an interval around each that has one, and which are not final."""

    labels: Sequence[str]
    values: Sequence[float | None]
    bands: Sequence[tuple[float, float] | None] = ()
    incomplete: Sequence[bool] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a waterfall: an end (`total`), or by how much one gets from one to the other."""

    label: str
    amount: float
    shown: str
    total: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """A chart by all that it is made of, in words that tell every value."""

    values: str
    draw: Callable[[], str] = field(compare=False)


@lru_cache(_KEPT)
def kept(asked: _Asked) -> str:
    """The chart, drawn where it isn't among those that were drawn last."""
    return asked.draw()


def _once(draw: Callable[P, str]) -> Callable[P, str]:
    """Draws what has the same values once: a page that is asked for again mostly shows what it showed, and drawing is half of its time."""

    @wraps(draw)
    def drawn(*args: P.args, **named: P.kwargs) -> str:
        return kept(_Asked(f"{draw.__name__} {args!r} {named!r}", partial(draw, *args, **named))) if can_draw() else ""

    return drawn


@_once
def trend(series: Series, *, reference: float | None = None, size: tuple[int, int] = (340, 180)) -> str:
    """A line of per cents with its interval as a band, the last value in words; `reference` is a level to compare with, such as 100 %."""
    known = [(n, v) for n, v in enumerate(series.values) if v is not None]
    if len(known) < 2:
        return ""

    def draw(axes: "Axes") -> None:
        _band(axes, series)
        if reference is not None:
            axes.axhline(reference, color=COLOUR["muted"], linewidth=1, linestyle=(0, (3, 3)), zorder=1, clip_on=False)
        _line(axes, series, 2.2)
        _last(axes, series, lambda value: f"{value:.1f} %")
        _time_axis(axes, series.labels)
        _value_axis(axes, lambda value: f"{value:g} %")

    return _drawn(size, draw)


def amounts(series: Series, shown: Callable[[float], str], *, size: tuple[int, int] = (340, 180)) -> str:
    """A line over an area that begins at zero."""
    known = [(n, v) for n, v in enumerate(series.values) if v is not None]
    if len(known) < 2:
        return ""

    def draw(axes: "Axes") -> None:
        axes.fill_between([n for n, _ in known], [v for _, v in known], color=COLOUR["band"], linewidth=0, clip_on=False)
        _line(axes, series, 2.2)
        axes.set_ylim(0, max(v for _, v in known) * 1.22 or 1)
        _last(axes, series, shown)
        _time_axis(axes, series.labels)
        _value_axis(axes, shown)

    return _drawn(size, draw)


@_once
def small(series: Series, limits: tuple[float, float], *, reference: float | None = None, size: tuple[int, int] = (220, 84)) -> str:
    """A panel of small multiples: a line with its interval, all panels on one scale."""
    if sum(value is not None for value in series.values) < 2:
        return ""

    def draw(axes: "Axes") -> None:
        low, high = limits
        cut = [None if ends is None else (max(low, ends[0]), min(high, ends[1])) for ends in series.bands]
        bounded = Series(series.labels, [v if v is None else min(high, max(low, v)) for v in series.values], cut, series.incomplete)
        _band(axes, bounded)
        if reference is not None and low <= reference <= high:
            axes.axhline(reference, color=COLOUR["muted"], linewidth=1, linestyle=(0, (3, 3)), zorder=1, clip_on=False)
        _line(axes, bounded, 1.8)
        axes.set_ylim(low, high)
        axes.set_yticks([low, high], [f"{low:g} %", f"{high:g} %"])
        axes.set_xticks([0, len(series.labels) - 1], [series.labels[0], series.labels[-1]])
        first, last = axes.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")
        axes.tick_params(labelsize=9.5, labelcolor=COLOUR["muted"], length=0)
        axes.margins(x=0.02)

    return _drawn(size, draw)


@_once
def waterfall(bars: Sequence[Bar], *, upright: bool = True) -> str:
    """From the first bar to the last: standing bars for a wide page, lying ones below one another for a narrow one."""
    starts, ends = _reach(bars)
    colours = [COLOUR["total"] if b.total else COLOUR["gain"] if b.amount >= 0 else COLOUR["loss"] for b in bars]
    low = _floor(bars, starts, ends)
    top = max([*starts, *ends, 0.0])

    def draw(axes: "Axes") -> None:
        for n, bar in enumerate(bars):
            bottom, upper = sorted((max(starts[n], low), max(ends[n], low)))
            if upright:
                axes.bar(n, upper - bottom, bottom=bottom, width=0.62, color=colours[n], linewidth=0, clip_on=False)
                axes.annotate(
                    bar.shown,
                    (n, upper),
                    (0, 5),
                    textcoords="offset points",
                    ha="center",
                    va="bottom",
                    fontsize=11.5,
                    color=COLOUR["ink"],
                    fontweight="bold" if bar.total else "normal",
                    parse_math=False,
                )
                if n + 1 < len(bars):
                    axes.plot([n + 0.31, n + 0.69], [ends[n]] * 2, color=COLOUR["muted"], linewidth=1, clip_on=False)
            else:
                axes.barh(-n, upper - bottom, left=bottom, height=0.62, color=colours[n], linewidth=0, clip_on=False)
                axes.annotate(
                    bar.shown,
                    (upper, -n),
                    (6, 0),
                    textcoords="offset points",
                    ha="left",
                    va="center",
                    fontsize=11.5,
                    color=COLOUR["ink"],
                    fontweight="bold" if bar.total else "normal",
                    parse_math=False,
                )
        places = [n if upright else -n for n in range(len(bars))]
        names = [bar.label for bar in bars]
        reach = (low, low + ((top - low) * (1.1 if upright else 1.38) or 1))
        if upright:
            axes.set_xticks(places, names)
            axes.set_yticks([])
            axes.set_ylim(*reach)
            axes.spines["bottom"].set_visible(True)
            axes.spines["bottom"].set_color(COLOUR["line"])
        else:
            axes.set_yticks(places, names)
            axes.set_xticks([])
            axes.set_xlim(*reach)
        axes.tick_params(labelsize=11.5, labelcolor=COLOUR["ink"], length=0)

    return _drawn((760, 290) if upright else (340, 34 * len(bars)), draw)


def begins_at_zero(bars: Sequence[Bar]) -> bool:
    """Whether a waterfall's ends are drawn from zero: where little moves in much they are cut, which has to be said."""
    return _floor(bars, *_reach(bars)) == 0.0


def _reach(bars: Sequence[Bar]) -> tuple[list[float], list[float]]:
    """Where each bar of a waterfall begins, and where it ends."""
    starts, level = [], 0.0
    for bar in bars:
        starts.append(0.0 if bar.total else level)
        level = starts[-1] + bar.amount
    return starts, [start + bar.amount for start, bar in zip(starts, bars, strict=True)]


def _floor(bars: Sequence[Bar], starts: Sequence[float], ends: Sequence[float]) -> float:
    """Where a waterfall's axis begins: at zero, or higher where all that moved would be too small to see beside the ends."""
    moving = [v for bar, s, e in zip(bars, starts, ends, strict=True) if not bar.total for v in (s, e)]
    whole = [e for bar, e in zip(bars, ends, strict=True) if bar.total]
    if not moving or min([*moving, *whole]) <= 0:
        return min([0.0, *moving, *whole])
    top, low = max([*moving, *whole]), min([*moving, *whole])
    return 0.0 if top == low or (top - low) > 0.3 * top else max(0.0, low - 0.6 * (top - low))


# --- parts --------------------------------------------------------------------------------------------------------------------


def _band(axes: "Axes", series: Series) -> None:
    if len(series.bands) != len(series.values):
        return
    nan = float("nan")
    low, high = ([nan if ends is None else ends[side] for ends in series.bands] for side in (0, 1))
    axes.fill_between(range(len(low)), low, high, color=COLOUR["band"], linewidth=0, zorder=1, clip_on=False)


def _line(axes: "Axes", series: Series, width: float) -> None:
    """Complete values as a line, incomplete ones as an open dot at its end."""
    open_ = list(series.incomplete) if series.incomplete else [False] * len(series.values)
    nan = float("nan")
    closed = [nan if v is None or unfinished else v for v, unfinished in zip(series.values, open_, strict=True)]
    axes.plot(range(len(closed)), closed, color=COLOUR["accent"], linewidth=width, zorder=3, clip_on=False, solid_capstyle="round")
    for n, (value, unfinished) in enumerate(zip(series.values, open_, strict=True)):
        if value is not None and (unfinished or n == len(open_) - 1):
            face = COLOUR["paper"] if unfinished else COLOUR["accent"]
            axes.plot([n], [value], marker="o", markersize=6, color=COLOUR["accent"], markerfacecolor=face, zorder=4, clip_on=False)


def _last(axes: "Axes", series: Series, shown: Callable[[float], str]) -> None:
    known = [(n, v) for n, v in enumerate(series.values) if v is not None]
    n, value = known[-1]
    below = len(known) > 1 and known[-2][1] > value  # the line comes from above, where the number would stand in its way
    axes.annotate(
        shown(value),
        (n, value),
        (0, -17 if below else 9),
        textcoords="offset points",
        ha="right" if n else "center",
        fontsize=12.5,
        fontweight="bold",
        color=COLOUR["accent"],
        zorder=5,
        parse_math=False,
    )


def _time_axis(axes: "Axes", labels: Sequence[str]) -> None:
    step = max(1, -(-(len(labels) - 1) // (_LABELS - 1)))
    places = sorted(range(len(labels) - 1, -1, -step))
    axes.set_xticks(places, [labels[n] for n in places])
    axes.tick_params(axis="x", labelsize=10.5, labelcolor=COLOUR["muted"], length=0, pad=6)
    axes.margins(x=0.04, y=0.24)


def _value_axis(axes: "Axes", shown: Callable[[float], str]) -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = axes.get_ylim()
    ticks = [v for v in MaxNLocator(4).tick_values(low, high) if low <= v <= high]
    axes.set_yticks(ticks, [shown(v) for v in ticks])
    axes.set_ylim(low, high)
    axes.tick_params(axis="y", labelsize=10.5, labelcolor=COLOUR["muted"], length=0)
    axes.grid(axis="y", color=COLOUR["line"], linewidth=0.8)
    axes.set_axisbelow(True)


def _drawn(size: tuple[int, int], draw: Callable[["Axes"], None]) -> str:
    """The SVG of one pair of axes; empty where nothing can draw."""
    if not can_draw():
        return ""
    with _LOCK:
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        with rc_context(cast("Any", _SETTINGS)):  # its keys are a type of a thousand names
            figure = Figure(figsize=(size[0] / _POINTS, size[1] / _POINTS), layout="constrained")
            FigureCanvasSVG(figure)
            figure.patch.set_visible(False)
            axes = figure.add_subplot()
            axes.patch.set_visible(False)
            for spine in axes.spines.values():
                spine.set_visible(False)
            draw(axes)
            out = StringIO()
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return for_page(out.getvalue())
