"""`nrr show …`: figures as they stand, for people and for scripts. Days are reporting days, and both ends of a range are part of it."""

from collections.abc import Mapping
from typing import Final

import typer

from worker.cli.lazy import Entry, group_of

SHOWN: Final[Mapping[str, Entry]] = {
    "mrr": Entry("mrr:mrr", "Show MRR at a day's closing, net and list."),
    "movements": Entry("movements:movements", "Show each customer's movements of MRR, day by day."),
    "exclusions": Entry("mrr:exclusions", "Show what is left out of MRR: how much, how often, and why."),
    "retention": Entry("retention:retention", "Show NRR, GRR, logo retention and the MRR bridge."),
    "findings": Entry("findings:findings", "Show what is noteworthy about the data, by reason."),
    "outlook": Entry("outlook:outlook", "Show what is coming by dates that are known."),
    "billings": Entry("billings:billings", "Show every invoiced cent by class, and the share outside."),
    "nrr": Entry("figures:nrr", "Show net revenue retention, window after window."),
    "grr": Entry("figures:grr", "Show gross revenue retention, window after window."),
    "segments": Entry("figures:segments", "Show retention by segment for the last complete window."),
    "cohorts": Entry("figures:cohorts", "Show retention by month of sign-up, month after month."),
    "insight": Entry("insight:insight", "Show what drives NRR: lever, benchmark, trend, customers."),
}

app = typer.Typer(cls=group_of(SHOWN), no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def show() -> None:
    """Figures as they stand."""
