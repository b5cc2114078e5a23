"""Sign-up cohorts as triangles, in money and in customers: what is left of each month's arrivals, live on the cube."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from integrations.workbook.content import Content
from integrations.workbook.layout import Places
from integrations.workbook.pen import GREY, MONTH, Pen, column, head, major, printed
from metrics.retention.cube import signup_cells

NAME: Final = "Cohorts"
LABELS: Final = 3
"""Columns before the first age: the sign-up month, customers, MRR that they arrived with."""


@dataclass(frozen=True, slots=True)
class Triangle:
    """A triangle: its title, and whether it counts customers."""

    title: str
    about: str
    logos: bool
    share: bool


TRIANGLES: Final = (
    Triangle("Revenue kept", "MRR at the closing ÷ MRR that they arrived with", logos=False, share=True),
    Triangle("Customers kept", "customers at the closing ÷ customers that signed up", logos=True, share=True),
    Triangle("MRR at the closing", "", logos=False, share=False),
    Triangle("Customers at the closing", "", logos=True, share=False),
)
Cells = Mapping[tuple[date, date], tuple[int, int]]


def write(pen: Pen, content: Content, where: Places) -> None:
    """The sheet. The shares at the top refer to the sums further down."""
    sheet = pen.sheet
    months = [day.replace(day=1) for day in content.cube.days[1:]]
    arrived = {row["signup"]: row for row in content.arrivals.iter_rows(named=True)}
    cells = {(s, m): (micros, customers) for s, m, micros, customers in signup_cells(content.cube).iter_rows()}
    sheet.set_column(0, 0, 12)
    sheet.set_column(1, 1, 10)
    sheet.set_column(2, 2, 14)
    sheet.set_column(LABELS, LABELS + len(months), 10.5)
    sheet.freeze_panes(3, LABELS)
    pen.title(
        "Sign-up cohorts",
        "Whoever's first movement was in a month, month after month since (0: the closing of that month). Live on the cube; "
        "customers and MRR that they arrived with are those that nrr show cohorts has.",
    )
    starts = {triangle.title: 3 + index * (len(months) + 3) for index, triangle in enumerate(TRIANGLES)}
    for triangle in TRIANGLES:
        below = starts[TRIANGLES[3 if triangle.logos else 2].title] + 2
        _triangle(pen, triangle, starts[triangle.title], months, arrived, cells, where, below)
    for triangle in TRIANGLES[:2]:
        top = starts[triangle.title] + 2
        last = f"{column(LABELS + len(months) - 1)}{top + len(months)}"
        sheet.conditional_format(
            f"{column(LABELS)}{top + 1}:{last}",
            {
                "type": "3_color_scale",
                "min_type": "num",
                "mid_type": "num",
                "max_type": "num",
                "min_value": 0.4,
                "mid_value": 0.9,
                "max_value": 1.2,
                "min_color": "#F2B8A0",
                "mid_color": "#FFFFFF",
                "max_color": "#8DB9DA",
            },
        )
    sheet.set_h_pagebreaks([starts[triangle.title] for triangle in TRIANGLES[1:]])
    printed(pen, columns=LABELS - 1, wide=True)
    sheet.set_v_pagebreaks([LABELS + age for age in range(13, len(months), 13)])


def _triangle(
    pen: Pen,
    triangle: Triangle,
    row: int,
    months: Sequence[date],
    arrived: Mapping[date, Mapping[str, int]],
    cells: Cells,
    where: Places,
    below: int,
) -> None:
    pen.section(row, triangle.title, LABELS + len(months))
    if triangle.about:
        pen.text(row, 5, triangle.about, font_color=GREY, italic=True, bottom=1)
    pen.header(row + 1, 0, ("Signed up", "Customers", "Arrived with"), right_from=1)
    for age in range(len(months)):
        pen.sheet.write_number(row + 1, LABELS + age, age, pen.kit.format(**head(align="right")))
    for number, signup in enumerate(months):
        at = row + 2 + number
        came = arrived.get(signup, {"logos": 0, "arrived": 0})
        pen.day(at, 0, signup, MONTH)
        pen.whole(at, 1, came["logos"])
        pen.money(at, 2, came["arrived"])
        for age, month in enumerate(months[number:]):
            micros, customers = cells.get((signup, month), (0, 0))
            index = number + age + 1  # the first closing of the cube is the opening
            if triangle.share:
                part, whole = (customers, came["logos"]) if triangle.logos else (major(micros), major(came["arrived"]))
                letters = "B" if triangle.logos else "C"
                pen.share_of(at, LABELS + age, f"{column(LABELS + age)}{below + number + 1}", part, f"${letters}{at + 1}", whole)
            elif triangle.logos:
                pen.count_of(at, LABELS + age, f'COUNTIFS({where.of("signup")},$A{at + 1},{where.mrr(index)},">0")', customers)
            else:
                pen.sum_of(at, LABELS + age, f"SUMIFS({where.mrr(index)},{where.of('signup')},$A{at + 1})", micros)
