"""The cover: what the workbook is, what it rests on, how complete it is, its headline figures, and whether its sheets agree."""

from collections.abc import Sequence
from typing import Final

from integrations.workbook.check import Check
from integrations.workbook.content import RATES, Content
from integrations.workbook.layout import Places
from integrations.workbook.pen import GREY, INPUT, MOMENT, NAVY, Pen, column, printed
from integrations.workbook.sheets import retention
from metrics.retention.cube import YEAR, trailing

NAME: Final = "Cover"
WIDTH: Final = 140
"""So many characters fit beside the first column."""


def write(pen: Pen, content: Content, where: Places, sheets: Sequence[tuple[str, str]], checks: Sequence[Check]) -> None:
    """The sheet. `sheets` are the others with what is on them."""
    about, sheet = content.about, pen.sheet
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 22)
    sheet.set_column(2, 4, 14)
    sheet.set_column(5, 5, 50)
    code = about.currency.upper()
    pen.title(
        f"MRR and retention, {about.first:%B %Y} to {about.last:%B %Y}",
        f"Customer cube and what follows from it, in {code}. Confidential.",
    )
    row = _headline(pen, content, where, 3)
    row = _rests_on(pen, content, row + 1)
    row = _sheets(pen, sheets, row + 1)
    row = _agreement(pen, checks, row + 1)
    _reading(pen, row + 1)
    printed(pen, tall=1)


def _headline(pen: Pen, content: Content, where: Places, row: int) -> int:
    cube, last = content.cube, len(content.cube.days) - 1
    pen.section(row, f"At the closing of {cube.days[-1]}" + (" (incomplete)" if content.about.incomplete else ""), 6)
    row += 1
    sum_, customers = int(cube.at(last).sum()), int((cube.at(last) > 0).sum())
    big = {"bold": True, "font_size": 12}
    pen.text(row, 0, "MRR")
    pen.sum_of(row, 1, f"SUM({where.mrr(last)})", sum_, **big)
    pen.text(row + 1, 0, "ARR (12 × MRR)")
    pen.sum_of(row + 1, 1, f"12*B{row + 1}", 12 * sum_, **big)
    pen.text(row + 2, 0, "Customers")
    pen.count_of(row + 2, 1, f'COUNTIF({where.mrr(last)},">0")', customers, **big)
    row += 3
    kept = trailing(cube)
    if not kept:
        pen.text(
            row, 0, "NRR, GRR and logo retention of twelve months need thirteen closings; this book has fewer.", font_color=GREY
        )
        return row + 1
    window = next((each for each in content.windows.iter_rows(named=True) if each["month"] == kept[-1].month), None)
    pen.text(row, 2, "from", align="right", font_color=GREY)
    pen.text(row, 3, "to", align="right", font_color=GREY)
    pen.text(row, 5, f"interval of {content.about.level} %, two-sided", font_color=GREY)
    row += 1
    for rate in RATES:
        part, whole = retention.PARTS[rate]
        top, bottom = getattr(kept[-1], part), getattr(kept[-1], whole)
        cell = f"{retention.NAME}!{column(retention.LABELS + len(cube.days) - 1 - YEAR)}{retention.ROWS[rate] + 1}"
        pen.text(row, 0, f"{retention.WORDS[rate]} of twelve months")
        pen.formula(row, 1, cell, "" if bottom == 0 else top / bottom, "0.00%", align="right", **big)
        if window is not None:
            pen.rate(row, 2, window[f"{rate}_low"])
            pen.rate(row, 3, window[f"{rate}_high"])
            if window["no_interval"] is not None:
                pen.text(row, 5, f"no interval: {window['no_interval'].replace('_', ' ')}", font_color=GREY)
        row += 1
    return row


def _rests_on(pen: Pen, content: Content, row: int) -> int:
    about = content.about
    pen.section(row, "What it rests on", 6)
    row += 1
    code = about.currency.upper()
    method = (
        f"the whole book expressed in {code}: a closing at its own day's rate, retention at the opening's rate (constant currency), movements at their day's"
        if about.whole_book
        else f"what is billed in {code}; nothing is exchanged"
    )
    known: list[tuple[str, str]] = [
        ("Accounts", ", ".join(about.accounts) or "–"),
        ("Currency", method),
        ("Policy", f"{about.policy} (version {about.policy_version})"),
        ("Its choices", "; ".join(f"{name.replace('_', ' ')}: {value}" for name, value in about.choices.items())),
        ("Basis of the figures", about.basis),
        ("Days and months are cut in", about.timezone),
        ("Made by", f"nrr {about.version}"),
    ]
    for name, text in known:
        pen.text(row, 0, name, valign="top")
        pen.wrapped(row, 1, 5, text, width=WIDTH)
        row += 1
    for name, moment in (("Made at (UTC)", about.made_at), ("As known at (UTC)", about.known_until)):
        pen.text(row, 0, name)
        pen.day(row, 1, moment, MOMENT)
        row += 1
    pen.text(row, 0, "Completeness")
    missing = [
        *(["the last month isn't complete: the data doesn't reach its end and the days of grace"] if about.incomplete else []),
        *([f"{about.quarantined:,} objects could not be read"] if about.quarantined else []),
        *([f"{about.underived:,} customers can't be derived"] if about.underived else []),
    ]
    pen.text(
        row,
        1,
        "; ".join(missing) or "all months are complete, every object was read",
        **({"bold": True, "font_color": "#B3261E"} if missing else {}),
    )
    row += 1
    for note in about.notes:
        pen.text(row, 1, note, bold=True)
        row += 1
    return row


def _sheets(pen: Pen, sheets: Sequence[tuple[str, str]], row: int) -> int:
    pen.section(row, "Sheets", 6)
    row += 1
    link = pen.kit.format(font_color=INPUT, underline=1)
    for name, what in sheets:
        pen.sheet.write_url(row, 0, f"internal:'{name}'!A1", link, name)
        pen.text(row, 1, what)
        row += 1
    return row


def _agreement(pen: Pen, checks: Sequence[Check], row: int) -> int:
    """Whether the live figures and those of `nrr show` are the same, calculated here."""
    pen.section(row, "Do the live sheets agree with what nrr show has?", 6)
    row += 1
    first = row + 1
    for check in checks:
        pen.text(row, 0, check.name[:1].upper() + check.name[1:])
        pen.formula(
            row, 1, f'IF(SUMPRODUCT(ABS({check.area}))=0,"agrees","differs")', "differs" if check.differs else "agrees", "General"
        )
        row += 1
    if not checks:
        pen.text(row, 0, "There is nothing to compare.", font_color=GREY)
        return row + 1
    pen.text(row, 0, "Altogether", bold=True)
    wrong = sum(check.differs for check in checks)
    pen.formula(
        row,
        1,
        f'IF(COUNTIF(B{first}:B{row},"agrees")={len(checks)},"all agree","see the sheets")',
        "see the sheets" if wrong else "all agree",
        "General",
        bold=True,
    )
    bad, good = pen.kit.book.add_format({"font_color": "#B3261E", "bold": True}), pen.kit.book.add_format({"font_color": "#1E7B45"})
    for text, look in (("differs", bad), ("see the", bad), ("agree", good)):
        pen.sheet.conditional_format(
            f"B{first}:B{row + 1}",
            {"type": "text", "criteria": "begins with" if text != "agree" else "containing", "value": text, "format": look},
        )
    return row + 1


def _reading(pen: Pen, row: int) -> None:
    pen.section(row, "How to read it", 6)
    pen.text(row + 1, 0, "Blue", font_color=INPUT, bold=True)
    pen.text(row + 1, 1, "a value as nrr has it")
    pen.text(row + 2, 0, "Black", bold=True)
    pen.text(row + 2, 1, "a formula, live; change a blue value of the cube and everything follows")
    pen.text(row + 3, 0, "Exactness", font_color=NAVY, bold=True)
    pen.text(
        row + 3,
        1,
        "amounts are exact to a millionth of a unit and shown in the currency's own places; sums are rounded to a millionth",
    )
    pen.text(row + 4, 0, "Definitions")
    pen.text(row + 4, 1, "metrics/DEFINITIONS.md of the version above; nrr explain CUSTOMER goes down to Stripe's objects")
