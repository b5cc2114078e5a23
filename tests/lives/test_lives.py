"""Every life comes out right in every way of reading it."""

import importlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from metrics.entries import CustomerLedger
from tests.lives.account import Account
from tests.lives.installation import Installation, causes, reasons, told
from tests.lives.maker import Maker
from tests.lives.registry import HIDDEN, LIVES, NIGHTS, NOW, Life, Right

for _file in sorted((Path(__file__).parent / "kinds").glob("[a-z]*.py")):
    importlib.import_module(f"tests.lives.kinds.{_file.stem}")

OFTEN: Final = {"once": (NOW,), "daily": NIGHTS}
Read = Callable[[str, str], tuple[dict[str, CustomerLedger], set[str]]]


def _name(life: Life) -> str:
    return life.name.replace("_", "") + "x"


@cache
def together(*, old: bool = False) -> Account:
    """One account in which all lives are lived, on a host of today or on one that knows no versions."""
    everybody = Account(old=old)
    for life in LIVES.values():
        own = Account(old=old, tag=f"{_name(life)}_")
        life.live(Maker(own, _name(life)))
        everybody.absorb(own)
    return everybody


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, template: Path) -> Read:
    """Reads the account in a way, once for all lives: the ledgers, and the ids of what could not be read."""

    @cache
    def reading(way: str, often: str) -> tuple[dict[str, CustomerLedger], set[str]]:
        whole = together(old=way == "old host")
        account = Account(old=whole.old, versions=whole.versions, events=whole.events, hidden=set(HIDDEN[way]))
        with Installation(account, tmp_path_factory.mktemp(f"{way}-{often}") / "nrr.sqlite3", template) as installation:
            for at in OFTEN[often]:
                installation.sync(at)
                if often == "daily":
                    installation.audit(at)
            return installation.ledgers(NOW), {object_id for _, object_id in installation.kept_out()}

    return reading


def faults(life: Life, expected: Right, ledger: CustomerLedger | None, kept_out: set[str]) -> list[str]:
    """What isn't as it must be."""
    if ledger is None:
        return ["nothing is known of the customer"]
    got = told(ledger)
    out = []
    if tuple(got) not in expected.any_of:
        out.append(f"movements {got}, expected {' or '.join(map(str, expected.any_of))}")
    if expected.causes is not None and tuple(causes(ledger)) != expected.causes:
        out.append(f"causes {causes(ledger)}, expected {expected.causes}")
    if expected.marked is not None and ledger.movements and ledger.movements[-1].inferred != expected.marked:
        out.append(f"the last movement is {'not ' if expected.marked else ''}marked as inferred")
    if expected.listed is not None and ledger.movements and ledger.movements[0].list_after_micros != expected.listed * 10_000:
        out.append(f"list MRR {ledger.movements[0].list_after_micros}")
    never = expected.never & (reasons(ledger) | set(causes(ledger)))
    out += [f"{word} must not be said" for word in sorted(never)]
    own = [f for f in ledger.findings if f.reason != "history_from_invoices"]
    if expected.says and not own and not any(_name(life) in object_id for object_id in kept_out):
        out.append("nothing is said of it")
    return out


def _cases() -> Iterator[object]:
    """Every life in every way in which something is asked of it; three of the ways every night not at each push's first run, but in CI."""
    for way in HIDDEN:
        for often in OFTEN:
            marks = [pytest.mark.long] if often == "daily" and way in ("events", "invoices", "old host") else []
            for life in LIVES.values():
                expected = life.expected(way, often)
                if expected is not None:
                    yield pytest.param(life, way, often, expected, marks=marks, id=f"{life.name}-{way}-{often}")


@pytest.mark.parametrize(("life", "way", "often", "expected"), list(_cases()))
def test_a_life_comes_out_right(life: Life, way: str, often: str, expected: Right, read: Read) -> None:
    """With everything that Stripe tells, today or by a host of old, or events, invoices or listings only, once or every night."""
    ledgers, kept_out = read(way, often)
    found = faults(life, expected, ledgers.get(f"cus_{_name(life)}"), kept_out)
    if found:
        pytest.fail("; ".join(found), pytrace=False)
