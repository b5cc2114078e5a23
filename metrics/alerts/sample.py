"""A sample message: made by the same code as real ones, of invented figures, and marked as a sample throughout."""

from dataclasses import replace
from datetime import date

from metrics.alerts.content import Content, content
from metrics.alerts.evaluate import Shelf, readings
from metrics.alerts.grouping import Notice
from metrics.alerts.rules import DEFAULT_RULES, Watch
from metrics.alerts.states import Alert, Event
from metrics.periods import add_months
from metrics.retention.figures import Figures


def sample(watch: Watch, day: date) -> Content:
    """The content of a message that shows what alerts look like."""
    until = date(day.year, day.month, 1)
    million = 1_000_000_000_000
    series = []
    for back, closing in zip(
        range(11, -1, -1), (1084, 1079, 1077, 1066, 1058, 1049, 1041, 1030, 1021, 1013, 1004, 987), strict=True
    ):
        end = add_months(until, -back)
        series.append(
            Figures(
                "sample",
                "trailing_12",
                add_months(end, -12),
                end,
                "",
                "",
                "usd",
                opening=million,
                expansion=closing * 10**9 - 900 * 10**9,
                contraction=30 * 10**9,
                churn=70 * 10**9,
                closing_of_cohort=closing * 10**9,
                closing=closing * 10**9 + 240 * 10**9,
                opening_customers=420,
                retained_customers=371,
                closing_customers=452,
                companions={
                    "flow_expansion": closing * 10**9 - 900 * 10**9,
                    "flow_contraction": 30 * 10**9,
                    "flow_churn": 70 * 10**9,
                    "members_behind": {"lost": 70},
                    "lost": [
                        {"customer": f"cus_sample_{n}", "opening": opening * 10**6, "closing": closed * 10**6}
                        for n, opening, closed in (
                            (1, 18_000, 0),
                            (2, 14_500, 6_500),
                            (3, 7_200, 0),
                            (4, 5_900, 0),
                            (5, 4_100, 1_100),
                            *((n, 3_000, 0) for n in range(6, 25)),
                            (25, 900, 0),
                        )
                    ],
                    "causes": [
                        {"kind": "churn", "cause": "canceled_voluntary", "micros": -52 * 10**9, "movements": 38},
                        {"kind": "contraction", "cause": "plan", "micros": -30 * 10**9, "movements": 21},
                        {"kind": "churn", "cause": "canceled_involuntary", "micros": -18 * 10**9, "movements": 11},
                    ],
                },
            )
        )
    rule = DEFAULT_RULES[0]
    reading = readings(rule, Shelf(series))[0]
    event = Event("firing", Alert(rule.name, "", "firing", 1, fired_window=reading.window, fired_until=reading.until), reading)
    made = content(Notice("firing", (event,), ""), replace(watch, rules=(rule,)))
    return {
        **made,
        "kind": "sample",
        "title": f"[SAMPLE] {made['title']}",
        "notes": ["This is a sample: every figure in it is invented."],
        "commands": [["Alerts", "nrr alerts list"]],
    }
