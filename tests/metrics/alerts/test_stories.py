"""Stories about alerts, dated and to be read aloud: what happened on which night, and what was said."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

from metrics.alerts.content import content
from metrics.alerts.rules import Change, Judgement, MovementRule, Rule
from metrics.alerts.states import Alert, Hush, SingleMovement
from metrics.retention.figures import Figures
from tests.metrics.alerts.books import Nights, figures, months

NRR = Rule("nrr", "nrr", "trailing_12", "below", Fraction(1), judgement=Judgement(recover_by=Fraction(1, 200)))
GRR = Rule("grr-drop", "grr", "month", "below", Fraction(-2, 100), Change())
PLANS = Rule("plans", "nrr", "trailing_12", "below", Fraction(1), dimension="plan")

JUNE, JULY, AUGUST = date(2025, 6, 1), date(2025, 7, 1), date(2025, 8, 1)


def test_a_drop_that_stays_is_told_once() -> None:
    """NRR falls below 100 % in May and stays there: one message on the first night of June, then silence for two months."""
    nights = Nights(NRR)
    assert [] == nights.night(date(2025, 5, 1), months("trailing_12", date(2025, 5, 1), 103, 101))
    assert ["firing: nrr"] == nights.night(JUNE, months("trailing_12", JUNE, 103, 101, 98))
    for day in range(2, 31):
        assert [] == nights.night(date(2025, 6, day), months("trailing_12", JUNE, 103, 101, 98))
    for day in range(1, 32):
        assert [] == nights.night(date(2025, 7, day), months("trailing_12", JULY, 103, 101, 98, 97))
    assert "firing" == nights.state("nrr")


def test_a_drop_says_what_crossed_what_by_how_much_and_since_when() -> None:
    """The message holds value, limit, gap, the bridge, five customers, the cause and what to do next."""
    nights = Nights(NRR)
    nights.night(JULY, months("trailing_12", JULY, 103, 99, Fraction("98.3")))
    said = content(nights.said[0], nights.watch)
    assert "NRR below 100 %: 98.3 % (the 12 months to June 2025)" == said["title"]
    assert (
        "NRR of the 12 months to June 2025 is 98.3 %, 1.7 points below its limit of 100 %, below it since May 2025."
        == said["summary"]
    )
    assert ["Opening", "100,000 USD"] == said["bridge"][0]
    assert ["Churn", "−1,700 USD"] == said["bridge"][1]
    assert ["End of the cohort", "98,300 USD"] == said["bridge"][-1]
    assert [f"cus_{n}" for n in range(5)] == [c["customer"] for c in said["customers"]]
    assert [["Churn: canceled by the customer", "−1,700 USD", "5 movements"]] == said["causes"]
    assert "Upsell: expansion added only 0 % to the opening MRR, a pace of less than 5 % a year." == said["lever"]
    assert said["benchmark"].startswith("good for ARR 1–10 m (nrr's own rule of thumb, 2025")
    assert ["See more", "nrr show retention --from 2024-07-01 --to 2025-06-30"] in said["commands"]
    assert ["Why", "nrr explain trailing_12@2025-06"] in said["commands"]
    assert [["2025-04", "1.030000"], ["2025-05", "0.990000"], ["2025-06", "0.983000"]] == said["chart"]["points"]


def test_a_drop_that_recovers_is_told_when_it_is_over() -> None:
    """Down in May, back well above in July: a message, and one that it is resolved; a return to exactly the limit is not enough."""
    nights = Nights(NRR)
    assert ["firing: nrr"] == nights.night(JUNE, months("trailing_12", JUNE, 101, 98))
    assert [] == nights.night(JULY, months("trailing_12", JULY, 101, 98, 100)), "at its limit, within half a point: not over yet"
    assert ["resolved: nrr"] == nights.night(AUGUST, months("trailing_12", AUGUST, 101, 98, 100, 102))
    said = content(nights.said[-1], nights.watch)
    assert "Resolved: NRR is back at 102 % (the 12 months to July 2025)" == said["title"]
    assert nights.said[-1].follows
    assert nights.said[0].thread == nights.said[-1].thread


def test_a_value_that_flaps_rings_once() -> None:
    """Around the limit night by night (late news moves it to and fro): told once, within the margin nothing is resolved."""
    nights = Nights(NRR)
    said = []
    for day in range(1, 21):
        value = Fraction("99.9") if day % 2 else Fraction("100.3")
        said += nights.night(JUNE + timedelta(days=day), months("trailing_12", JUNE, 102, value))
    assert ["firing: nrr"] == said


def test_a_value_that_flaps_widely_is_quiet_for_the_cooldown() -> None:
    """Two points down and up each night: after it was resolved nothing rings for three days, then once more."""
    nights = Nights(NRR)
    said: dict[int, list[str]] = {}
    for day in range(1, 9):
        value = 98 if day % 2 else 102
        said[day] = nights.night(JUNE + timedelta(days=day), months("trailing_12", JUNE, 103, value, version=day))
    assert ["firing: nrr"] == said[1]
    assert ["resolved: nrr"] == said[2]
    assert [] == said[3]
    assert [] == said[4]
    assert ["firing: nrr"] == said[5]
    assert ["resolved: nrr"] == said[6]
    assert [] == said[7]


def test_three_nights_must_say_the_same() -> None:
    """With three nights of confirmation a drop of two nights is never told, one of three is; the same night again doesn't count."""
    rule = Rule("nrr", "nrr", "trailing_12", "below", Fraction(1), judgement=Judgement(confirm_nights=3))
    nights = Nights(rule)
    bad, good = months("trailing_12", JUNE, 102, 98), months("trailing_12", JUNE, 102, 102)
    assert [] == nights.night(date(2025, 6, 1), bad)
    assert [] == nights.night(date(2025, 6, 2), bad)
    assert [] == nights.night(date(2025, 6, 2), bad), "the same night once more"
    assert "pending" == nights.state("nrr")
    assert [] == nights.night(date(2025, 6, 3), good)
    assert "ok" == nights.state("nrr")
    assert [] == nights.night(date(2025, 6, 4), bad)
    assert [] == nights.night(date(2025, 6, 5), bad)
    assert ["firing: nrr"] == nights.night(date(2025, 6, 6), bad)
    assert [] == nights.night(date(2025, 6, 7), good)
    assert [] == nights.night(date(2025, 6, 8), good)
    assert ["resolved: nrr"] == nights.night(date(2025, 6, 9), good)


def test_a_small_base_never_rings() -> None:
    """Nine customers, one leaves, NRR is 40 %: nothing is said; with ten of them it is."""
    nights = Nights(NRR)
    assert [] == nights.night(JUNE, months("trailing_12", JUNE, 100, 40, customers=9))
    assert "ok" == nights.state("nrr")
    assert ["firing: nrr"] == nights.night(JULY, months("trailing_12", JULY, 100, 40, 40, customers=10))


def test_a_month_that_has_not_ended_never_rings() -> None:
    """June looks terrible on its third day; what counts is May."""
    nights = Nights(Rule("grr", "grr", "month", "below", Fraction(9, 10)))
    book = [*months("month", JUNE, 98, 97), figures("month", JULY, nrr=12, incomplete=True)]
    assert [] == nights.night(date(2025, 6, 3), book)
    assert ["firing: grr"] == nights.night(JULY, [*months("month", JULY, 98, 97, 12)])
    begun = [*months("month", JULY, 98, 97, 12), figures("month", AUGUST, nrr=100, incomplete=True)]
    assert [] == nights.night(date(2025, 7, 2), begun), "and a good beginning ends nothing"
    assert "firing" == nights.state("grr")


def test_a_change_is_measured_against_the_month_before() -> None:
    """GRR loses 1.9 points: nothing. It loses 2.5 more: told, with both values."""
    nights = Nights(GRR)
    assert [] == nights.night(JULY, months("month", JULY, 97, Fraction("95.1")))
    assert ["firing: grr-drop"] == nights.night(AUGUST, months("month", AUGUST, 97, Fraction("95.1"), Fraction("92.6")))
    said = content(nights.said[0], nights.watch)
    assert "GRR fell by 2.5 points to 92.6 % (July 2025)" == said["title"]
    assert (
        "GRR of July 2025 is 92.6 %: against the window before (95.1 %) it fell by 2.5 points; the limit is 2 points."
        == said["summary"]
    )
    assert "Retention: churn took 7.4 % of the opening MRR in a month, a pace of more than 10 % a year." == said["lever"]
    assert ["Churn", "−7,400 USD", "−4,900 USD"] in said["bridge"], "with the month before beside it"


def test_a_change_against_a_year_ago_and_a_mean_need_all_that_they_are_compared_with() -> None:
    """Without the same month of last year, or with a hole in the months of the mean, nothing can be said."""
    year = Rule("year", "mrr", "month", "below", Fraction(-1, 10), Change("year_ago", "percent"))
    mean = Rule("mean", "mrr", "month", "below", Fraction(-1, 10), Change("trailing_mean", "percent", 3))
    nights = Nights(year, mean)
    book = months("month", JULY, 100, 100, 100, 80)
    assert [] == nights.night(JULY, book[:2] + book[3:])
    assert ["firing: mean"] == nights.night(date(2025, 7, 2), book)
    assert ["firing: year (follows)"] == nights.night(date(2025, 7, 3), [*book, figures("month", date(2024, 7, 1), nrr=100)])


def test_a_restated_month_that_changes_the_verdict_says_so() -> None:
    """NRR of May was 101 %; a late cancellation makes it 98 %: the message says that this is a restatement. Then it is undone."""
    nights = Nights(NRR)
    assert [] == nights.night(date(2025, 6, 1), months("trailing_12", JUNE, 102, 101))
    assert ["firing: nrr"] == nights.night(
        date(2025, 6, 9), [*months("trailing_12", JUNE, 102), figures("trailing_12", JUNE, nrr=98, version=2)]
    )
    said = content(nights.said[-1], nights.watch)
    assert (
        "This is a restatement: NRR of the 12 months to May 2025 was 101 % when it was first judged and is 98 % now."
        in said["notes"]
    )
    assert ["resolved: nrr"] == nights.night(date(2025, 6, 12), [figures("trailing_12", JUNE, nrr=102, version=3)])
    said = content(nights.said[-1], nights.watch)
    assert (
        "This is a restatement: NRR of the 12 months to May 2025 was 98 % when it was first judged and is 102 % now."
        in said["notes"]
    )


def test_an_older_month_that_is_restated_is_corrected() -> None:
    """April was told of in May. In July it turns out that April was fine after all: a correction, once, under the first message."""
    nights = Nights(NRR)
    may = date(2025, 5, 1)
    assert ["firing: nrr"] == nights.night(may, months("trailing_12", may, 98))
    assert [] == nights.night(JUNE, months("trailing_12", JUNE, 98, 97))
    mended = [figures("trailing_12", may, nrr=101, version=2), figures("trailing_12", JUNE, nrr=97)]
    assert ["restated: nrr"] == nights.night(date(2025, 6, 5), mended)
    assert (
        "Restated: NRR of the 12 months to April 2025 is within its limit after all"
        == content(nights.said[-1], nights.watch)["title"]
    )
    assert nights.said[-1].thread == nights.said[0].thread
    assert [] == nights.night(date(2025, 6, 6), mended)
    assert "firing" == nights.state("nrr"), "May is still below"


def test_a_restatement_that_changes_no_verdict_is_not_told() -> None:
    """98 % becomes 97 %: it was told that it is below, and nothing else is new."""
    nights = Nights(NRR)
    nights.night(JUNE, months("trailing_12", JUNE, 98))
    assert [] == nights.night(date(2025, 6, 5), months("trailing_12", JUNE, 97, version=2))


def test_five_segments_and_one_cause_ring_once() -> None:
    """The whole book and five plans fall below on the same night: one message that leads with the whole. It ends with one, too."""
    nights = Nights(PLANS, NRR)

    def book(until: date, value: int) -> list[Figures]:
        plans = [f for p in "abcde" for f in months("trailing_12", until, 103, value, dimension="plan", segment=p)]
        return [*months("trailing_12", until, 103, value), *plans]

    every = "nrr, plans plan=a, plans plan=b, plans plan=c, plans plan=d, plans plan=e"
    assert [f"firing: {every}"] == nights.night(JUNE, book(JUNE, 97))
    said = content(nights.said[0], nights.watch)
    assert "NRR below 100 %: 97 % (the 12 months to May 2025)" == said["title"]
    assert 5 == len(said["also"])
    assert "NRR of plan=a below 100 %: 97 % (the 12 months to May 2025)" == said["also"][0]
    assert [f"resolved: {every}"] == nights.night(JULY, book(JULY, 103))


def test_nrr_and_grr_of_windows_that_end_together_have_one_cause() -> None:
    """A bad June pulls the month's GRR and the year's NRR down: one message."""
    nights = Nights(NRR, GRR)
    book = [*months("trailing_12", JULY, 101, 99), *months("month", JULY, 99, 90)]
    assert ["firing: nrr, grr-drop"] == nights.night(JULY, book)


def test_a_segment_that_joins_later_follows_the_first_message() -> None:
    """Plan b needs two nights to be confirmed: it is told of beneath the message that was sent, not by a new one."""
    slow = Rule("plans", "nrr", "trailing_12", "below", Fraction(1), dimension="plan", judgement=Judgement(confirm_nights=2))
    nights = Nights(NRR, slow)
    book = [*months("trailing_12", JUNE, 97), *months("trailing_12", JUNE, 90, dimension="plan", segment="b")]
    assert ["firing: nrr"] == nights.night(JUNE, book)
    assert ["firing: plans plan=b (follows)"] == nights.night(date(2025, 6, 2), book)
    assert nights.said[0].thread == nights.said[1].thread


def test_a_segment_of_a_whole_that_fires_already_follows_it_months_later() -> None:
    """The whole has been below for a month when plan b falls below too: named beneath the message of the whole, while that fires."""
    nights = Nights(NRR, PLANS)
    plan = {"dimension": "plan", "segment": "b"}
    assert ["firing: nrr"] == nights.night(JUNE, [*months("trailing_12", JUNE, 97), *months("trailing_12", JUNE, 101, **plan)])
    book = [*months("trailing_12", JULY, 97, 96), *months("trailing_12", JULY, 101, 90, **plan)]
    assert ["firing: plans plan=b (follows)"] == nights.night(JULY, book)
    other = Nights(GRR, PLANS)
    assert ["firing: grr-drop"] == other.night(JUNE, [*months("month", JUNE, 97, 90), *months("trailing_12", JUNE, 101, **plan)])
    book = [
        *months("month", JULY, 97, 90, 80),
        *months("trailing_12", JULY, 101, 101),
        *months("trailing_12", JULY, 101, 90, **plan),
    ]
    assert ["firing: plans plan=b"] == other.night(JULY, book), "another metric, another month: news"


def test_many_at_once_become_one() -> None:
    """Seven unrelated rules fire on the same night: one message that lists them; with five it would have been five."""
    metrics = ("nrr", "expansion_rate", "expansion_mrr", "new_mrr", "new_logos", "arpa", "concentration")
    rules = [Rule(f"r-{m}", m, "month", "below", Fraction(10**18)) for m in metrics]
    nights = Nights(*rules)
    book = months("month", JUNE, 97, companions={"largest": [{"customer": "cus_1", "opening": 5, "closing": 5}]})
    assert [f"many: {', '.join(r.name for r in rules)}"] == nights.night(JUNE, book)
    assert "7 alerts at once" == content(nights.said[0], nights.watch)["title"]
    said = content(nights.said[0], replace(nights.watch, asides=("12 % lies outside subscriptions.",)))
    assert ["12 % lies outside subscriptions."] == said["notes"], "what every message of figures says"
    assert "notes" not in content(nights.said[0], nights.watch)
    few = Nights(*rules[:5])
    assert 5 == len(few.night(JUNE, book))


def test_a_mute_withholds_and_what_still_fires_afterwards_is_told() -> None:
    """Muted in June: it fires and nobody is disturbed. The mute ends in July while it still fires: now it is told, and once."""
    nights = Nights(NRR)
    nights.hush = Hush(muted=frozenset({("nrr", "")}))
    assert ["[firing: nrr]"] == nights.night(JUNE, months("trailing_12", JUNE, 97))
    assert [] == nights.night(date(2025, 6, 2), months("trailing_12", JUNE, 97))
    nights.hush = Hush()
    assert ["firing: nrr"] == nights.night(date(2025, 7, 1), months("trailing_12", JULY, 97, 97))
    assert "NRR below 100 %: 97 % (the 12 months to June 2025)" == content(nights.said[-1], nights.watch)["title"]
    assert [] == nights.night(date(2025, 7, 2), months("trailing_12", JULY, 97, 97))
    assert ["resolved: nrr"] == nights.night(AUGUST, months("trailing_12", AUGUST, 97, 97, 103))


def test_what_was_never_told_is_never_resolved_aloud() -> None:
    """Muted while it fired and recovered: the end of something nobody heard of is no news."""
    nights = Nights(NRR)
    nights.hush = Hush(muted=frozenset({("nrr", "")}))
    assert ["[firing: nrr]"] == nights.night(JUNE, months("trailing_12", JUNE, 97))
    nights.hush = Hush()
    assert [] == nights.night(JULY, months("trailing_12", JULY, 97, 103))
    assert "resolved" == nights.state("nrr")


def test_reminders_come_until_somebody_has_seen_it() -> None:
    """With a reminder every seven days: told on day 1, 8 and 15; acknowledged then, silence."""
    rule = Rule("nrr", "nrr", "trailing_12", "below", Fraction(1), judgement=Judgement(remind_days=7))
    nights = Nights(rule)
    said = {day: nights.night(date(2025, 6, day), months("trailing_12", JUNE, 97)) for day in range(1, 16)}
    assert {1: ["firing: nrr"], 8: ["reminder: nrr"], 15: ["reminder: nrr"]} == {d: s for d, s in said.items() if s}
    nights.hush = Hush(seen=frozenset({("nrr", "")}))
    assert [] == [s for day in range(16, 31) for s in nights.night(date(2025, 6, day), months("trailing_12", JUNE, 97))]


def test_nothing_is_said_of_what_can_not_be_judged_any_more() -> None:
    """It fires; then hardly anybody is left to judge it by: no reminder, no end; told again of when there is something to say."""
    rule = Rule("grr-drop", "grr", "month", "below", Fraction(-2, 100), Change(), judgement=Judgement(remind_days=7))
    nights = Nights(rule)
    nights.hush = Hush(muted=frozenset({("grr-drop", "")}))
    assert ["[firing: grr-drop]"] == nights.night(JULY, months("month", JULY, 97, 90))
    nights.hush = Hush()
    assert [] == nights.night(AUGUST, [*months("month", JULY, 97, 90), figures("month", AUGUST, nrr=50, customers=3)])
    assert "firing" == nights.state("grr-drop")
    assert ["firing: grr-drop"] == nights.night(date(2025, 8, 2), months("month", AUGUST, 97, 90, 80))


def test_a_large_churn_is_told_once_and_withdrawn_when_it_never_was() -> None:
    """A customer of 5,000 leaves on 3 June. On the 5th it turns out that it was a mistake: the ledger knows nothing of it any more."""
    rule = MovementRule("large", "churn", 1000 * 10**6)
    nights = Nights(movements=(rule,))
    left = SingleMovement("churn", "cus_big", date(2025, 6, 3), "usd", 5_000 * 10**6, 0, "canceled_voluntary")
    assert ["firing: large cus_big usd 2025-06-03"] == nights.night(date(2025, 6, 4), [], {"large": [left]})
    said = content(nights.said[0], nights.watch)
    assert "Large churn: cus_big −5,000 USD" == said["title"]
    assert "cus_big: −5,000 USD a month on 3 June 2025, canceled by the customer." == said["summary"]
    assert [] == nights.night(date(2025, 6, 5), [], {"large": [left]})
    undone = {("large", left.key): "undone"}
    assert ["resolved: large cus_big usd 2025-06-03"] == nights.night(date(2025, 6, 6), [], {"large": []}, endings=undone)
    assert "Resolved: the churn of cus_big is no longer in the ledger" == content(nights.said[-1], nights.watch)["title"]
    assert [] == nights.night(date(2025, 6, 7), [], {"large": []})
    assert {("large", ""): Alert("large", "")} == nights.states, "nothing is kept of what is over but that the rule was looked at"


def test_a_movement_that_has_passed_ends_quietly() -> None:
    """After the days that are looked back at, a large churn is simply history."""
    nights = Nights(movements=(MovementRule("large", "churn", 1000 * 10**6),))
    left = SingleMovement("churn", "cus_big", date(2025, 6, 3), "usd", 5_000 * 10**6, 0)
    nights.night(date(2025, 6, 4), [], {"large": [left]})
    assert [] == nights.night(date(2025, 6, 12), [], {"large": []}, endings={("large", left.key): "past"})
    assert [] == nights.night(date(2025, 6, 13), [], {"large": []})
    assert [("large", "")] == list(nights.states)


def test_several_large_movements_of_one_night_share_a_message() -> None:
    """Three leave on one night: one message with all of them, the largest first, and their sum."""
    nights = Nights(movements=(MovementRule("large", "churn", 1000 * 10**6),))
    left = [SingleMovement("churn", f"cus_{n}", date(2025, 6, 3), "usd", n * 10**9, 0) for n in (2, 4, 3)]
    (said,) = nights.night(date(2025, 6, 4), [], {"large": left})
    assert "firing: large cus_4 usd 2025-06-03, large cus_3 usd 2025-06-03, large cus_2 usd 2025-06-03" == said
    told = content(nights.said[0], nights.watch)
    assert "3 large churns: −9,000 USD" == told["title"]
    assert "Each is larger than 1,000 a month in the reporting currency." == told["summary"]
    assert ["cus_4", "cus_3", "cus_2"] == [c["customer"] for c in told["customers"]]


def test_a_rule_that_is_taken_away_ends_quietly() -> None:
    """Its alert was firing; the rule is removed from the settings: no message, and it doesn't fire for ever."""
    nights = Nights(NRR)
    nights.night(JUNE, months("trailing_12", JUNE, 97))
    nights.watch = Nights().watch
    assert [] == nights.night(date(2025, 6, 2), months("trailing_12", JUNE, 97))
    assert "ok" == nights.state("nrr")


def test_a_segment_without_anybody_left_is_over() -> None:
    """Plan b fires; next month nobody is on it any more: resolved, and it says that there is nothing left to judge."""
    nights = Nights(PLANS)
    whole = months("trailing_12", JULY, 101, 101)
    assert ["firing: plans plan=b"] == nights.night(
        JUNE, [*whole[:1], *months("trailing_12", JUNE, 90, dimension="plan", segment="b")]
    )
    assert ["resolved: plans plan=b"] == nights.night(
        JULY, [*whole, *months("trailing_12", JUNE, 90, dimension="plan", segment="b")]
    )
    assert "Resolved: NRR of plan=b: nothing left to judge" == content(nights.said[-1], nights.watch)["title"]


def test_a_night_that_comes_too_late_changes_nothing() -> None:
    """A job of an earlier night that was held up finds that a later one has judged already."""
    nights = Nights(NRR)
    nights.night(date(2025, 6, 5), months("trailing_12", JUNE, 102))
    assert [] == nights.night(date(2025, 6, 4), months("trailing_12", JUNE, 97))
    assert "ok" == nights.state("nrr")
