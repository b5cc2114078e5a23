"""An account is bound to a name and a mode at first sight; a key of another one writes nothing."""

import threading

import pytest
from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import accounts
from integrations.store.facts.accounts import AccountRefused, AccountRow


def bind(engine: Engine, name: str, stripe_id: str, *, livemode: bool = False) -> int:
    """Bind in a transaction of its own."""
    with begin(engine) as connection:
        return accounts.bind(connection, name=name, stripe_id=stripe_id, livemode=livemode, country="DE", default_currency="eur")


def test_the_same_key_is_the_same_account(engine: Engine) -> None:
    """However often it is bound; another one gets a number of its own."""
    one = bind(engine, "main", "acct_1")
    assert (one, one + 1) == (bind(engine, "main", "acct_1"), bind(engine, "other", "acct_2"))
    with read(engine) as connection:
        assert [
            AccountRow(one, "main", "acct_1", False, "DE", "eur"),
            AccountRow(one + 1, "other", "acct_2", False, "DE", "eur"),
        ] == accounts.everything(connection)


@pytest.mark.parametrize(
    ("name", "stripe_id", "livemode", "said"),
    [
        ("main", "acct_2", False, "belongs to acct_2 in test mode, but what is stored under that name is acct_1"),
        ("main", "acct_1", True, "in live mode, but what is stored"),
        ("renamed", "acct_1", False, "is stored under the name 'main' already"),
        ("other", "acct_2", True, "Live and test never mix"),
    ],
)
def test_a_key_of_something_else_is_refused(engine: Engine, name: str, stripe_id: str, livemode: bool, said: str) -> None:
    """Another account or mode under the name, another name for the account, another mode in the database: nothing is written."""
    bind(engine, "main", "acct_1")
    with pytest.raises(AccountRefused, match=said) as refused:
        bind(engine, name, stripe_id, livemode=livemode)
    assert "nothing was changed" in str(refused.value)
    with read(engine) as connection:
        assert ["main"] == [row.name for row in accounts.everything(connection)]


def test_two_first_keys_at_once_do_not_mix_modes(engine: Engine) -> None:
    """A live and a test key that are both the first: one of them is refused."""
    ready, refused = threading.Barrier(2), []

    def first(name: str, livemode: bool) -> None:
        ready.wait()
        try:
            bind(engine, name, f"acct_{name}", livemode=livemode)
        except AccountRefused:
            refused.append(name)

    threads = [threading.Thread(target=first, args=each) for each in (("one", True), ("two", False))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == len(refused)
    with read(engine) as connection:
        assert 1 == len(accounts.everything(connection))
