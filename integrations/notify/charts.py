"""A small trend chart as PNG: legible at phone width, told apart without colours, made without a browser.

matplotlib is optional and heavy, so it is imported when a chart is drawn; without it messages go without one.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from integrations.notify.sanitize import plain
from metrics.money import BookCurrency

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE: Final = "#0072B2"
LIMIT: Final = "#D55E00"
"""Blue and vermilion of Okabe and Ito, which look different to everybody; the limit is dashed and labelled besides."""
_INK: Final = "#333333"
_LABELS: Final = 5
TITLE: Final = 40
"""So many characters fit above a chart."""


def chart_png(chart: Mapping[str, Any] | None) -> bytes | None:
    """The chart of a message's content; None without matplotlib or with fewer than two values."""
    if not chart or len(chart.get("points", ())) < 2:
        return None
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return None
    labels = [plain(label, 12) for label, _ in chart["points"]]
    values = [float(value) for _, value in chart["points"]]
    limit = float(chart["limit"]) if chart.get("limit") is not None else None
    scale, unit = _scale(chart, [*values, *([limit] if limit is not None else [])])
    band = [None if ends is None else (float(ends[0]) * scale, float(ends[1]) * scale) for ends in chart.get("band") or ()]
    figure = Figure(figsize=(4.6, 2.7), dpi=220, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _draw(axes, labels, [v * scale for v in values], None if limit is None else limit * scale, band)
    title = plain(chart.get("title", ""), TITLE)
    axes.set_title(f"{title} ({unit})" if unit else title, loc="left", fontsize=12, color=_INK, parse_math=False)
    out = BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _scale(chart: Mapping[str, Any], values: list[float]) -> tuple[float, str]:
    """What values are multiplied by to be shown, and the unit that they are shown in."""
    if chart.get("unit") == "ratio":
        return 100.0, "%"
    if chart.get("unit") != "micros":
        return 1.0, ""
    code = BookCurrency.of(str(chart.get("currency", ""))).name
    largest = max(abs(v) for v in values) / 1_000_000
    for size, name in ((1_000_000, "m "), (10_000, "k ")):
        if largest >= size:
            return 1 / (1_000_000 if name == "m " else 1_000) / 1_000_000, f"{name}{code}"
    return 1 / 1_000_000, code


def _draw(
    axes: "Axes", labels: list[str], values: list[float], limit: float | None, band: list[tuple[float, float] | None]
) -> None:
    places = list(range(len(values)))
    low, high = ([float("nan") if ends is None else ends[n] for ends in band] for n in (0, 1))
    if len(band) == len(values):
        axes.fill_between(places, low, high, color=LINE, alpha=0.14, linewidth=0, zorder=1)
    axes.plot(places, values, color=LINE, linewidth=2.2, marker="o", markersize=4.5, zorder=3)
    last = f"{values[-1]:,.1f}"
    lowest = values[-1] <= min(values)
    axes.annotate(
        last,
        (places[-1], values[-1]),
        textcoords="offset points",
        xytext=(0, -15 if lowest else 9),
        ha="center",
        fontsize=11,
        fontweight="bold",
        color=LINE,
        zorder=4,
    )
    if limit is not None:
        axes.axhline(limit, color=LIMIT, linewidth=1.6, linestyle=(0, (5, 3)), zorder=2)
        axes.annotate(
            f"limit {limit:g}", (0.0, limit), textcoords="offset points", xytext=(0, 4), fontsize=10, color=LIMIT, zorder=4
        )
    step = -(-len(values) // _LABELS)
    shown = sorted({len(values) - 1 - n for n in range(0, len(values), step)})
    axes.set_xticks(shown, [labels[n] for n in shown])
    axes.tick_params(labelsize=10, colors=_INK, length=0)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.margins(x=0.07, y=0.28)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#bbbbbb")
