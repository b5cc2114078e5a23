"""Reading `[alerts]` of nrr.toml: what is refused, on which line, with which suggestion; and what the words come to."""

import tomllib
from datetime import time
from fractions import Fraction

import pytest

from metrics.alerts.rules import DEFAULT_RULES, DEFAULT_SYSTEM, Change, MovementRule, Rule, Watch
from worker.config.alert_limits import limit_text
from worker.config.alert_rules import BadRules, read_watch
from worker.config.default_alerts import DEFAULT_TOML


def read(text: str) -> Watch:
    """What a settings file with this text asks for."""
    return read_watch(tomllib.loads(text).get("alerts", {}), text=text, dimensions=("plan", "country", "metadata.industry"))


def refused(text: str) -> tuple[str, ...]:
    """Why it is refused."""
    with pytest.raises(BadRules) as error:
        read(text)
    return error.value.faults


def test_without_a_word_the_defaults_are_on() -> None:
    """NRR of a year and of three months below 100 %, GRR of three months two points down, data older than a day, drift, quarantine, broken sums."""
    watch = read("")
    assert Watch() == watch
    assert (DEFAULT_RULES, DEFAULT_SYSTEM) == (watch.rules, watch.system)
    assert [
        "nrr-below-100",
        "nrr-3-months-below-100",
        "grr-drop",
        "logo-drop",
        "freshness",
        "drift",
        "quarantine",
        "identity",
    ] == list(watch.named())


def test_what_init_writes_can_be_used_as_it_stands() -> None:
    """All of it commented out is the defaults; all of it commented in is read, and the defaults in it are the built-in ones."""
    assert Watch() == read(DEFAULT_TOML)
    plain = "\n".join(line.removeprefix("# ").removeprefix("#") for line in DEFAULT_TOML.splitlines())
    watch = read(plain)
    assert set(DEFAULT_RULES) == set(watch.rules[:4])
    assert ["nrr-3-months-below-100", "nrr-below-100", "grr-drop", "logo-drop", "unusual-grr", "plans"] == [
        rule.name for rule in watch.rules
    ]
    assert (MovementRule("large-churn", "churn", 1_000_000_000),) == watch.movements
    assert ((time(22), time(7)), ("weekly",)) == (watch.quiet, watch.digests)


def test_every_fault_is_told_at_once_with_its_line() -> None:
    """Eight faults, eight lines; what was probably meant is said."""
    text = """\
reporting_currency = "usd"
[alerts]
frshness_hours = 3
drift = 1
quiet_hours = "25:00-07:00"
[[alerts.rules]]
name = "a"
metric = "nnr"
below = "95 %"
[[alerts.rules]]
metric = "nrr"
below = 0.95
[[alerts.rules]]
metric = "grr"
falls_by = 2
[[alerts.rules]]
metric = "mrr"
falls_by = "5 %"
each = "plans"
[[alerts.rules]]
movement = "chrn"
above = 5
[[alerts.rules]]
metric = "nrr"
windw = "month"
below = "90 %"
"""
    assert (
        "nrr.toml:3: [alerts] has no 'frshness_hours'; did you mean 'freshness_hours'?",
        "nrr.toml:4: drift takes true or false, not 1",
        "nrr.toml:5: quiet_hours takes two times such as \"22:00-07:00\", not '25:00-07:00'",
        "nrr.toml:8: rule 'a': there is no metric 'nnr'; did you mean 'nrr'?",
        'nrr.toml:12: rule 2: nrr is a rate: write it as per cent, such as "95 %", not 0.95',
        'nrr.toml:15: rule 3: falls_by takes "2 points" or "5 %" for grr, not 2',
        "nrr.toml:19: rule 4: no figures are made by 'plans'; did you mean 'plan'?",
        "nrr.toml:21: rule 5: there is no movement 'chrn'; did you mean 'churn'?",
        "nrr.toml:25: rule 6: there is no 'windw'; did you mean 'window'?",
    ) == refused(text)


RULE = '[[alerts.rules]]\nname = "r"\n'


@pytest.mark.parametrize(
    ("words", "side", "limit", "change"),
    [
        ('metric = "nrr"\nbelow = "97.5 %"', "below", Fraction(975, 1000), None),
        ('metric = "grr"\nbelow = 90', "below", Fraction(9, 10), None),
        ('metric = "quick_ratio"\nbelow = 1.1', "below", Fraction(11, 10), None),
        ('metric = "mrr"\nabove = 12345.67', "above", Fraction(12_345_670_000), None),
        ('metric = "customers"\nbelow = 20', "below", Fraction(20), None),
        ('metric = "grr"\nfalls_by = "2 points"', "below", Fraction(-2, 100), Change()),
        ('metric = "grr"\nfalls_by = "1.5 pp"\nagainst = "year_ago"', "below", Fraction(-15, 1000), Change("year_ago")),
        ('metric = "mrr"\nfalls_by = "5 %"', "below", Fraction(-1, 20), Change(unit="percent")),
        ('metric = "mrr"\nfalls_by = 1234.56', "below", Fraction(-1_234_560_000), Change(unit="amount")),
        ('metric = "grr"\nbelow = "98.75 %"', "below", Fraction(9_875, 10_000), None),
        ('metric = "churned_mrr"\nrises_by = 1000', "above", Fraction(10**9), Change(unit="amount")),
        ('metric = "grr"\nunusual = "low"', "below", Fraction(-4), Change("usual", "spreads")),
        ('metric = "mrr"\nunusual = "high"\nby = 3.5', "above", Fraction(7, 2), Change("usual", "spreads")),
        (
            'metric = "nrr"\nrises_by = "3 points"\nagainst = "trailing_mean"\nmean_of = 3',
            "above",
            Fraction(3, 100),
            Change("trailing_mean", "points", 3),
        ),
    ],
)
def test_limits_are_exact(words: str, side: str, limit: Fraction, change: Change | None) -> None:
    """Per cent, points, amounts and numbers as people write them."""
    (rule,) = [r for r in read(RULE + words).rules if r.name == "r"]
    assert (side, limit, change) == (rule.side, rule.limit, rule.change)
    # And written again, as for somebody who is to put it into the file, they are the same.
    metric = next(line for line in words.splitlines() if line.startswith("metric"))
    rest = [line for line in words.splitlines() if line.startswith(("against", "mean_of"))]
    again = "\n".join((metric, limit_text(rule, limit).replace(", by", "\nby"), *rest))
    assert [(limit, change)] == [(r.limit, r.change) for r in read(RULE + again).rules if r.name == "r"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ('metric = "nrr"', "takes exactly one of below, above, falls_by, rises_by"),
        (
            'metric = "nrr"\nbelow = "95 %"\nabove = "99 %"',
            "takes exactly one of below, above, falls_by, rises_by, unusual, not below and above",
        ),
        ('below = "95 %"', "a rule needs `metric`"),
        ('metric = "nrr"\nwindow = "day"\nbelow = "95 %"', "nrr is a figure of a window, not of a day"),
        ('metric = "nrr"\nwindow = "fortnight"\nbelow = "95 %"', "there is no window 'fortnight'; there are day, month, quarter"),
        ('metric = "mrr"\nfalls_by = "2 points"', "mrr is not a rate, so it can't change by points"),
        ('metric = "nrr"\nbelow = "95 %"\nagainst = "previous"', "a limit on the value is compared with nothing"),
        ('metric = "nrr"\nunusual = "odd"', "there is no unusual 'odd'; there are low, high"),
        ('metric = "nrr"\nunusual = "low"\nby = 0', "by takes how many usual spreads off is unusual"),
        ('metric = "nrr"\nbelow = "95 %"\nby = 3', "it goes with `unusual`"),
        ('metric = "nrr"\nwindow = "trailing_12"\nunusual = "low"', "windows that overlap or last a day"),
        ('metric = "nrr"\nunusual = "low"\ncertainty = "95 %"', "leave `certainty` out"),
        ('metric = "concentration"\nabove = "50 %"\neach = "plan"', "concentration is known of the whole book only"),
        ('metric = "nrr"\nbelow = "95 %"\nsegment = "pro"', "segment takes a dimension and its value"),
        ('metric = "nrr"\nbelow = "95 %"\nconfirm_nights = 0', "confirm_nights takes a whole number"),
        ('metric = "nrr"\nbelow = "95 %"\nrecover_by = "1 %"', "recover_by takes the unit of what is compared (points)"),
        ('metric = "nrr"\nbelow = "95 %"\nchannels = ["pager"]', "channels takes a list of channels, not"),
        ('metric = "nrr"\nbelow = "95 %"\ncurrency = "dollars"', "currency takes a code such as usd"),
        ('movement = "churn"', "needs `above`"),
    ],
)
def test_what_can_not_be_watched_is_refused(words: str, why: str) -> None:
    """With the reason, and a line of the rule."""
    (fault,) = refused(RULE + words)
    assert why in fault
    assert fault.startswith("nrr.toml:")


def test_names_are_unique_and_not_those_of_built_in_rules() -> None:
    """Two rules of one name would share their state; a rule called freshness would hide the built-in one."""
    twice = RULE + 'metric = "nrr"\nbelow = "95 %"\n' + RULE + 'metric = "grr"\nbelow = "95 %"'
    assert ("nrr.toml:6: there is a rule called 'r' already (rule 1); say `name`",) == refused(twice)
    assert "built-in" in refused('[[alerts.rules]]\nname = "freshness"\nmetric = "nrr"\nbelow = "95 %"')[0]


def test_a_rule_of_ones_own_takes_the_place_of_a_default() -> None:
    """The same name: only one's own is watched. With `defaults = false` none of them is."""
    own = '[[alerts.rules]]\nname = "grr-drop"\nmetric = "grr"\nfalls_by = "5 points"'
    assert [Fraction(1), Fraction(1), Fraction(-1, 100), Fraction(-5, 100)] == [r.limit for r in read(own).rules]
    assert ["grr-drop"] == [r.name for r in read(f"[alerts]\ndefaults = false\n{own}").rules]


def test_what_is_said_for_all_rules_holds_for_each_unless_it_says_otherwise() -> None:
    """Two nights for everything, three for one; the defaults keep their own margin."""
    watch = read(f'[alerts]\nconfirm_nights = 2\nminimum_opening = 5000\n{RULE}metric = "grr"\nbelow = "90 %"\nconfirm_nights = 3')
    assert [2, 2, 2, 2, 3] == [r.judgement.confirm_nights for r in watch.rules]
    assert {5_000_000_000} == {r.judgement.minimum_opening_micros for r in watch.rules}
    assert {Fraction(1, 200)} == {r.judgement.recover_by for r in watch.rules}


def test_built_in_rules_can_be_turned_off_and_set() -> None:
    """Data may be two days old, drift is nobody's business here."""
    watch = read("[alerts]\nfreshness_hours = 48\ndrift = false")
    assert [("freshness", 172_800), ("quarantine", 0), ("identity", 0)] == [(r.name, r.limit) for r in watch.system]
    assert [] == [r for r in read("[alerts]\nfreshness_hours = 0").system if r.name == "freshness"]


def test_a_segment_may_hold_anything() -> None:
    """Only the first sign of equality is ours."""
    (rule,) = [r for r in read(f'{RULE}metric = "nrr"\nbelow = "95 %"\nsegment = "metadata.industry=a=b c"').rules if r.name == "r"]
    assert isinstance(rule, Rule)
    assert ("metadata.industry", "a=b c") == (rule.dimension, rule.segment)


def test_certainty_is_asked_for_by_rule() -> None:
    """Per cents from 80 to 99, or "measured", which is what rules of one's own have by themselves; the built-in ones ask for 95 %."""
    head = '[[alerts.rules]]\nmetric = "nrr"\nbelow = "95 %"\n'
    assert [0, 0, 90, 97] == [
        read(head + more).rules[-1].certainty for more in ("", 'certainty = "measured"', 'certainty = "90 %"', "certainty = 97")
    ]
    assert [99, 99, 96, 98] == [rule.certainty for rule in DEFAULT_RULES]
    for wrong in ('"sure"', '"50 %"', "100", "true", '"97.5 %"'):
        with pytest.raises(BadRules, match=r"nrr.toml:4: .*certainty takes"):
            read(head + f"certainty = {wrong}")
    with pytest.raises(BadRules, match=r"nrr.toml:4: .*has no interval"):
        read('[[alerts.rules]]\nmetric = "mrr"\nbelow = 95\ncertainty = 95')


@pytest.mark.parametrize(
    ("value", "share"),
    [
        ('"15 %"', Fraction(15, 100)),
        ('"2.5 %"', Fraction(25, 1000)),
        ("20", Fraction(1, 5)),
        ('"0 %"', Fraction(0)),
        ('"100 %"', Fraction(1)),
    ],
)
def test_the_share_outside_takes_per_cent(value: str, share: Fraction) -> None:
    """A number of per cent from 0 to 100, with or without the sign; without a word it is a tenth."""
    assert share == read(f"[alerts]\noutside_share = {value}").outside_share
    assert Fraction(1, 10) == read("").outside_share


@pytest.mark.parametrize("value", ['"much"', "true", '"-1 %"', '"101 %"', '""', "[10]"])
def test_a_bad_share_outside_is_refused_by_its_name(value: str) -> None:
    """With its line, and with how it is written."""
    (fault,) = refused(f"[alerts]\nlookback_days = 7\noutside_share = {value}")
    assert fault.startswith('nrr.toml:3: outside_share takes per cent such as "10 %", not ')
