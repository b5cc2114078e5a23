"""NRR, GRR and logo retention over twelve months, month after month, by live formulas on the cube; beside them what `nrr show` has, with intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from integrations.workbook.check import Check, of_row
from integrations.workbook.content import RATES, Content
from integrations.workbook.layout import Places
from integrations.workbook.pen import GREY, PERCENT, Pen, column, major, printed, total
from metrics.money import ratio_text
from metrics.retention.cube import YEAR, Kept, trailing

NAME: Final = "Retention"
LABELS: Final = 2
HEAD: Final = 6
HALF: Final = "0.00000051"
"""Half of the last place of a rate that is stored with six: so much lies between it and the exact one at most."""
WORDS: Final = {"nrr": "NRR", "grr": "GRR", "logo_retention": "Logo retention"}
METHOD: Final = (
    "Cohort method: those with MRR above 0 at the opening, twelve months before the month's closing, compared by end points.",
    "Both ends are at the opening's exchange rate; who came later is outside. NRR = end ÷ opening. GRR = smaller of both ends ÷ opening.",
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line: the formula of a closing (by its number from 0), and what it comes to."""

    key: str
    name: str
    how: str
    formula: Callable[[int], str]
    value: Callable[[Kept], int]
    count: bool = False


def lines(where: Places) -> list[Line]:
    """The parts that the rates are made of."""

    def a(i: int) -> str:
        return where.mrr(i - YEAR)

    def b(i: int) -> str:
        return where.at_rate_of(i, i - YEAR)

    def here(i: int, name: str) -> str:
        return f"{column(LABELS + i - YEAR)}{ROWS[name] + 1}"

    def gone(i: int) -> str:
        area = where.elsewhere(i)
        return f'-SUMIFS({a(i)},{a(i)},">0",{b(i)},0' + (")" if area is None else f",{area},0)")

    def stayed(i: int) -> str:
        area = where.elsewhere(i)
        there = f'COUNTIFS({a(i)},">0",{b(i)},">0")'
        return there if area is None else f'{there}+COUNTIFS({a(i)},">0",{b(i)},0,{area},1)'

    return [
        Line("opening", "Opening MRR", "closing of the month twelve before", lambda i: f"SUM({a(i)})", lambda k: k.opening),
        Line(
            "expansion",
            "Expansion",
            "end above the opening",
            lambda i: f"{here(i, 'end')}-{here(i, 'kept')}",
            lambda k: k.end - k.kept,
        ),
        Line(
            "contraction",
            "Contraction",
            "end below the opening",
            lambda i: f"{here(i, 'kept')}-{here(i, 'opening')}-{here(i, 'churn')}",
            lambda k: k.kept + k.churn - k.opening,
        ),
        Line("churn", "Churn", "nothing at the end", gone, lambda k: -k.churn),
        Line(
            "end", "End of the cohort", "their MRR at the month's closing", lambda i: f'SUMIFS({b(i)},{a(i)},">0")', lambda k: k.end
        ),
        Line(
            "kept",
            "Kept",
            "the smaller of both ends",
            lambda i: f"SUMPRODUCT(({a(i)}<={b(i)})*{a(i)}+({a(i)}>{b(i)})*{b(i)})",
            lambda k: k.kept,
        ),
        Line("members", "Customers at the opening", "", lambda i: f'COUNTIF({a(i)},">0")', lambda k: k.members, True),
        Line("retained", "of them still customers", "", stayed, lambda k: k.retained, True),
    ]


KEYS: Final = ("opening", "expansion", "contraction", "churn", "end", "kept", "members", "retained")
ROWS: Final[Mapping[str, int]] = {
    **{key: HEAD + 2 + index for index, key in enumerate(KEYS)},
    **{rate: HEAD + 3 + len(KEYS) + index for index, rate in enumerate(RATES)},
}
"""The rows of the live lines."""
PARTS: Final = {"nrr": ("end", "opening"), "grr": ("kept", "opening"), "logo_retention": ("retained", "members")}


def write(pen: Pen, content: Content, where: Places) -> list[Check]:
    """The sheet."""
    found, sheet = trailing(content.cube), pen.sheet
    width = LABELS + max(1, len(found))
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 30)
    sheet.set_column(LABELS, width, 11.5)
    sheet.freeze_panes(HEAD + 1, 1)
    pen.title("Retention over twelve months", "At every month's end, live on the cube.")
    for index, text in enumerate(METHOD):
        pen.text(2 + index, 0, text)
    pen.text(4, 0, _about(content))
    pen.header(HEAD, 0, ("Twelve months to the end of", "How"))
    pen.months(HEAD, LABELS, [each.month for each in found])
    if not found:
        pen.text(HEAD + 1, 0, "The cube has no month with another one twelve before it: no window of twelve months can be shown.")
        return []
    pen.section(HEAD + 1, "Live on the cube", width)
    _live(pen, found, where)
    checks = _stored(pen, content, found, width)
    printed(pen, rows=(HEAD, HEAD), columns=0, wide=True)
    sheet.set_v_pagebreaks([LABELS + index for index in range(12, len(found), 12)])
    return checks


def _about(content: Content) -> str:
    about = content.about
    text = (
        f"Intervals: {about.level} %, two-sided; NRR's from the variance of a ratio of sums, GRR's and logos' Wilson's; customers are taken to "
        "move independently. No interval below 10 effective customers."
    )
    if about.grr_by != "end":
        text += f" This policy's own GRR is by {about.grr_by.replace('_', ' ')} and not by end points: nrr show grr."
    return text


def _live(pen: Pen, found: Sequence[Kept], where: Places) -> None:
    for line in lines(where):
        row = ROWS[line.key]
        style: dict[str, Any] = total() if line.key == "end" else {}
        pen.text(row, 0, line.name, **style)
        if line.how or style:
            pen.text(row, 1, line.how, **(style or {"font_color": GREY}))
        for index, each in enumerate(found):
            write = pen.count_of if line.count else pen.sum_of
            write(row, LABELS + index, line.formula(YEAR + index), line.value(each), **style)
    for rate, (part, whole) in PARTS.items():
        row = ROWS[rate]
        pen.text(row, 0, WORDS[rate], bold=True)
        pen.text(row, 1, f"{_name(part)} ÷ {_name(whole)}".lower(), font_color=GREY)
        for index, each in enumerate(found):
            letters = column(LABELS + index)
            values = {
                "end": each.end,
                "opening": each.opening,
                "kept": each.kept,
                "members": each.members,
                "retained": each.retained,
            }
            top, bottom = f"{letters}{ROWS[part] + 1}", f"{letters}{ROWS[whole] + 1}"
            shown = float if whole == "members" else major
            pen.share_of(row, LABELS + index, top, shown(values[part]), bottom, shown(values[whole]), bold=True)


def _name(key: str) -> str:
    return {
        "end": "End of the cohort",
        "opening": "opening",
        "kept": "Kept",
        "members": "customers at the opening",
        "retained": "still customers",
    }[key]


def _stored(pen: Pen, content: Content, found: Sequence[Kept], width: int) -> list[Check]:
    """What `nrr show` has, with the intervals, and the differences to the live lines."""
    stored = {row["month"]: row for row in content.windows.iter_rows(named=True)}
    row = ROWS["logo_retention"] + 2
    pen.section(row, "As nrr show has it", width)
    row += 1
    held: dict[str, int] = {}
    for rate in RATES:
        for key, name in ((rate, WORDS[rate]), (f"{rate}_low", "  from"), (f"{rate}_high", "  to")):
            pen.text(row, 0, name, bold=key == rate)
            if key != rate:
                pen.text(row, 1, f"interval of {content.about.level} %", font_color=GREY)
            for index, each in enumerate(found):
                if each.month in stored:
                    pen.rate(row, LABELS + index, stored[each.month][key])
            held[key] = row
            row += 1
    for key, name in (
        ("effective_customers", "Effective number of customers"),
        ("no_interval", "Why no interval"),
        ("incomplete", "Complete"),
    ):
        pen.text(row, 0, name)
        for index, each in enumerate(found):
            _told(pen, row, LABELS + index, key, stored.get(each.month))
        row += 1
    pen.section(row + 1, "Difference of the live lines to it", width)
    row += 2
    return _differences(pen, found, stored, held, row)


def _told(pen: Pen, row: int, col: int, key: str, window: Mapping[str, Any] | None) -> None:
    value = None if window is None else window[key]
    if key == "effective_customers" and value is not None:
        pen.number(row, col, float(value), "#,##0.0")
    elif key == "incomplete" and window is not None:
        pen.text(row, col, "incomplete" if value else "yes", align="right", font_color="#B3261E" if value else GREY)
    elif key == "no_interval" and value is not None:
        pen.text(row, col, str(value).replace("_", " "), align="right", font_color=GREY)


def _differences(
    pen: Pen, found: Sequence[Kept], stored: Mapping[Any, Mapping[str, Any]], held: Mapping[str, int], row: int
) -> list[Check]:
    checks = []
    for rate, (part, whole) in PARTS.items():
        pen.text(row, 0, WORDS[rate])
        pen.text(row, 1, "to six places, as it is stored", font_color=GREY)
        differs = False
        for index, each in enumerate(found):
            text = stored[each.month][rate] if each.month in stored else None
            live = ratio_text(getattr(each, part), getattr(each, whole))
            if text is not None and live is not None:
                letters = column(LABELS + index)
                here, there = f"{letters}{ROWS[rate] + 1}", f"{letters}{held[rate] + 1}"
                difference = 0.0 if live == text else float(live) - float(text)
                pen.formula(row, LABELS + index, f"IF(ABS({here}-{there})<{HALF},0,{here}-{there})", difference, PERCENT)
                differs = differs or difference != 0
        cols = (LABELS, LABELS + len(found) - 1)
        checks.append(of_row(pen, NAME, f"{WORDS[rate]} of twelve months", row, cols, differs=differs))
        row += 1
    return checks
