"""Mutants of a module: its source with one thing changed, as a slip of the hand would change it.

Only what can change an answer is touched: comparisons, arithmetic, conditions, constants, and statements that could be forgotten. Docstrings,
annotations and messages are not.
"""

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One changed source, with the line before and after in words."""

    line: int
    before: str
    after: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines; one that reads the same as the original is none."""
    tree = ast.parse(source)
    original = ast.unparse(tree)
    skipped = _skipped(tree)
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        for change in _changes(node):
            twin = ast.parse(source)  # quicker than a deep copy
            found = next(n for i, n in enumerate(ast.walk(twin)) if i == index)
            change(found)
            text = ast.unparse(ast.fix_missing_locations(twin))
            if text != original:
                yield Mutant(getattr(node, "lineno", 0), *_difference(original, text), text)


def _difference(original: str, text: str) -> tuple[str, str]:
    old, new = original.splitlines(), text.splitlines()
    first = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)) - 1)
    if len(old) != len(new):
        return old[first].strip(), "(left out)"
    return old[first].strip(), new[first].strip()


def _skipped(tree: ast.Module) -> set[int]:
    """Docstrings, annotations, imports, exports, decorators, what only asserts, and sentences: of exceptions, findings and notes."""
    out: set[int] = set()

    def leave(node: ast.AST | None) -> None:
        if node is not None:
            out.update(id(n) for n in ast.walk(node))

    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            leave(node)
        if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Assert | ast.Raise):
            leave(node)
        if isinstance(node, ast.FunctionDef):
            leave(node.returns)
            for each in [*node.decorator_list, *(a.annotation for a in ast.walk(node.args) if isinstance(a, ast.arg))]:
                leave(each)
        if isinstance(node, ast.ClassDef):
            for each in node.decorator_list:
                leave(each)
        if isinstance(node, ast.keyword) and node.arg == "strict":  # of a zip: an assertion
            leave(node)
        if isinstance(node, ast.AnnAssign):
            leave(node.annotation)
        if isinstance(node, ast.Assign) and [getattr(t, "id", None) for t in node.targets] == ["__all__"]:
            leave(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            leave(node)
    return out


def _changes(node: ast.AST) -> list[Callable[[ast.AST], None]]:
    match node:
        case ast.Compare():
            return [_at("ops", i, SWAPS[type(op)]()) for i, op in enumerate(node.ops) if type(op) in SWAPS]
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign() if type(node.op) in SWAPS:
            return [_set("op", SWAPS[type(node.op)]())]
        case ast.UnaryOp(op=ast.Not()):
            return [_become(node.operand)]
        case ast.If() | ast.IfExp() | ast.While():
            return [_set("test", ast.UnaryOp(ast.Not(), node.test))]
        case ast.comprehension():
            return [_set("ifs", [*node.ifs[:i], *node.ifs[i + 1 :]]) for i in range(len(node.ifs))]
        case ast.Name(id=name) if name in NAMES:
            return [_set("id", NAMES[name])]
        case ast.Constant(value=bool(value)):
            return [_set("value", not value)]
        case ast.Constant(value=int(value)):
            return [_set("value", value + 1)]
        case ast.Constant(value=str(value)) if value:
            return [_set("value", f"{value}_")]
        case ast.Continue() | ast.Break():
            return [_become(ast.Pass())]
        case ast.Return() if node.value is not None and not isinstance(node.value, ast.Constant):
            return [_set("value", ast.Constant(None))]
        case ast.Expr(value=ast.Call()):
            return [_become(ast.Pass())]
    return []


def _set(name: str, value: object) -> Callable[[ast.AST], None]:
    return lambda node: setattr(node, name, copy.deepcopy(value))


def _at(name: str, index: int, value: ast.AST) -> Callable[[ast.AST], None]:
    return lambda node: getattr(node, name).__setitem__(index, value)


def _become(other: ast.AST) -> Callable[[ast.AST], None]:
    def change(node: ast.AST) -> None:
        node.__class__ = type(other)  # in place, so that whatever holds the node needn't be found
        node.__dict__ = copy.deepcopy(other).__dict__

    return change
