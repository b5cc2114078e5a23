"""What is to be known about the data: by reason, in the order in which it deserves a look, and in one sentence."""

from tests.worker.cli.conftest import Concern
from worker.cli.findings import sentence
from worker.queries.findings import Group, Noted, grouped


def _noted(customer: str | None, reason: str, severity: str) -> Noted:
    return Noted(customer, 1, f"of {customer}", reason, severity, None, "said")


def test_reasons_are_grouped_and_the_worst_stands_first() -> None:
    """By severity, then by the MRR of the customers concerned, each counted once; what is of no customer has no amount."""
    found = [
        *(_noted(f"cus_{n}", "gap", "notice") for n in range(3)),
        _noted("cus_1", "gap", "notice"),
        _noted("cus_9", "unknown_price", "warning"),
        _noted("cus_1", "unknown_coupon", "warning"),
        _noted(None, "bad_shape", "error"),
    ]
    net = {"cus_0": 10, "cus_1": 500, "cus_2": 1}
    assert [
        Group("bad_shape", "error", 1, 0, "all:usd", None),
        Group("unknown_coupon", "warning", 1, 1, "all:usd", 500),
        Group("unknown_price", "warning", 1, 1, "all:usd", 0),
        Group("gap", "notice", 4, 3, "all:usd", 511),
    ] == grouped(found, net, "all:usd")
    assert [None] * 4 == [each.mrr_micros for each in grouped(found, {}, None)]


def test_what_they_come_to_is_a_sentence() -> None:
    """Without code words, and with what a reader wants to know: whether a figure is touched."""
    assert "About the data: nothing to note." == sentence({})
    assert "About the data: nothing that changes a figure, 1 note on how far the history can be relied on." == sentence(
        {"notice": 1}
    )
    assert (
        "About the data: 1 error and 2 warnings that may change figures, and 7 notes on how far the history can be relied on."
        == sentence({"error": 1, "warning": 2, "notice": 7})
    )


def test_the_command_shows_a_reason_once_and_its_objects_when_asked(concern: Concern) -> None:
    """120 equal sentences are one; `--reason` lists the objects; JSON has both."""
    done = concern("show", "findings")
    assert 1 == done.out.count("Before its first event or listing")
    assert " of MRR" in done.out
    assert "nrr show findings --reason history_from_invoices" in done.err
    objects = concern("show", "findings", "--reason", "history_from_invoices", "--limit", "5")
    assert 5 == sum("cus_" in line for line in objects.out.splitlines())
    told = concern("show", "findings", "--json").json
    assert told["count"] == sum(group["count"] for group in told["groups"])
    assert told["count"] == len(told["findings"])
    assert "About the data: nothing that changes a figure" in concern("show", "mrr").err
