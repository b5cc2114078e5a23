"""As much of PromQL as our alarms use, evaluated over samples of one instant after another: parsed by the parser of a package, which refuses
what Prometheus would refuse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import promql_parser as ast

Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]
Sample = tuple[str, Mapping[str, str], float]

_COMPARE = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
_COUNT = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}


@dataclass(frozen=True)
class Series:
    """What was scraped: for each instant (in seconds, rising) the samples of that moment."""

    scrapes: Sequence[tuple[float, Sequence[Sample]]]

    def at(self, instant: float) -> Sequence[Sample]:
        """The samples of the last scrape before an instant, as long as it isn't older than five minutes."""
        found = [samples for at, samples in self.scrapes if instant - 300 < at <= instant]
        return found[-1] if found else []

    def between(self, first: float, until: float) -> list[Sequence[Sample]]:
        """Every scrape in (first, until]."""
        return [samples for at, samples in self.scrapes if first < at <= until]


def evaluate(text: str, series: Series, instant: float) -> Vector:
    """What an expression gives at an instant, by labels without the name."""
    found = _value(ast.parse(text), series, instant)
    assert isinstance(found, dict), "an alarm is a vector"
    return found


def _value(node: Any, series: Series, instant: float) -> Vector | float:
    match node:
        case ast.ParenExpr():
            return _value(node.expr, series, instant)
        case ast.NumberLiteral():
            return float(node.val)
        case ast.UnaryExpr():
            inner = _value(node.expr, series, instant)
            return -inner if isinstance(inner, float) else {key: -value for key, value in inner.items()}
        case ast.VectorSelector():
            return _selected(node, series.at(instant))
        case ast.Call():
            return _called(node, series, instant)
        case ast.BinaryExpr():
            return _joined(node, _value(node.lhs, series, instant), _value(node.rhs, series, instant))
    raise NotImplementedError(type(node).__name__)


def _selected(node: Any, samples: Sequence[Sample]) -> Vector:
    wanted = {m.name: m.value for m in node.matchers.matchers}
    assert all(str(m.op) == "MatchOp.Equal" for m in node.matchers.matchers), node.prettify()
    return {
        frozenset(labels.items()): value
        for name, labels, value in samples
        if name == node.name and all(labels.get(key) == expected for key, expected in wanted.items())
    }


def _called(node: Any, series: Series, instant: float) -> Vector | float:
    name = node.func.name
    if name == "time":
        return instant
    (argument,) = node.args
    if name == "max_over_time":
        seconds = argument.range.total_seconds()
        out: Vector = {}
        for samples in series.between(instant - seconds, instant):
            for key, value in _selected(argument.vector_selector, samples).items():
                out[key] = max(value, out.get(key, value))
        return out
    inner = _value(argument, series, instant)
    assert isinstance(inner, dict)
    if name == "absent":
        return {} if inner else {frozenset(): 1.0}
    if name == "abs":
        return {key: abs(value) for key, value in inner.items()}
    raise NotImplementedError(name)


def _joined(node: Any, left: Vector | float, right: Vector | float) -> Vector | float:
    sign = str(node.op)
    if sign in ("and", "or", "unless"):
        assert isinstance(left, dict)
        assert isinstance(right, dict)
        on = _labels(node)
        there = {_part(key, on) for key in right}
        if sign == "and":
            return {key: value for key, value in left.items() if _part(key, on) in there}
        if sign == "unless":
            return {key: value for key, value in left.items() if _part(key, on) not in there}
        mine = {_part(key, on) for key in left}
        return {**left, **{key: value for key, value in right.items() if _part(key, on) not in mine}}
    if isinstance(left, float) and isinstance(right, float):
        return float(_COUNT[sign](left, right))
    if isinstance(left, dict) and isinstance(right, float):
        if sign in _COMPARE:
            return {key: value for key, value in left.items() if _COMPARE[sign](value, right)}
        return {key: _COUNT[sign](value, right) for key, value in left.items()}
    if isinstance(left, float) and isinstance(right, dict) and sign in _COUNT:
        return {key: _COUNT[sign](left, value) for key, value in right.items()}
    raise NotImplementedError(node.prettify())


def _labels(node: Any) -> Sequence[str] | None:
    """The labels of `on(…)`; None without it."""
    matching = node.modifier.matching if node.modifier is not None else None
    if matching is None:
        return None
    assert "Include" in str(matching.type), "ignoring() is not used"
    return list(matching.labels)


def _part(key: Labels, on: Sequence[str] | None) -> Labels:
    return key if on is None else frozenset((name, value) for name, value in key if name in on)
