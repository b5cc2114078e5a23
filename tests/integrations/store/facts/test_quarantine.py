"""What could not be read is named once, and taken out when it can be read."""

from sqlalchemy import Engine

from integrations.store.db.engine import begin, read
from integrations.store.facts import quarantine
from integrations.store.facts.quarantine import Quarantined


def noted(number: int, reason: str = "bad_shape", account: int = 1) -> Quarantined:
    """An object that can't be read."""
    return Quarantined(account, "invoice", f"in_{number}", reason, "x" * 5_000)


def test_an_object_is_noted_once(engine: Engine) -> None:
    """Seen again it keeps its first date and takes the latest reason; the detail is cut."""
    with begin(engine) as connection:
        assert 2 == quarantine.put(connection, [noted(1), noted(2), noted(1)])
        first = quarantine.everything(connection)
    with begin(engine) as connection:
        assert 0 == quarantine.put(connection, [noted(1, "bad_text")])
        assert 1 == quarantine.put(connection, [noted(1, account=2)])
        again = quarantine.everything(connection)
        assert 3 == quarantine.count(connection)
    assert ["in_1", "in_2"] == [q.object_id for q in first]
    assert (first[0].first_seen, "bad_text", 2_000) == (again[0].first_seen, again[0].reason, len(again[0].detail))
    assert again[0].last_seen is not None
    assert first[0].last_seen is not None
    assert again[0].last_seen >= first[0].last_seen


def test_what_can_be_read_comes_out(engine: Engine) -> None:
    """However many are named; of this account and kind only."""
    with begin(engine) as connection:
        assert 0 == quarantine.clear(connection, 1, "invoice", ["in_1"])
        quarantine.put(connection, [noted(n) for n in range(700)])
        quarantine.put(connection, [noted(1, account=2)])
        assert 0 == quarantine.clear(connection, 1, "price", ["in_1"])
        assert 0 == quarantine.clear(connection, 1, "invoice", [])
        assert 600 == quarantine.clear(connection, 1, "invoice", (f"in_{n}" for n in range(100, 2_000)))
    with read(engine) as connection:
        assert 101 == quarantine.count(connection)
        assert ["in_0", "in_1"] == [q.object_id for q in quarantine.everything(connection, limit=2)]
