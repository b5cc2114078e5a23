"""Every invoiced cent by class, tied out to the invoices' own totals."""

from typing import Final

from integrations.workbook.content import Content
from integrations.workbook.pen import GREY, Pen, printed

NAME: Final = "Billings"


def write(pen: Pen, content: Content) -> None:
    """The sheet; without billings it says so."""
    pen.sheet.set_column(0, 0, 36)
    pen.sheet.set_column(1, 20, 14)
    pen.title("Billings by class", "Every line of every finalized invoice in one class, tied out to the invoices' own totals.")
    if content.billings is None:
        pen.text(3, 0, "This workbook holds no billings: they were not classified when it was made.", bold=True)
        pen.text(4, 0, "Nothing on the other sheets rests on them.", font_color=GREY)
    printed(pen)
