"""When rules would have rung: night after night by the real evaluation, and the limits that keep a budget of false alarms."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from metrics.alerts.certainty_words import verdict_in_short
from metrics.alerts.inferred import InferredDay, InferredParts
from metrics.alerts.replay import Suggestion, replay, suggest
from metrics.alerts.rules import Change, Judgement, MovementRule, Rule, Watch
from metrics.alerts.states import SingleMovement
from metrics.retention.figures import Figures
from tests.metrics.alerts.books import figures, months

JUNE = date(2025, 6, 1)
JUDGEMENT = Judgement(recover_by=Fraction(1, 200))
NRR = Rule("nrr", "nrr", "month", "below", Fraction(1), judgement=JUDGEMENT)
BOOK = months("month", JUNE, 102, 97, 96, 103, 99, 104)
"""January to May 2025 and the December before: 97 in January, 96 in February, 99 in April."""
NIGHTS = [date(2025, 1, 1) + timedelta(days=n) for n in range(160)]


def _rung(rules: Rule, book: list[Figures] = BOOK, *, grace_days: int = 0) -> list[tuple[str, date, date | None]]:
    return [(r.kind, r.night, r.until) for r in replay(Watch(rules=(rules,)), book, NIGHTS, grace_days=grace_days)]


def test_a_rule_rings_on_the_night_on_which_its_window_is_complete() -> None:
    """Once from February's first to April's first, once more in May; with a day of grace each a day later."""
    assert [("alarm", date(2025, 2, 1), date(2025, 4, 1)), ("alarm", date(2025, 5, 1), date(2025, 6, 1))] == _rung(NRR)
    assert [date(2025, 2, 2), date(2025, 5, 2)] == [night for _, night, _ in _rung(NRR, grace_days=1)]


def test_what_was_so_on_the_first_night_began_before() -> None:
    """It is shown, and is no alarm of the nights that were replayed."""
    [ring, _] = replay(Watch(rules=(NRR,)), BOOK, NIGHTS[40:])
    assert (True, "2025-01") == (ring.begun_before, ring.window)


def test_confirmation_and_quiet_count_nights() -> None:
    """Three nights must say the same, and after its end a rule is quiet for as long as it says."""
    patient = replace(NRR, judgement=replace(JUDGEMENT, confirm_nights=3))
    assert [date(2025, 2, 3), date(2025, 5, 3)] == [night for _, night, _ in _rung(patient)]
    quiet = replace(NRR, judgement=replace(JUDGEMENT, cooldown_days=90))
    assert [date(2025, 2, 1)] == [night for _, night, _ in _rung(quiet)]


def test_under_certainty_what_is_within_noise_is_a_note() -> None:
    """In a book that weighs like 30 customers a rate of 97 % is no news."""
    even = [
        replace(
            f,
            opening_squared=f.opening**2 // 30,
            opening_by_end=f.opening * f.closing // 30,
            end_squared=f.opening * f.closing // 30,
        )
        for f in BOOK
    ]
    rings = replay(Watch(rules=(replace(NRR, certainty=95),)), even, NIGHTS)
    assert {"note"} == {ring.kind for ring in rings}
    assert {True} == {ring.by_chance for ring in rings}


def test_what_could_rest_on_inferred_changes_alone_is_a_note_as_at_night() -> None:
    """A month whose churn nothing dates exactly rings in no night, so neither does it in the replay; under `count` it does."""
    low = replace(NRR, name="low", metric="grr")
    book = [replace(f, churn=f.opening - f.closing_of_cohort) if f.closing_of_cohort < f.opening else f for f in BOOK]
    undated = InferredParts([InferredDay(f.first, f.currency, "churn", f.churn, 1) for f in book if f.churn])
    for rule, kinds in ((low, {"note"}), (replace(low, inferred="count"), {"alarm"})):
        rings = replay(Watch(rules=(rule,)), book, NIGHTS, inferred=undated)
        assert kinds == {ring.kind for ring in rings}, rule.inferred
        assert (rule is low) is all("inferred" in verdict_in_short(ring.shown) for ring in rings), rule.inferred
    assert Suggestion("low", Fraction(1), 0, 0, 0) == suggest(Watch(), low, book, NIGHTS, 0, inferred=undated)


def test_single_movements_ring_as_they_are_seen() -> None:
    """What a night sees comes from whoever looks; a movement happened on its day, whenever looking began."""
    movement = SingleMovement("churn", "cus_1", date(2025, 1, 3), "usd", 500_000_000, 0, "canceled_voluntary")
    big = MovementRule("big", "churn", 100_000_000)

    def looks(_states: object, night: date) -> tuple[dict[str, list[SingleMovement]], dict[tuple[str, str], str]]:
        return {"big": [movement] if date(2025, 1, 4) <= night < date(2025, 1, 11) else []}, {}

    [ring] = replay(Watch(rules=(), movements=(big,)), [], NIGHTS[3:], looks=looks)
    assert ("alarm", date(2025, 1, 4), False) == (ring.kind, ring.night, ring.begun_before)


def test_a_suggested_limit_keeps_the_budget() -> None:
    """Of three false alarms none is left below 96 %, one below 97; a limit that keeps the budget stays as it is."""
    watch = Watch(rules=(NRR,))
    book = months("month", JUNE, 102, 97, 103, 96, 103, 95)
    rung = [suggest(watch, NRR, book, NIGHTS, allowed) for allowed in (0, 1, 2, 3)]
    assert [Fraction(95, 100), Fraction(96, 100), Fraction(97, 100), Fraction(1)] == [each.limit for each in rung]
    assert [(3, 0), (3, 1), (3, 2), (3, 3)] == [(each.false_now, each.false_then) for each in rung]


def test_limits_are_written_as_people_write_them() -> None:
    """In half points of a rate, further out than what was measured: 95.3 % becomes 95 %; of amounts in round figures."""
    odd = months("month", JUNE, 102, 102, 102, 102, Fraction(953, 10), 102)
    assert Fraction(95, 100) == suggest(Watch(), NRR, odd, NIGHTS, 0).limit
    mrr = Rule("mrr", "mrr", "month", "below", Fraction(-1_000_000_000), Change("previous", "amount"), judgement=Judgement())
    fall = [figures("month", date(2025, n, 1), nrr=100, opening=100_000 - 1_234 * (n > 3)) for n in range(1, 7)]
    assert Fraction(-1_300_000_000) == suggest(Watch(), mrr, fall, NIGHTS, 0).limit
