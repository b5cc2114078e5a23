"""One subscription's timeline beside its movements: what lies ahead, what was left out and when, and what says so."""

from dataclasses import replace

from metrics.entries import Timeline
from metrics.evidence import Instant
from metrics.policy import preset
from metrics.timeline.timeline import build
from tests.metrics.groups import member
from tests.metrics.life import CATALOG, instant

NOW = instant("2026-01-01")


def timeline(text: str, excluded: str | None = None, **choices: object) -> Timeline:
    """The timeline of a life's only subscription."""
    customer = member("cus", text)
    policy = preset("default", **choices)
    return build(customer.subscriptions[0], CATALOG, policy, customer_states=customer.states, now=NOW, excluded=excluded)


def left_out(found: Timeline) -> list[tuple[str, str, int | None, Instant, Instant | None]]:
    """What was left out: object, reason, worth, from when, until when."""
    return [(e.object_id, e.reason, e.mrr_micros, e.since, e.until) for e in found.exclusions]


def test_what_lies_ahead() -> None:
    """The end that was asked for, while it isn't reached; the end of a trial, while it runs."""
    asked = "event 2025-01-01 items=pro\nevent 2025-02-01 cancel_at=2026-06-01 asked=2025-02-01"
    assert (instant("2026-06-01"), None) == (timeline(asked).scheduled_end, timeline(asked).trial_end)
    ended = asked + "\nevent 2025-03-01 status=canceled ended=2025-03-01"
    assert timeline(ended).scheduled_end is None
    trial = "event 2025-12-25 status=trialing items=pro trial=2025-12-25..2026-01-08"
    assert (None, instant("2026-01-08")) == (timeline(trial).scheduled_end, timeline(trial).trial_end)
    assert timeline("event 2025-01-01 items=pro trial=2024-12-01..2025-01-01").trial_end is None


def test_a_trial_is_left_out_while_it_runs() -> None:
    """At what it would be worth, and anew at another worth when the plan changes."""
    text = """
event 2025-01-01 status=trialing items=pro trial=2025-01-01..2025-01-15
event 2025-01-10 items=team
event 2025-01-15 status=active
"""
    assert [
        ("sub", "trial", 50_000_000, instant("2025-01-01"), instant("2025-01-10")),
        ("sub", "trial", 80_000_000, instant("2025-01-10"), instant("2025-01-15")),
    ] == left_out(timeline(text))


def test_an_item_is_left_out_by_itself() -> None:
    """On its own trial until that ends; metered at its usage; unknown without a worth, for as long as it is there."""
    text = "event 2025-01-01 items=pro@a,addon@b~2025-01-15,usage@c,mystery@d\nevent 2025-03-01 items=pro@a"
    assert {
        ("b", "item_trial", 15_000_000, instant("2025-01-01"), instant("2025-01-15")),
        ("c", "metered", 0, instant("2025-01-01"), instant("2025-03-01")),
        ("d", "unknown_price", None, instant("2025-01-01"), instant("2025-03-01")),
    } == set(left_out(timeline(text)))


def test_a_metered_item_is_left_out_at_what_it_came_to() -> None:
    """Nothing before the first bill, and then the last complete period's usage: 30 × 0.01."""
    text = """
event 2025-01-01 items=pro@a,usage@b
invoice 2025-02-01 line=usage*30@b:2025-01-01..2025-02-01 line=pro@a:2025-02-01..2025-03-01
event 2025-02-20 items=pro@a,usage@b
"""
    assert [
        ("b", "metered", 0, instant("2025-01-01"), instant("2025-02-01")),
        ("b", "metered", 300_000, instant("2025-02-01"), None),
    ] == left_out(timeline(text))


def test_what_does_not_count_as_a_whole_is_left_out_once() -> None:
    """While all of it is paused its items are no exclusions of their own."""
    text = "event 2025-01-01 items=pro@a,usage@c\nevent 2025-02-01 pause=void"
    assert [
        ("c", "metered", 0, instant("2025-01-01"), instant("2025-02-01")),
        ("sub", "paused", 50_000_000, instant("2025-02-01"), None),
    ] == left_out(timeline(text))


def test_a_customer_that_is_left_out_keeps_its_worth() -> None:
    """An internal account: only while it would count, and under its own reason when it wouldn't."""
    text = "event 2025-01-01 items=pro\nevent 2025-02-01 pause=void\nevent 2025-03-01 pause=none"
    found = timeline(text, excluded="internal")
    assert () == found.steps
    assert [
        ("sub", "internal", 50_000_000, instant("2025-01-01"), instant("2025-02-01")),
        ("sub", "paused", 50_000_000, instant("2025-02-01"), instant("2025-03-01")),
        ("sub", "internal", 50_000_000, instant("2025-03-01"), None),
    ] == left_out(found)


def test_a_step_names_what_dates_it() -> None:
    """The event, the discount that ends by itself, the customer's own, the invoice and its line."""
    found = timeline(
        "event 2025-01-01 id=evt_1 items=pro discounts=half3:2025-01-01..2025-04-01\nevent 2025-05-01 id=evt_2 items=team"
    )
    assert [("evt_1",), ("di_half3_2025-01-01",), ("evt_2",)] == [s.evidence for s in found.steps]
    given = timeline("event 2025-01-01 id=evt_1 items=pro\ncustomer 2025-02-10 discounts=ten:2025-02-10..2025-05-10")
    assert [("evt_1",), ("di_ten_2025-02-10",), ("di_ten_2025-02-10",)] == [s.evidence for s in given.steps]
    lines = timeline("listed 2025-06-01 start=2025-01-01 items=pro\ninvoice 2025-01-01 line=pro@si_sub:2025-01-01..2025-02-01")
    assert [("in_3", "il_3_0")] == [s.evidence for s in lines.steps]


def dated(text: str) -> list[tuple[Instant, tuple[str, ...]]]:
    """When each step was, and what dates it."""
    return [(step.at, step.evidence) for step in timeline(text).steps]


def test_what_ends_as_the_next_state_begins_is_no_step_of_its_own() -> None:
    """Of one moment there is one step, and the event dates it: whether a discount ended, the customer's began, or usage was billed just then."""
    ends = "event 2025-01-01 id=evt_1 items=pro discounts=half3:2025-01-01..2025-04-01\nevent 2025-04-01 id=evt_2 items=team discounts=none"
    assert [(instant("2025-01-01"), ("evt_1",)), (instant("2025-04-01"), ("evt_2",))] == dated(ends)
    begins = """
event 2025-01-01 id=evt_1 items=pro
customer 2025-02-01 discounts=ten:2025-02-01..2025-03-01
event 2025-02-01 id=evt_2 items=team
event 2025-03-01 id=evt_3 items=pro
"""
    assert [("evt_1",), ("evt_2",), ("evt_3",)] == [ids for _, ids in dated(begins)]
    billed = """
event 2025-01-01 id=evt_1 items=pro@a,usage@b
invoice 2025-02-01 line=usage*30@b:2025-01-01..2025-02-01 line=pro@a:2025-02-01..2025-03-01
event 2025-02-20 id=evt_quiet items=pro@a,usage@b
event 2025-03-01 id=evt_2 items=team@a,usage@b
invoice 2025-03-01 line=usage*45@b:2025-02-01..2025-03-01 line=team@a:2025-03-01..2025-04-01
event 2025-04-01 id=evt_3 items=team@a,usage@b,addon@c
invoice 2025-04-01 line=usage*50@b:2025-03-01..2025-04-01 line=team@a:2025-04-01..2025-05-01
"""
    assert [("evt_1",), ("il_4_0",), ("evt_2",), ("evt_3",)] == [ids for _, ids in dated(billed)]


def test_of_two_changes_in_one_second_only_the_last_is_a_step() -> None:
    """The state between them was never in force."""
    text = """
event 2025-01-01 id=evt_0 items=seat*5
event 2025-02-10 id=evt_b items=seat*7
before 2025-02-10 id=evt_a items=seat*7
event 2025-02-10 id=evt_a items=seat*9
before 2025-02-10 id=evt_b items=seat*5
"""
    assert [(instant("2025-01-01"), ("evt_0",)), (instant("2025-02-10"), ("evt_a",))] == dated(text)


def test_what_dates_itself_is_not_told_as_inferred() -> None:
    """The seats of February left no dated trace, and say so; the discount of March has a date of its own, as has its end."""
    text = """
listed 2025-06-01 start=2025-01-01 items=seat*4 discounts=half3:2025-03-01..2025-06-01
invoice 2025-01-01 reason=subscription_create line=seat*1@si_sub:2025-01-01..2025-02-01
invoice 2025-02-01 line=seat*4@si_sub:2025-02-01..2025-03-01
"""
    inferred = "changed without a proration within the cycle before: dated at the cycle's start"
    assert [
        ("start", False, ""),
        ("quantity", True, inferred),
        ("discount_start", False, ""),
        ("discount_end", False, ""),
    ] == [(step.cause, step.inferred, step.note) for step in timeline(text).steps]


def test_a_step_names_the_status() -> None:
    """The one it was in from then on; paused is paused, whether by the status or by its collection."""
    text = """
event 2025-01-01 items=pro
event 2025-02-01 status=past_due
event 2025-02-20 status=unpaid
event 2025-03-01 status=active
event 2025-04-01 pause=void
event 2025-05-01 pause=none
event 2025-06-01 status=frozen
event 2025-07-01 status=trialing
event 2025-08-01 status=active
event 2025-09-01 status=canceled ended=2025-09-01
"""
    names = ["active", "past_due", "unpaid", "active", "paused", "active", "frozen", "active", "canceled"]
    assert names == [step.status for step in timeline(text).steps]
    trial = "event 2025-06-01 start=2025-01-01 items=pro trial=2025-03-01..2025-04-01"
    assert ["active", "trialing", "active"] == [step.status for step in timeline(trial).steps]
    late = ["active", "past_due", "past_due", "active"]
    assert late == [step.status for step in timeline(text, past_due_out_after_days=14).steps][:4]


def test_a_problem_names_its_item_once() -> None:
    """However long it lasts, and with the customer and a sentence."""
    text = "event 2025-01-01 items=pro@a,mystery@b\nevent 2025-02-01 items=team@a,mystery@b"
    (finding,) = timeline(text).findings
    assert ("b", "unknown_price", "cus", "warning") == (finding.object_id, finding.reason, finding.customer, finding.severity)
    assert finding.detail.startswith("item b of sub with price mystery can't be priced in full: nobody knows this price")


def test_each_discount_dates_its_own_steps() -> None:
    """Between the cycles of February and April as well as behind the last one."""
    text = """
listed 2025-12-01 start=2025-01-01 items=seat*5 discounts=half3:2025-03-01..2025-06-01+five:2025-08-01..
invoice 2025-01-01 reason=subscription_create line=seat*1@si_sub:2025-01-01..2025-02-01
invoice 2025-02-01 line=seat*4@si_sub:2025-02-01..2025-04-01
invoice 2025-04-01 line=seat*5@si_sub:2025-04-01..2025-05-01
"""
    dated_by = {step.at: step.evidence for step in timeline(text).steps}
    assert [("di_half3_2025-03-01",), ("di_half3_2025-03-01",), ("di_five_2025-08-01",)] == [
        dated_by[instant(text)] for text in ("2025-03-01", "2025-06-01", "2025-08-01")
    ]


def test_a_gap_says_since_when() -> None:
    """From the end of the last cycle before it, as a warning."""
    text = """
listed 2025-06-01 start=2025-01-01 items=pro
invoice 2025-01-01 reason=subscription_create line=pro@si_sub:2025-01-01..2025-02-01
invoice 2025-04-01 line=pro@si_sub:2025-04-01..2025-05-01
"""
    (finding,) = timeline(text).findings
    assert ("gap", "sub", instant("2025-02-01"), "warning") == (finding.reason, finding.object_id, finding.at, finding.severity)


def test_what_does_not_count_is_no_problem() -> None:
    """An unknown price on a trial is nobody's trouble yet."""
    assert () == timeline("event 2025-12-25 status=trialing items=mystery trial=2025-12-25..2026-01-08").findings


def test_a_subscription_that_nobody_saw() -> None:
    """Invoices name it, but neither a listing nor an event does: left out, and said so."""
    evidence = member("cus", "invoice 2025-01-01 line=pro@si_sub:2025-01-01..2025-02-01").subscriptions[0]
    nameless = replace(evidence.invoices[0], head=replace(evidence.invoices[0].head, customer=None))
    found = build(replace(evidence, invoices=(nameless, *evidence.invoices)), CATALOG, preset("default"), now=NOW)
    assert ("cus", ()) == (found.customer, found.steps)
    assert [("sub", "subscription_unseen", "cus", "warning")] == [
        (f.object_id, f.reason, f.customer, f.severity) for f in found.findings
    ]


def test_usage_stands_beside_mrr_under_a_name_of_its_own() -> None:
    """A step by what was used says so; one that changes MRR at the same moment is told by what changed MRR."""
    text = """
event 2025-01-01 items=pro@a,usage@b
invoice 2025-02-01 reason=subscription_cycle line=usage*30@b:2025-01-01..2025-02-01 line=pro@a:2025-02-01..2025-03-01
event 2025-02-20 items=pro@a,usage@b
event 2025-03-01 items=team@a,usage@b
invoice 2025-03-01 reason=subscription_cycle line=usage*45@b:2025-02-01..2025-03-01 line=team@a:2025-03-01..2025-04-01
"""
    assert [(50_000_000, 0, "start"), (50_000_000, 300_000, "usage"), (80_000_000, 450_000, "plan")] == [
        (step.net_micros, step.usage_micros, step.cause) for step in timeline(text).steps
    ]
