"""What is known in the end decides, not how it was learnt: pages may be stored in any order and any number of times.

All base accounts are read side by side. Pages are the product's own, as its reader hands them over. Whole histories of reading are held
against one another in `test_moments`.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

import pytest

from integrations.store.db.clock import now as database_now
from integrations.store.db.engine import begin
from integrations.store.facts import accounts
from integrations.store.facts import write as write_facts
from integrations.stripe.page import StripePage
from integrations.stripe.reader import Reader
from tests.lives.bases import SECOND
from tests.lives.everyone import START, content, everybody
from tests.lives.installation import InMemory, Installation
from tests.lives.objects import DAY
from worker.ingest import translate as translated
from worker.ingest.plan import STREAMS

NIGHTS = tuple(range(START, SECOND + 1, 2 * DAY))


# --- the same pages -----------------------------------------------------------------------------------------------------------


@cache
def readings() -> tuple[StripePage, ...]:
    """Every list and every single object of a first, a middle and a last moment, as the product's reader reads them."""
    out: list[StripePage] = []
    client = InMemory(everybody())
    reader = Reader(client)
    for moment in (NIGHTS[0], NIGHTS[6], NIGHTS[-1]):
        client.wire.moment = moment
        for stream in STREAMS:
            out += reader.pages(stream)
        out += [reader.subscription(name) for name in sorted(client.wire.account.versions["subscriptions"])[::2]]
        out += [reader.invoice(name) for name in sorted(client.wire.account.versions["invoices"])[::5]]
    return tuple(out)


def stored(pages: Sequence[StripePage], file: Path, template: Path) -> tuple[list[str], list[str]]:
    """Facts and ledgers after storing pages in this order, each in a transaction of its own."""
    with Installation(everybody(), file, template) as installation:
        with begin(installation.engine) as connection:
            account = accounts.bind(
                connection, name="default", stripe_id="acct_lives", livemode=False, country=None, default_currency=None
            )
        for page in pages:
            with begin(installation.engine) as connection:
                write_facts.put_page(connection, account, translated.merged([page]), database_now(connection))
        return content(installation)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory, template: Path) -> tuple[list[str], list[str]]:
    """What comes of the pages in the order in which they were read."""
    return stored(readings(), tmp_path_factory.mktemp("straight") / "nrr.sqlite3", template)


def hold_in_any_order(seed: int, straight: tuple[list[str], list[str]], folder: Path, template: Path) -> None:
    """One order of pages, some of them twice, against the order in which they were read."""
    random = Random(seed)
    pages = list(readings())
    shaken = [*pages, *random.choices(pages, k=len(pages) // 4)]
    random.shuffle(shaken)
    found = stored(shaken, folder / "nrr.sqlite3", template)
    assert straight[1] == found[1]
    assert straight[0] == found[0]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2))])
def test_pages_may_come_in_any_order_any_number_of_times(
    seed: int, straight: tuple[list[str], list[str]], tmp_path: Path, template: Path
) -> None:
    """The same pages in another order, some of them again: the same facts and the same ledgers, byte for byte."""
    hold_in_any_order(seed, straight, tmp_path, template)


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=pytest.mark.long if seed < 15 else pytest.mark.slow) for seed in range(3, 100)]
)
def test_pages_may_come_in_any_order_at_length(
    seed: int, straight: tuple[list[str], list[str]], tmp_path: Path, template: Path
) -> None:
    """Likewise, in very many orders."""
    hold_in_any_order(seed, straight, tmp_path, template)


@pytest.mark.long
def test_doing_it_again_changes_nothing(tmp_path: Path, template: Path) -> None:
    """On one and the same moment syncs, audits and backfills may be repeated in any order: facts and ledgers stay as they are."""
    at = NIGHTS[10]
    with Installation(everybody(), tmp_path / "nrr.sqlite3", template) as installation:
        installation.sync(at)
        before = content(installation)
        for again in (installation.sync, installation.audit, installation.backfill, installation.audit, installation.sync):
            again(at)
            assert before == content(installation)
