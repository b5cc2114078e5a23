"""Writing a workbook: eleven sheets from a Content, each by its own module. Nothing is looked up, nothing is known of where the content came from."""

from datetime import UTC
from pathlib import Path
from typing import Final

from xlsxwriter.exceptions import FileCreateError

from integrations.workbook.content import Content
from integrations.workbook.layout import CUBE, places
from integrations.workbook.pen import Pen, open_kit
from integrations.workbook.sheets import (
    billings,
    cohorts,
    concentration,
    cover,
    cube,
    movements,
    pricing,
    quality,
    reconciliation,
    retention,
    snowball,
)

SHEETS: Final = (
    (cover.NAME, "this page"),
    (CUBE, "MRR of each customer at each month's closing, with country, plan, product, interval, sign-up month and parent"),
    (snowball.NAME, "from closing to closing: new, reactivation, expansion, contraction, churn; in money and customers"),
    (retention.NAME, "NRR, GRR and logo retention of twelve months, with intervals"),
    (cohorts.NAME, "sign-up cohorts as triangles, in money and in customers"),
    (concentration.NAME, "the 5, 10 and 20 largest, and NRR without them"),
    (movements.NAME, "every movement with its cause and Stripe's objects"),
    (billings.NAME, "what was invoiced, by class"),
    (pricing.NAME, "list against net, discounts that end, billing intervals, renewals"),
    (quality.NAME, "exclusions, findings, restatements"),
    (reconciliation.NAME, "differences to another source"),
)


def write(content: Content, path: Path) -> None:
    """Write the workbook into a file, in the place of what is there. Raises OSError."""
    kit = open_kit(str(path), content.about.currency)
    pens = {name: Pen(kit, kit.book.add_worksheet(name)) for name, _ in SHEETS}
    where = places(content)
    about = content.about
    made = about.made_at.astimezone(UTC).replace(tzinfo=None)
    kit.book.set_properties(
        {"title": f"MRR and retention to {about.last:%B %Y}", "created": made, "comments": f"nrr {about.version}"}
    )
    checks = [
        *cube.write(pens[CUBE], content, where),
        *snowball.write(pens[snowball.NAME], content, where),
        *retention.write(pens[retention.NAME], content, where),
        *concentration.write(pens[concentration.NAME], content, where),
    ]
    cohorts.write(pens[cohorts.NAME], content, where)
    movements.write(pens[movements.NAME], content)
    checks += billings.write(pens[billings.NAME], content)
    pricing.write(pens[pricing.NAME], content)
    quality.write(pens[quality.NAME], content)
    reconciliation.write(pens[reconciliation.NAME], content)
    cover.write(pens[cover.NAME], content, where, SHEETS[1:], checks)
    pens[cover.NAME].sheet.activate()
    try:
        kit.book.close()
    except FileCreateError as error:
        raise OSError(*error.args) from None
