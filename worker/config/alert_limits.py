"""Reading limits and judgements of alerts: per cent, points and amounts as people write them, as exact numbers.

`worker.config.alert_rules` reads the rest of a rule and tells the line of what is wrong here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, Final

from metrics.alerts.rules import FACTORS, LEAST_CERTAINTY, MOST_CERTAINTY, USUAL_SPREADS, Change, InferredUse, Judgement, Rule
from metrics.money import MICROS_PER_MAJOR
from metrics.retention.figures import UNITS

Fault = Callable[[int | None, str, str], None]
"""Takes the rule's number (None: the table itself), the key, and what is wrong with it."""


class Wrong(ValueError):
    """One value that can't be; the key tells its line."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def meant(word: str, words: Sequence[str]) -> str:
    close = get_close_matches(word.lower(), list(words), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def word_of(entry: Mapping[str, Any], key: str, words: Sequence[str], default: str | None) -> str:
    value = entry.get(key, default)
    if value is None:
        raise Wrong("", f"a rule needs `{key}`: one of {', '.join(words)}" if len(words) < 12 else f"a rule needs `{key}`")
    if value not in words:
        shown = f"; there are {', '.join(words)}" if len(words) < 12 else ""
        raise Wrong(key, f"there is no {key} {value!r}{meant(str(value), words) or shown}")
    return str(value)


_SIDES: Final = ("below", "above", "falls_by", "rises_by", "unusual")


def limit_of(entry: Mapping[str, Any], metric: str) -> tuple[str, Fraction, Change | None]:
    given = [key for key in _SIDES if key in entry]
    if len(given) != 1:
        raise Wrong(
            given[1] if given else "",
            f"takes exactly one of {', '.join(_SIDES)}" + (f", not {' and '.join(given)}" if given else ""),
        )
    key = given[0]
    if key == "unusual":
        return _unusual(entry)
    if "by" in entry:
        raise Wrong("by", "`by` is how many usual spreads off is unusual; it goes with `unusual`")
    if key in ("below", "above"):
        if "against" in entry or "mean_of" in entry:
            raise Wrong("against", "a limit on the value is compared with nothing; say falls_by or rises_by for a change")
        return key, _value(entry[key], metric, key), None
    against = word_of(entry, "against", ("previous", "preceding", "year_ago", "trailing_mean"), "previous")
    unit, size = _change(entry[key], metric, key)
    mean_of = entry.get("mean_of", 6)
    if isinstance(mean_of, bool) or not isinstance(mean_of, int):
        raise Wrong("mean_of", f"mean_of takes a number of windows, not {mean_of!r}")
    change = Change(against, unit, mean_of)  # type: ignore[arg-type]  # both are checked words
    return key, -size if key == "falls_by" else size, change


def _unusual(entry: Mapping[str, Any]) -> tuple[str, Fraction, Change]:
    """`unusual = "low"` or `"high"`, by so many usual spreads."""
    side = word_of(entry, "unusual", ("low", "high"), None)
    for key in ("against", "mean_of"):
        if key in entry:
            raise Wrong(key, "unusual is compared with the rule's own earlier windows, and with nothing else")
    spreads = number_of(entry.get("by", str(USUAL_SPREADS)))
    if spreads is None or not 1 <= spreads <= 100:
        raise Wrong("by", f"by takes how many usual spreads off is unusual, from 1 to 100, not {entry['by']!r}")
    return side, -spreads if side == "low" else spreads, Change("usual", "spreads")


def limit_text(rule: Rule, limit: Fraction) -> str:
    """A limit for a rule as nrr.toml has it: what `limit_of` reads, exact to a millionth."""
    change, below = rule.change, rule.side == "below"
    if change is not None and change.unit == "spreads":
        return f'unusual = "{"low" if below else "high"}", by = {_written(abs(limit))}'
    key = rule.side if change is None else "falls_by" if below else "rises_by"
    size = limit if change is None else abs(limit)
    if change is not None and change.unit == "points":
        return f'{key} = "{_written(size * 100)} {"point" if size == Fraction(1, 100) else "points"}"'
    if (change is None and UNITS[rule.metric] == "ratio" and rule.metric not in FACTORS) or (change and change.unit == "percent"):
        return f'{key} = "{_written(size * 100)} %"'
    return f"{key} = {_written(size / MICROS_PER_MAJOR if UNITS[rule.metric] == 'micros' else size)}"


def _written(number: Fraction) -> str:
    text = f"{Decimal(round(number * 1_000_000)).scaleb(-6):f}"
    return text.rstrip("0").rstrip(".")


def number_of(value: Any) -> Fraction | None:
    """A number as it was written, exact."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value)
    try:
        return Fraction(str(value).replace(",", "").replace("_", "").strip())
    except (ValueError, ZeroDivisionError):
        return None


def _value(value: Any, metric: str, key: str) -> Fraction:
    """A limit in the metric's own unit."""
    unit = UNITS[metric]
    if unit == "ratio" and metric not in FACTORS:
        if isinstance(value, str) and value.strip().endswith("%"):
            number = number_of(value.strip()[:-1])
            if number is not None:
                return number / 100
        number = None if isinstance(value, str) else number_of(value)
        if number is not None and (number == 0 or number >= 5):
            return number / 100
        raise Wrong(key, f'{metric} is a rate: write it as per cent, such as "95 %", not {value!r}')
    number = number_of(value)
    if number is None:
        what = "an amount in major units" if unit == "micros" else "a number"
        raise Wrong(key, f"{key} takes {what} for {metric}, not {value!r}")
    return number * MICROS_PER_MAJOR if unit == "micros" else number


_POINTS: Final = re.compile(r"([\d.,]+)\s*(?:points?|pp|percentage points?)")


def _change(value: Any, metric: str, key: str) -> tuple[str, Fraction]:
    """The unit and the size of a change."""
    size, unit = None, "amount"
    if isinstance(value, str) and (found := _POINTS.fullmatch(value.strip())):
        size, unit = number_of(found[1]), "points"
    elif isinstance(value, str) and value.strip().endswith("%"):
        size, unit = number_of(value.strip()[:-1]), "percent"
    elif UNITS[metric] != "ratio" or metric in FACTORS:
        size = number_of(value)
    if size is None or size < 0:
        takes = '"2 points" or "5 %"' if UNITS[metric] == "ratio" else '"5 %" or an amount'
        raise Wrong(key, f"{key} takes {takes} for {metric}, not {value!r}")
    if unit != "amount":
        return unit, size / 100
    return unit, size * MICROS_PER_MAJOR if UNITS[metric] == "micros" else size


def judgement_of(
    table: Mapping[str, Any], base: Judgement, fault: Fault, rule: int | None, metric: str | None, change: Change | None = None
) -> Judgement:
    values: dict[str, Any] = {}
    for name in ("minimum_customers", "confirm_nights", "cooldown_days", "remind_days"):
        if name in table:
            found = table[name]
            if isinstance(found, bool) or not isinstance(found, int) or found < (name == "confirm_nights"):
                fault(rule, name, f"{name} takes a whole number, not {found!r}")
            else:
                values[name] = found
    if "minimum_opening" in table:
        amount = number_of(table["minimum_opening"])
        if amount is None or amount < 0:
            fault(rule, "minimum_opening", f"minimum_opening takes an amount in major units, not {table['minimum_opening']!r}")
        else:
            values["minimum_opening_micros"] = round(amount * MICROS_PER_MAJOR)
    if "recover_by" in table and metric is not None:
        values["recover_by"] = _recover(table["recover_by"], metric, change)
    elif change is not None and change.unit == "spreads":
        values["recover_by"] = Fraction(1)
    elif metric is not None and UNITS[metric] == "ratio" and metric not in FACTORS and (change is None or change.unit == "points"):
        values["recover_by"] = Fraction(1, 200)
    assert {f.name for f in fields(Judgement)} >= set(values)
    return replace(base, **values)


def _recover(value: Any, metric: str, change: Change | None) -> Fraction:
    if change is None and (UNITS[metric] != "ratio" or metric in FACTORS):
        number = number_of(value)
        if number is None or number < 0:
            raise Wrong("recover_by", f"recover_by takes how far back the value must come, in the unit of {metric}, not {value!r}")
        return number * MICROS_PER_MAJOR if UNITS[metric] == "micros" else number
    if change is not None and change.unit == "spreads":
        number = number_of(value)
        if number is None or number < 0:
            raise Wrong("recover_by", f"recover_by takes a number of usual spreads with `unusual`, not {value!r}")
        return number
    unit, size = _change(value, metric, "recover_by")
    wanted = "points" if change is None else change.unit
    if unit != wanted:
        raise Wrong("recover_by", f"recover_by takes the unit of what is compared ({wanted}), not {value!r}")
    return size


def inferred_of(value: Any) -> InferredUse:
    """What is done with changes that nothing dates exactly. Raises Wrong."""
    match value:
        case "skip" | "count" | "leave_out":
            found: InferredUse = value
            return found
    raise Wrong("inferred", f'inferred takes "skip", "count" or "leave_out", not {value!r}')


def certainty_of(value: Any) -> int:
    """Per cent, one-sided; 0 for "measured". Raises Wrong."""
    if value == "measured":
        return 0
    number = number_of(value.strip().removesuffix("%")) if isinstance(value, str) else number_of(value)
    if number is None or number.denominator != 1 or not LEAST_CERTAINTY <= number <= MOST_CERTAINTY:
        raise Wrong(
            "certainty", f'certainty takes "measured" or whole per cents from {LEAST_CERTAINTY} to {MOST_CERTAINTY}, not {value!r}'
        )
    return int(number)


def channels_of(value: Any, key: str, channels: Sequence[str]) -> tuple[str, ...]:
    """Channels by name, of those that there can be. Raises Wrong."""
    named = list(value) if isinstance(value, list) else [value]
    unknown = [each for each in named if each not in channels]
    if not isinstance(value, list) or unknown:
        near = meant(str(unknown[0]), channels) if isinstance(value, list) and unknown else ""
        raise Wrong(key, f"{key} takes a list of channels, not {value!r}{near or '; there are ' + ', '.join(channels)}")
    return tuple(dict.fromkeys(named))
