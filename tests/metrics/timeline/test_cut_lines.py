"""An invoice that tells only some of its lines: nothing is proven absent by it."""

from dataclasses import replace

from metrics.evidence import UnreadLine
from metrics.policy import preset
from metrics.timeline.timeline import build
from tests.metrics.groups import member
from tests.metrics.life import CATALOG, instant

BILLED = """
listed 2025-12-01 start=2025-01-01 items=pro@a,addon@b
invoice 2025-01-01 reason=subscription_create line=pro@a:2025-01-01..2025-02-01 line=addon@b:2025-01-01..2025-02-01
invoice 2025-02-01 line=pro@a:2025-02-01..2025-03-01
invoice 2025-03-01 line=pro@a:2025-03-01..2025-04-01 line=addon@b:2025-03-01..2025-04-01
"""


def test_an_item_without_a_line_on_a_cut_list_stays_and_the_invoice_is_named() -> None:
    """50.00 and 15.00; the invoice of February has a line of the first alone, and says that there is more."""
    (evidence,) = member("cus_1", BILLED).subscriptions
    first, cut, last = evidence.invoices
    cut = replace(cut, unread=(UnreadLine(f"{cut.head.id}_rest", "lines_cut", "nothing follows"),))
    found = build(
        replace(evidence, invoices=(first, cut, last)), CATALOG, preset("default"), customer_states=(), now=instant("2025-12-02")
    )
    assert {65_000_000} == {sum(item.net_micros for item in step.items) for step in found.steps}
    assert [(cut.head.id, "lines_cut")] == [(f.object_id, f.reason) for f in found.findings if f.reason != "history_from_invoices"]
