"""How much hangs on few: the largest customers' share month after month, and what retention is without them."""

from collections.abc import Sequence
from typing import Final

from integrations.workbook.check import Check, of_row
from integrations.workbook.content import Content
from integrations.workbook.layout import Places
from integrations.workbook.pen import GREY, Pen, column, major, printed, total
from integrations.workbook.sheets.retention import HALF
from metrics.money import ratio_text
from metrics.retention.cube import YEAR, largest, of_the_largest
from metrics.retention.figures import SET_ASIDE
from metrics.retention.figures import TOP as SHARE_OF

NAME: Final = "Concentration"
TOPS: Final = (5, 10, 20)
LABELS: Final = 2
HEAD: Final = 3


def write(pen: Pen, content: Content, where: Places) -> list[Check]:
    """The sheet."""
    cube, sheet = content.cube, pen.sheet
    sheet.set_column(0, 0, 33)
    sheet.set_column(1, 1, 26)
    sheet.set_column(LABELS, LABELS + len(cube.days), 11.5)
    sheet.freeze_panes(HEAD + 1, 1)
    pen.title("Concentration", "The largest customers at each closing, live on the cube.")
    pen.header(HEAD, 0, ("Share of MRR", ""))
    pen.months(HEAD, LABELS, [day.replace(day=1) for day in cube.days[1:]])
    row = _shares(pen, content, where, HEAD + 1)
    printed(pen, columns=0, wide=True)
    index = _window(content)
    if index is None:
        pen.text(row + 1, 0, "The cube has no complete window of twelve months: NRR without the largest can't be shown.")
        return []
    return _without(pen, content, where, index, row + 1)


def _shares(pen: Pen, content: Content, where: Places, row: int) -> int:
    for count in TOPS:
        some = min(count, where.rows)
        pen.text(row, 0, f"MRR of the {count} largest")
        for index in range(1, len(content.cube.days)):
            col = LABELS + index - 1
            pen.sum_of(
                row,
                col,
                f"SUMPRODUCT(LARGE({where.mrr(index)},{_first(some)}))" if some else "0",
                of_the_largest(content.cube, index, count),
            )
        pen.text(row + 1, 0, f"share of the {count} largest", bold=True)
        for index in range(1, len(content.cube.days)):
            col, sum_ = LABELS + index - 1, int(content.cube.at(index).sum())
            part = of_the_largest(content.cube, index, count)
            pen.share_of(row + 1, col, f"{column(col)}{row + 1}", major(part), f"SUM({where.mrr(index)})", major(sum_), bold=True)
        row += 2
    return row


def _first(count: int) -> str:
    return "{" + ",".join(str(rank) for rank in range(1, count + 1)) + "}"


def _window(content: Content) -> int | None:
    """The last closing that ends a complete window of twelve months; the last of all, if none is complete."""
    incomplete = {month for month, flag in content.windows.select("month", "incomplete").iter_rows() if flag}
    ends = range(YEAR, len(content.cube.days))
    complete = [index for index in ends if content.cube.days[index].replace(day=1) not in incomplete]
    last = complete or list(ends)
    return last[-1] if last else None


def _without(pen: Pen, content: Content, where: Places, index: int, row: int) -> list[Check]:
    """The twenty largest at the opening of the last window, and the figures without them."""
    cube = content.cube
    places = largest(cube, index - YEAR, max(TOPS))
    opening, end = cube.at(index - YEAR), cube.at_rate_of(index, index - YEAR)
    first_day, last_day = cube.days[index - YEAR], cube.days[index]
    pen.section(row, f"The {max(TOPS)} largest at the closing of {first_day}, and where they stood at that of {last_day}", 7)
    table = row + 2
    pen.header(
        row + 1, 0, ("Customer", "Name" if content.names else "", "Opening", "End", "Change", "Share", "Cumulative"), right_from=2
    )
    sums = f"SUM({where.mrr(index - YEAR)})"
    whole = int(opening.sum())
    running = 0
    for number, place in enumerate(places):
        at, customer = table + number, str(cube.customers["customer"][place])
        a, b = int(opening[place]), int(end[place])
        running += a
        match = f"MATCH($A{at + 1},{where.of('customer')},0)"
        pen.text(at, 0, customer)
        pen.text(at, 1, content.names.get(customer))
        pen.sum_of(at, 2, f"INDEX({where.mrr(index - YEAR)},{match})", a)
        pen.sum_of(at, 3, f"INDEX({where.at_rate_of(index, index - YEAR)},{match})", b)
        pen.sum_of(at, 4, f"D{at + 1}-C{at + 1}", b - a)
        pen.share_of(at, 5, f"C{at + 1}", major(a), sums, major(whole))
        pen.share_of(at, 6, f"SUM(C${table + 1}:C{at + 1})", major(running), sums, major(whole))
    row = table + max(1, len(places)) + 1
    return _rates(pen, content, where, index, row, table, [(int(opening[place]), int(end[place])) for place in places])


def _rates(
    pen: Pen, content: Content, where: Places, index: int, row: int, table: int, ends: Sequence[tuple[int, int]]
) -> list[Check]:
    cube = content.cube
    opening, end = cube.at(index - YEAR), cube.at_rate_of(index, index - YEAR)
    a, b = int(opening.sum()), int(end.filter(opening > 0).sum())
    area, area_b = where.mrr(index - YEAR), where.at_rate_of(index, index - YEAR)
    pen.section(row, "NRR of these twelve months without them", 7)
    pen.header(row + 1, 0, ("Without", "", "Opening", "End", "NRR", "As nrr show has it", "Difference"), right_from=2)
    month = cube.days[index].replace(day=1)
    stored = next((row for row in content.windows.iter_rows(named=True) if row["month"] == month), None)
    checks: list[Check] = []
    row += 2
    for count in (0, *TOPS):
        some = min(count, len(ends))
        without_a, without_b = a - sum(x for x, _ in ends[:some]), b - sum(y for _, y in ends[:some])
        low, high = table + 1, table + some
        less_a, less_b = (f"-SUM(C{low}:C{high})", f"-SUM(D{low}:D{high})") if some else ("", "")
        style = total() if count == 0 else {}
        pen.text(row, 0, f"the {count} largest" if count else "nobody", **style)
        pen.sheet.write_blank(row, 1, None, pen.kit.format(**style))
        pen.sum_of(row, 2, f"SUM({area}){less_a}", without_a, **style)
        pen.sum_of(row, 3, f'SUMIFS({area_b},{area},">0"){less_b}', without_b, **style)
        pen.share_of(row, 4, f"D{row + 1}", major(without_b), f"C{row + 1}", major(without_a), **{"bold": True, **style})
        held = None if stored is None else {0: stored["nrr"], SET_ASIDE: stored["nrr_without_largest"]}.get(count)
        if held is not None and (live := ratio_text(without_b, without_a)) is not None:
            pen.rate(row, 5, held)
            checks.append(
                _difference(pen, row, live, held, f"NRR without the {count} largest" if count else "NRR of the last window")
            )
        row += 1
    if stored is not None and stored["concentration"] is not None and len(ends):
        pen.text(row, 0, f"Share of the {SHARE_OF} largest at the opening")
        part = sum(x for x, _ in ends[:SHARE_OF])
        pen.share_of(row, 4, f"SUM(C{table + 1}:C{table + min(SHARE_OF, len(ends))})", major(part), f"SUM({area})", major(a))
        pen.rate(row, 5, stored["concentration"])
        checks.append(_difference(pen, row, str(ratio_text(part, a)), stored["concentration"], f"share of the {SHARE_OF} largest"))
        row += 1
    pen.text(
        row + 1,
        0,
        "The largest are those at the opening; where two are as large, the first by name comes first.",
        font_color=GREY,
        italic=True,
    )
    return checks


def _difference(pen: Pen, row: int, live: str, held: str, name: str) -> Check:
    difference = 0.0 if live == held else float(live) - float(held)
    pen.formula(row, 6, f"IF(ABS(E{row + 1}-F{row + 1})<{HALF},0,E{row + 1}-F{row + 1})", difference, "0.00%")
    return of_row(pen, NAME, name, row, (6, 6), differs=difference != 0)
