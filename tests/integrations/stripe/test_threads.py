"""Reading threads share what decodes, and none of them makes any of it: what msgspec knows of a type is built without a lock."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

RACE = """
import json, sys, threading

sys.setswitchinterval(1e-9)

from integrations.store.db.encoding import decode, encode
from integrations.stripe.decode import events, parsing
from metrics.evidence import Coupon, Customer, Instant, Price, Product, Subscription

KINDS = list(parsing.SHAPES)
BODY = json.dumps({"data": [{"id": "x", "created": 1}], "has_more": False}).encode()
VALUES = [Price("p", "d", "usd"), Coupon("c"), Product("d"), Customer("c"), Subscription("s", "c", "a", "usd", Instant(1), Instant(1), ())]
wrong = []
together = threading.Barrier(16)

def first_of_all(number):
    try:
        together.wait()
        for index in range(len(KINDS)):
            kind = KINDS[(index + number) % len(KINDS)]
            found = parsing.parse_list(kind, BODY)
            assert not found.rejected and len(found.objects) == 1, found
            assert parsing.parse_object(kind, b'{"id": "x"}').objects[0].id == "x"
        for shape in events._DECODERS:
            assert events._shaped(b'{"id": "x"}', shape).id == events._converted({"id": "x"}, shape).id == "x"
        for value in VALUES:
            assert decode(encode(value), type(value)) == value
    except BaseException as error:
        wrong.append(repr(error))

threads = [threading.Thread(target=first_of_all, args=(number,)) for number in range(16)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
sys.exit(wrong[0] if wrong else 0)
"""


@pytest.mark.parametrize("times", [4, pytest.param(12, marks=pytest.mark.long)])
@pytest.mark.long
def test_threads_that_begin_at_once_decode_alike(times: int) -> None:
    """In a fresh process, with a switch after nearly every step: nothing is wrong, and the process ends in order, each time of so many."""
    ended = [
        subprocess.run([sys.executable, "-c", RACE], cwd=ROOT, capture_output=True, text=True, check=False) for _ in range(times)
    ]
    assert [(0, "")] * times == [(each.returncode, each.stderr[-300:]) for each in ended]


MAKERS = {"Decoder", "Encoder"}
UNDER_A_LOCK = {"integrations/store/db/encoding.py": "__missing__"}
"""The one function that makes decoders when they are asked for first: under a lock of its own."""


def _lazy(tree: ast.Module, but: str | None = None) -> list[int]:
    """Lines within functions, `but` one, on which something is made that decodes or encodes a type."""
    out = []
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or function.name == but:
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            of_msgspec = "msgspec" in ast.unparse(node.func)
            typed = node.func.attr == "decode" and any(k.arg == "type" for k in node.keywords)
            if of_msgspec and (node.func.attr in MAKERS or typed):
                out.append(node.lineno)
    return out


@pytest.mark.long
def test_decoders_are_made_on_import() -> None:
    """Nowhere within a function, but under the store's lock."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for package in ("integrations", "worker", "metrics")
        for path in sorted((ROOT / package).rglob("*.py"))
        for line in _lazy(ast.parse(path.read_text(encoding="utf-8")), UNDER_A_LOCK.get(str(path.relative_to(ROOT))))
    ]
    assert [] == found


def test_the_rule_sees_what_it_is_for() -> None:
    """Both ways of making one lazily."""
    text = (
        "def one(kind):\n    return msgspec.json.Decoder(kind)\n\ndef two(body):\n    return msgspec.json.decode(body, type=int)\n"
    )
    assert [2, 5] == _lazy(ast.parse(text))
