"""The snowball: from one month's closing to the next, by live formulas on the cube; beside it the bridge of the movements, and both checked."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from integrations.workbook.check import Check, of_row
from integrations.workbook.content import Content
from integrations.workbook.layout import Places
from integrations.workbook.pen import GREY, Pen, column, major, printed, total
from integrations.workbook.sheets import movements as movements_sheet
from integrations.workbook.sheets.snowball_lines import HEAD, LABELS, Line, customer_lines, head, mrr_lines
from metrics.retention.cube import Step, steps

NAME: Final = "Snowball"


def write(pen: Pen, content: Content, where: Places) -> list[Check]:
    """The sheet."""
    found, sheet = steps(content.cube), pen.sheet
    sheet.set_column(0, 0, 33)
    sheet.set_column(1, 1, 33)
    sheet.set_column(LABELS, LABELS + len(found), 11.5)
    sheet.freeze_panes(HEAD + 1, 1)
    pen.title(
        "MRR snowball",
        "From one month's closing to the next: who is there at one end and not at the other, at the opening's exchange rate.",
    )
    pen.header(HEAD, 0, ("", "How"))
    pen.months(HEAD, LABELS, [step.month for step in found])
    width = LABELS + len(found)
    row = HEAD + 1
    rows: dict[str, int] = {}
    for title, lines in (
        ("MRR, live on the cube", mrr_lines(where)),
        ("Customers, live on the cube", customer_lines(where)),
    ):
        pen.section(row, title, width)
        row = _block(pen, lines, found, row + 1, rows) + 1
    row = _bridge(pen, content, found, row, width, rows)
    checks = _checks(pen, content, found, row, width, rows)
    printed(pen, rows=(HEAD, HEAD), columns=0, wide=True)
    sheet.set_v_pagebreaks([LABELS + index for index in range(12, len(found), 12)])
    return checks


def _block(pen: Pen, lines: Sequence[Line], found: Sequence[Step], row: int, rows: dict[str, int]) -> int:
    """Lines, and under them that they add up to the last; gives the row after them."""
    first = row
    for line in lines:
        style: dict[str, Any] = total() if line.sums else {}
        pen.text(row, 0, line.name, **style)
        pen.text(row, 1, line.how, **(style or {"font_color": GREY}))
        if line.sums and not line.how:
            pen.sheet.write_blank(row, 1, None, pen.kit.format(**style))
        for index, step in enumerate(found, 1):
            col, value = LABELS + index - 1, line.value(step)
            if line.count:
                pen.count_of(row, col, line.formula(index), value, **style)
            else:
                pen.sum_of(row, col, line.formula(index), value, **style)
        rows[line.key] = row
        row += 1
    pen.text(row, 0, "Adds up (0)", italic=True)
    for index, step in enumerate(found):
        letters = column(LABELS + index)
        left = sum(line.value(step) for line in lines[:-1]) - lines[-1].value(step)
        pen.formula(
            row,
            LABELS + index,
            f"ROUND(SUM({letters}{first + 1}:{letters}{row - 1})-{letters}{row},6)",
            major(left),
            "0.######",
        )
    rows["adds_up" + ("_logos" if lines[0].count else "")] = row
    return row + 1


Compared = tuple[str, str, Callable[[Mapping[str, Any]], int], Callable[[Step], int]]
"""The live line, its name, what is stored of it in a month, and what the live line comes to."""
FLOWS: Final = (
    ("new", "New", 1),
    ("reactivation", "Reactivation", 1),
    ("expansion", "Expansion", 1),
    ("contraction", "Contraction", -1),
    ("churn", "Churn", -1),
)


def _bridge(pen: Pen, content: Content, found: Sequence[Step], row: int, width: int, rows: dict[str, int]) -> int:
    """The movements of the month, live on their sheet: each day's own, round trips within the month too."""
    pen.section(row, "Movements of the month, live on the sheet Movements", width)
    row += 1
    sums = movements_sheet.sums(content)
    months, kinds, amounts = (movements_sheet.area(content, name) for name in ("month", "book_kind", "book_micros"))
    for kind, name, _ in FLOWS:
        pen.text(row, 0, name)
        pen.text(
            row,
            1,
            "all movements of that kind, at their day's rate" if content.about.whole_book else "all movements of that kind",
            font_color=GREY,
        )
        for index, step in enumerate(found):
            letters = head(LABELS + index)
            pen.sum_of(
                row, LABELS + index, f'SUMIFS({amounts},{months},{letters},{kinds},"{kind}")', sums.get((step.month, kind), 0)
            )
        rows[f"flow_{kind}"] = row
        row += 1
    return row + 1


def _checks(pen: Pen, content: Content, found: Sequence[Step], row: int, width: int, rows: Mapping[str, int]) -> list[Check]:
    """What `nrr show` has for the same months, and how far the live lines are from it."""
    stored = {each["month"]: each for each in content.months.iter_rows(named=True)}
    sums = movements_sheet.sums(content)
    pen.section(row, "As nrr show has it, and the difference to the live lines above", width)
    row += 1
    compared: list[Compared] = [
        ("opening", "Opening MRR", lambda m: m["opening"], lambda s: s.opening),
        ("expansion", "Expansion of the opening's customers", lambda m: m["expansion"], lambda s: s.expansion),
        ("contraction", "Contraction of the opening's customers", lambda m: -m["contraction"], lambda s: -s.contraction),
        ("churn", "Churn of the opening's customers", lambda m: -m["churn"], lambda s: -s.churn),
        ("closing", "Closing MRR", lambda m: m["closing"], lambda s: s.closing),
    ]
    compared += [_flow(kind, name, sign, sums) for kind, name, sign in FLOWS]
    cols = (LABELS, width - 1)
    checks = [
        of_row(pen, NAME, "the snowball adds up", rows["adds_up"], cols, differs=False),
        of_row(pen, NAME, "its customers add up", rows["adds_up_logos"], cols, differs=False),
    ]
    for key, name, held, live in compared:
        pen.text(row, 0, name)
        for index, step in enumerate(found):
            if step.month in stored:
                pen.money(row, LABELS + index, held(stored[step.month]))
        pen.text(row + 1, 0, "  difference", italic=True, font_color=GREY)
        differs = False
        for index, step in enumerate(found):
            if step.month in stored:
                letters = column(LABELS + index)
                left = live(step) - held(stored[step.month])
                pen.sum_of(row + 1, LABELS + index, f"{letters}{rows[key] + 1}-{letters}{row + 1}", left)
                differs = differs or left != 0
        checks.append(of_row(pen, NAME, name, row + 1, cols, differs=differs))
        row += 2
    return checks


def _flow(kind: str, name: str, sign: int, sums: Mapping[tuple[date, str], int]) -> Compared:
    """Movements of one kind: as they are stored, losses positive, and as their sheet adds them up."""
    key = kind if kind in ("new", "reactivation") else f"flow_{kind}"

    def held(month: Mapping[str, Any]) -> int:
        return sign * int(month[key])

    def live(step: Step) -> int:
        return sums.get((step.month, kind), 0)

    return f"flow_{kind}", f"Movements: {name.lower()}", held, live
