"""The lives and the properties can fail: each way in which figures once were wrong is put back, and something comes out wrong.

A fault is put back by taking a rule out of the running product. What must notice it is a life (one customer whose right answer was worked
out by hand) or an account that lacks a part, against the same account whole.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from integrations.stripe.decode import catalog as decode_catalog
from metrics.evidence import Coupon
from metrics.pricing import object_versions
from metrics.pricing.catalog import Catalog
from metrics.timeline import known_states, timeline
from metrics.timeline.lines import invoice_history, points
from metrics.timeline.lines.unpaid import Verdict
from metrics.timeline.states import told_elsewhere
from tests.lives.account import Account
from tests.lives.dropping import places
from tests.lives.installation import Installation
from tests.lives.installation import told as moved
from tests.lives.maker import Maker
from tests.lives.mutants import Mutant, differences, whole
from tests.lives.registry import HIDDEN, LIVES, NOW
from tests.lives.test_late import BACK, JANUARY, JUNE, up_and_back
from tests.lives.test_lives import faults

PutBack = Callable[[pytest.MonkeyPatch], None]


def instead(where: Any, name: str, make: Callable[[Any], Any]) -> PutBack:
    """Puts in the place of a function what `make` makes of it."""
    return lambda patch: patch.setattr(where, name, make(getattr(where, name)))


def all_of(*each: PutBack) -> PutBack:
    """Several at once."""

    def put_back(patch: pytest.MonkeyPatch) -> None:
        for one in each:
            one(patch)

    return put_back


CUT_LISTS = instead(known_states, "is_cut", lambda _: lambda _s: False)
NEWEST_OBJECT = all_of(
    instead(Catalog, "price_of", lambda _: lambda self, priced: self.prices.get(priced.price or "")),
    instead(Catalog, "coupon_of", lambda _: lambda self, discount: self.coupons.get(discount.coupon or "")),
)


def _scoped(decode: Callable[..., Coupon]) -> Callable[..., Coupon]:
    return lambda *args, **named: replace(decode(*args, **named), scope_told=True)


SCOPE = instead(decode_catalog, "coupon", _scoped)
UNTOLD_DISCOUNTS = all_of(
    instead(known_states, "is_cut", lambda _: lambda s: not s.items_complete),
    instead(told_elsewhere, "_with_own_discounts", lambda _: list),
)
UNTOLD_ON_LINES = instead(points, "_point", lambda made: lambda *args, **named: replace(made(*args, **named), discounts_told=True))
PACKAGES = instead(
    object_versions,
    "_same_packages",
    lambda _: lambda one, other: getattr(one, "transform", None) == getattr(other, "transform", None),
)
LISTED_AGAIN = instead(timeline, "sightings", lambda made: lambda states, bills: made([replace(s, seen=()) for s in states], bills))
HALF_A_PAIR = instead(known_states, "without_halves", lambda _: lambda lines, _bills, _states: lines)
UNREAD_TAKES_AWAY = instead(invoice_history, "_told", lambda _: lambda own, *, partial: [p for p in own if not p.silent])
BILLED_AHEAD = instead(points, "AHEAD", lambda _: 2**62)
VOIDED_UNPAID = instead(known_states, "borne_out", lambda _: lambda found, _bills, _states: Verdict(found))

LIVED: Final[dict[str, tuple[PutBack, str, str]]] = {
    "discounts of an item that aren't told are none": (UNTOLD_DISCOUNTS, "events_older_than_discounts_of_items", "everything"),
    "a line that tells no discounts has none": (UNTOLD_ON_LINES, "a_bill_that_tells_no_discounts", "invoices"),
    "a cut list proves what is gone": (CUT_LISTS, "eleven_items_with_a_label", "everything"),
    "an id means the newest object": (NEWEST_OBJECT, "plan_remade_dearer", "everything"),
    "an id means the newest coupon": (NEWEST_OBJECT, "coupon_remade_on_a_customer", "everything"),
    "a scope that isn't told is everything": (SCOPE, "scope_of_a_deleted_coupon", "everything"),
    "half of a pair is a removal": (HALF_A_PAIR, "credit_alone_of_an_item_that_stays", "everything"),
    "a line that can't be read takes away": (UNREAD_TAKES_AWAY, "debit_without_parent", "everything"),
    "what is billed ahead tells how things stand": (BILLED_AHEAD, "a_change_within_what_is_billed_ahead", "everything"),
    "an upgrade that was voided unpaid is one": (VOIDED_UNPAID, "voided_and_not_borne_out", "everything"),
}


def wrong(name: str, way: str, folder: Path, template: Path) -> list[str]:
    """What comes out wrong of a life that is lived alone and read once."""
    life, account = LIVES[name], Account(hidden=set(HIDDEN[way]))
    life.live(Maker(account, name.replace("_", "") + "x"))
    expected = life.expected(way, "once")
    assert expected is not None, "something is asked of it"
    with Installation(account, folder / "nrr.sqlite3", template) as installation:
        ledgers = installation.sync(NOW).ledgers(NOW)
        kept_out = {object_id for _, object_id in installation.kept_out()}
    return faults(life, expected, ledgers.get(f"cus_{name.replace('_', '')}x"), kept_out)


@pytest.mark.parametrize("fault", LIVED)
def test_a_life_notices(fault: str, tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is put back, its life comes out wrong; without it, it comes out right."""
    put_back, name, way = LIVED[fault]
    assert [] == wrong(name, way, tmp_path, template)
    put_back(monkeypatch)
    assert [] != wrong(name, way, tmp_path, template)


LACKING: Final[dict[str, tuple[PutBack, str, str]]] = {
    "packages that aren't told are none": (PACKAGES, "volume_and_packages", "price.transform_quantity"),
    "a list that is cut proves what is gone": (CUT_LISTS, "many_items", "subscription.items"),
}


def silent(base: str, field: str, folder: Path, template: Path) -> list[str]:
    """What changes in silence where one of a base account's places lacks a field."""
    lacking_it = [place for place in places(whole(base, "x", old_events=False)) if place.field == field]
    assert lacking_it != []
    return [str(each) for each in differences([Mutant(base, False, (x,)) for x in lacking_it], folder / "nrr.sqlite3", template)]


@pytest.mark.parametrize("fault", LACKING)
@pytest.mark.long
def test_an_account_that_lacks_a_part_notices(fault: str, tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is put back, some part that is left out changes movements in silence; without it, none does."""
    put_back, base, field = LACKING[fault]
    assert [] == silent(base, field, tmp_path, template)
    put_back(monkeypatch)
    assert [] != silent(base, field, tmp_path, template)


def test_who_reads_twice_notices(tmp_path: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing that counts once, however often it was seen, lets a line that was undone since rule for ever."""
    account = Account()
    up_and_back(Maker(account, "back"))
    with Installation(account, tmp_path / "nrr.sqlite3", template) as installation:
        installation.sync(JANUARY).sync(JUNE)
        assert BACK == tuple(moved(installation.ledgers(JUNE)["cus_back"]))
        LISTED_AGAIN(monkeypatch)
        assert BACK != tuple(moved(installation.ledgers(JUNE)["cus_back"]))
