"""Reading `[alerts]` and `[[alerts.rules]]` of nrr.toml: every fault with its line, and what was probably meant.

A rule that can't be read is refused at start, all of them at once, because an alert that is silently not watched is worse than none.
What rules mean is in `metrics.alerts.rules`; nothing is evaluated here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import time
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from integrations.bounded_reading import SETTINGS, read_text_bounded
from metrics.alerts.rules import (
    DEFAULT_RULES,
    DEFAULT_SYSTEM,
    DRIFT,
    FRESHNESS,
    IDENTITY,
    MOVEMENTS,
    QUARANTINE,
    RESERVED,
    Judgement,
    MovementRule,
    Rule,
    SystemRule,
    Watch,
    faults,
)
from metrics.billings.shares import ABOVE as OUTSIDE_ABOVE
from metrics.money import MICROS_PER_MAJOR, BookCurrency
from metrics.retention.figures import UNITS
from metrics.window_kinds import FOR_RULES
from worker.config.alert_limits import (
    Fault,
    Wrong,
    certainty_of,
    channels_of,
    inferred_of,
    judgement_of,
    limit_of,
    meant,
    number_of,
    word_of,
)
from worker.config.alert_places import places_in
from worker.config.channels import BUILT_IN

DIGESTS: Final = ("daily", "weekly", "monthly")

_JUDGEMENT: Final = ("minimum_opening", "minimum_customers", "confirm_nights", "recover_by", "cooldown_days", "remind_days")
_TABLE: Final = (
    "defaults",
    "rules",
    "names",
    "quiet_hours",
    "digests",
    "digest_above",
    "report_url",
    "outside_share",
    "lookback_days",
    "freshness_hours",
    "drift",
    "quarantine",
    "identity",
    "labels",
    "to",
    "digests_to",
    *(name for name in _JUDGEMENT if name != "recover_by"),
)
_RULE: Final = (
    "name",
    "metric",
    "window",
    "below",
    "above",
    "falls_by",
    "rises_by",
    "unusual",
    "by",
    "against",
    "mean_of",
    "each",
    "segment",
    "currency",
    "to",
    "channels",
    "certainty",
    "inferred",
    *_JUDGEMENT,
)
_MOVEMENT_RULE: Final = ("name", "movement", "above", "currency", "to", "channels")
_SIDE_NAMES: Final = {"low": "unusually-low", "high": "unusually-high"}
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class BadRules(ValueError):
    """Alerts that can't be watched; `faults` names each with its line."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("these alerts can't be watched; nothing was done:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = tuple(faults)


def read_watch(
    table: Mapping[str, Any],
    *,
    text: str = "",
    name: str = "nrr.toml",
    dimensions: Sequence[str] | None = None,
    channels: Sequence[str] = (),
) -> Watch:
    """What is to be watched, from the table `alerts` (empty: the defaults). `text` is the whole file, for lines.

    `dimensions` are those that figures are made for; a rule on another one is refused; `channels` are those of tables of
    their own, which rules can name beside the built-in ones. Raises BadRules with all faults at once.
    """
    places = places_in(text, name)
    wrong: list[str] = []

    def fault(rule: int | None, key: str, message: str) -> None:
        wrong.append(f"{places.place(rule, key)}: {message}")

    for key in table:
        if key not in _TABLE:
            fault(None, key, f"[alerts] has no {key!r}{meant(key, _TABLE)}")
    known = (*BUILT_IN, *channels)
    watch = _table(table, known, fault)
    base = judgement_of(table, Judgement(), fault, None, None)
    own: list[Rule | MovementRule] = []
    entries = table.get("rules", [])
    if not isinstance(entries, list) or any(not isinstance(e, Mapping) for e in entries):
        fault(None, "rules", "rules are written as tables [[alerts.rules]]")
        entries = []
    for index, entry in enumerate(entries):
        try:
            own.append(_rule(entry, base, dimensions, known, _here(fault, index)))
        except Wrong as error:
            fault(index, error.key, f"{_called(entry, index)}: {error}")
    _unique(own, fault)
    if wrong:
        raise BadRules(wrong)
    mine = {rule.name for rule in own}
    kept = [r for r in DEFAULT_RULES if table.get("defaults", True) and r.name not in mine]
    defaults = [replace(r, judgement=replace(base, recover_by=r.judgement.recover_by)) for r in kept]
    return replace(
        watch,
        rules=(*defaults, *(r for r in own if isinstance(r, Rule))),
        movements=tuple(r for r in own if isinstance(r, MovementRule)),
    )


def load_watch(
    table: Mapping[str, Any], config: Path | None, *, dimensions: Sequence[str] | None = None, channels: Sequence[str] = ()
) -> Watch:
    """The same with lines from the settings file that `table` was read from, if there is one."""
    try:
        text = read_text_bounded(config, SETTINGS) if config is not None and table else ""
    except OSError:  # a pipe can be read once: rules are told then without their lines
        text = ""
    return read_watch(table, text=text, name=config.name if config else "nrr.toml", dimensions=dimensions, channels=channels)


def _here(fault: Fault, index: int) -> Callable[[str, str], None]:
    return lambda key, message: fault(index, key, message)


def _called(entry: Mapping[str, Any], index: int) -> str:
    return f"rule {entry['name']!r}" if isinstance(entry.get("name"), str) else f"rule {index + 1}"


def _unique(rules: Sequence[Rule | MovementRule], fault: Fault) -> None:
    seen: dict[str, int] = {}
    for index, rule in enumerate(rules):
        if rule.name in seen:
            fault(index, "name", f"there is a rule called {rule.name!r} already (rule {seen[rule.name] + 1}); say `name`")
        seen.setdefault(rule.name, index)


# --- [alerts] -----------------------------------------------------------------------------------------------------------------


def _table(table: Mapping[str, Any], channels: Sequence[str], fault: Fault) -> Watch:
    switches = {DRIFT: True, QUARANTINE: True, IDENTITY: True, "names": False, "defaults": True}
    for key, default in switches.items():
        value = table.get(key, default)
        if not isinstance(value, bool):
            fault(None, key, f"{key} takes true or false, not {value!r}")
        switches[key] = value is True
    hours = _whole(table, "freshness_hours", 24, fault)
    system = [SystemRule(FRESHNESS, hours * 3600)] if hours else []
    system += [rule for rule in DEFAULT_SYSTEM if switches.get(rule.name, False)]
    digests = table.get("digests", [])
    if not isinstance(digests, list) or any(d not in DIGESTS for d in digests):
        fault(None, "digests", f"digests takes a list of {', '.join(DIGESTS)}, not {digests!r}")
        digests = []
    url = table.get("report_url")
    if url is not None and not (isinstance(url, str) and re.match(r"https?://\S+$", url)):
        fault(None, "report_url", f"report_url takes an address that begins with https://, not {url!r}")
        url = None
    labels = table.get("labels", {})
    if not isinstance(labels, Mapping) or any(not isinstance(v, str) for v in labels.values()):
        fault(None, "labels", 'labels takes words by segment, such as { "plan=price_123" = "Pro" }')
        labels = {}
    return Watch(
        system=tuple(system),
        digests=tuple(d for d in DIGESTS if d in digests),
        digest_above=_whole(table, "digest_above", 5, fault),
        quiet=_quiet(table.get("quiet_hours"), fault),
        names=switches["names"],
        report_url=url,
        lookback_days=max(1, _whole(table, "lookback_days", 7, fault)),
        labels=dict(labels),
        outside_share=_outside_share(table.get("outside_share"), fault),
        channels=_where_to(table, "to", channels, fault),
        digest_channels=_where_to(table, "digests_to", channels, fault),
    )


def _where_to(table: Mapping[str, Any], key: str, channels: Sequence[str], fault: Fault) -> tuple[str, ...]:
    try:
        return channels_of(table.get(key, []), key, channels)
    except Wrong as error:
        fault(None, key, str(error))
        return ()


def _outside_share(value: Any, fault: Fault) -> Fraction:
    if value is None:
        return OUTSIDE_ABOVE
    number = number_of(str(value).replace("%", "")) if not isinstance(value, bool) else None
    if number is None or not 0 <= number <= 100:
        fault(None, "outside_share", f'outside_share takes per cent such as "10 %", not {value!r}')
        return OUTSIDE_ABOVE
    return number / 100


def _whole(table: Mapping[str, Any], key: str, default: int, fault: Fault) -> int:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        fault(None, key, f"{key} takes a whole number, not {value!r}")
        return default
    return value


def _quiet(value: Any, fault: Fault) -> tuple[time, time] | None:
    if value in (None, ""):
        return None
    found = re.fullmatch(r"(\d{1,2}:\d\d)\s*[-–]\s*(\d{1,2}:\d\d)", value) if isinstance(value, str) else None
    try:
        if found is None:
            raise ValueError
        first, last = (time.fromisoformat(part.rjust(5, "0")) for part in found.groups())
    except ValueError:
        fault(None, "quiet_hours", f'quiet_hours takes two times such as "22:00-07:00", not {value!r}')
        return None
    return (first, last) if first != last else None


# --- [[alerts.rules]] -------------------------------------------------------------------------------------------------------------


def _rule(
    entry: Mapping[str, Any],
    base: Judgement,
    dimensions: Sequence[str] | None,
    known_channels: Sequence[str],
    fault: Callable[[str, str], None],
) -> Rule | MovementRule:
    known = _MOVEMENT_RULE if "movement" in entry else _RULE
    for key in entry:
        if key not in known:
            raise Wrong(key, f"there is no {key!r}{meant(key, [*_RULE, 'movement'])}")
    if "to" in entry and "channels" in entry:
        raise Wrong("to", "`to` and `channels` say the same; `to` is the word")
    where = "channels" if "channels" in entry else "to"
    channels = channels_of(entry.get(where, []), where, known_channels)
    currency = entry.get("currency")
    if currency is not None and not (isinstance(currency, str) and re.fullmatch("[A-Za-z]{3}", BookCurrency.of(currency).code)):
        raise Wrong("currency", f"currency takes a code such as usd, not {currency!r}")
    currency = currency.lower() if currency else None
    if "movement" in entry:
        return _movement(entry, currency, channels)
    metric = word_of(entry, "metric", tuple(UNITS), None)
    window = word_of(entry, "window", FOR_RULES, "month")
    side_key, limit, change = limit_of(entry, metric)
    dimension, segment = _part(entry, dimensions)
    judgement = judgement_of(entry, base, lambda _rule, key, message: fault(key, message), None, metric, change)
    rule = Rule(
        name=_name(entry, f"{metric}-{window}-{_SIDE_NAMES.get(side_key, side_key)}" + (f"-{dimension}" if dimension else "")),
        metric=metric,
        window=window,
        side="below" if side_key in ("below", "falls_by", "low") else "above",
        limit=limit,
        change=change,
        dimension=dimension,
        segment=segment,
        currency=currency,
        judgement=judgement,
        channels=channels,
        certainty=certainty_of(entry.get("certainty", "measured")),
        inferred=inferred_of(entry.get("inferred", "skip")),
    )
    for problem in faults(rule):
        raise Wrong("certainty" if "has no interval" in problem else "metric", problem)
    return rule


def _movement(entry: Mapping[str, Any], currency: str | None, channels: tuple[str, ...]) -> MovementRule:
    kind = word_of(entry, "movement", MOVEMENTS, None)
    if "above" not in entry:
        raise Wrong("movement", "a rule of single movements needs `above`: the amount a month from which one is told of")
    amount = number_of(entry["above"])
    if amount is None or amount < 0:
        raise Wrong("above", f"above takes an amount in major units, such as 1000, not {entry['above']!r}")
    return MovementRule(_name(entry, f"large-{kind}"), kind, round(amount * MICROS_PER_MAJOR), currency, channels)


def _name(entry: Mapping[str, Any], default: str) -> str:
    name = entry.get("name", default)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Wrong("name", f"a name is made of letters, digits, dots, dashes and underscores, not {name!r}")
    if name in RESERVED:
        raise Wrong("name", f"{name!r} is the name of a built-in rule; choose another one")
    return name


def _part(entry: Mapping[str, Any], dimensions: Sequence[str] | None) -> tuple[str, str | None]:
    """The dimension that a rule looks at, and the one segment (None: each)."""
    each, segment = entry.get("each"), entry.get("segment")
    if each is None and segment is None:
        return "", None
    if each is not None and segment is not None:
        raise Wrong("segment", "takes either `segment` (one) or `each` (all of a dimension), not both")
    if each is not None:
        key, dimension, value = "each", str(each), None
    else:
        key = "segment"
        dimension, equals, found = str(segment).partition("=")
        if not equals:
            raise Wrong(key, f'segment takes a dimension and its value, such as "plan=pro", not {segment!r}')
        dimension, value = dimension.strip(), found.strip()
    if dimensions is not None and dimension not in dimensions:
        near = meant(dimension, dimensions)
        raise Wrong(
            key,
            f"no figures are made by {dimension!r}{near or '; add it to `dimensions` (there are ' + ', '.join(dimensions) + ')'}",
        )
    return dimension, value
