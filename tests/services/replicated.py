"""A PostgreSQL with a standby that may lack the last commits, behind one address that is switched over: what a failover is really like.

The standby streams from the primary through a proxy of its own. While that one is held back, the primary goes on committing and tells its
clients so, and the standby knows nothing of it; promoted then, it is a database in which what was promised never happened.
"""

import time

import psycopg

from tests.services.postgres import Postgres
from tests.services.proxy import Proxy

HOST = "127.0.0.1"


class Replicated:
    """A primary and its standby. Clients reach the primary of the day by `dsn`; `crash` and `start` are the primary's, as of one server."""

    def __init__(self) -> None:
        self._gone: list[Postgres] = []
        self._primary = Postgres()
        self._primary.start()
        self._front = Proxy((HOST, self._primary.port))
        self._link = Proxy((HOST, self._primary.port))
        self._front.__enter__()
        self._link.__enter__()
        self._standby = self._copied()

    def _copied(self) -> Postgres:
        """A standby of the primary as it is now, streaming already."""
        made = Postgres(bin=self._primary.bin, source=("-h", HOST, "-p", str(self._link.port)))
        made.start()
        return made

    def dsn(self, database: str) -> str:
        """An address that leads to whoever is the primary."""
        return self._primary.dsn(database).replace(f":{self._primary.port}/", f":{self._front.port}/")

    def crash(self) -> None:
        """The primary is gone at once."""
        self._primary.crash()

    def start(self) -> None:
        """The primary comes back with its data."""
        self._primary.start()

    def hold_back(self) -> None:
        """The standby has all that was committed until now, and gets nothing of what is committed from here on."""
        with psycopg.connect(self._primary.dsn("postgres"), autocommit=True) as connection:
            row = connection.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        assert row is not None
        deadline = time.monotonic() + 60
        with psycopg.connect(self._standby.dsn("postgres"), autocommit=True) as connection:
            while (True,) != connection.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", row).fetchone():
                assert time.monotonic() < deadline, "the standby does not catch up"
                time.sleep(0.02)
        self._link.freeze()

    def held_back(self) -> int:
        """How many transactions the standby knows nothing of."""
        return _next_transaction(self._primary) - _next_transaction(self._standby)

    def fail_over(self) -> int:
        """The primary is gone for good and the standby takes its place, with what it had got until then.

        Gives how many transactions are lost that the primary had begun to write. A new standby is there when this returns.
        """
        old, new = self._primary, self._standby
        written = _next_transaction(old)
        old.crash()
        self._front.refuse()
        self._link.cut()  # what is on its way is lost
        self._link.thaw()
        with psycopg.connect(new.dsn("postgres"), autocommit=True) as connection:
            assert (True,) == connection.execute("SELECT pg_promote(true, 60)").fetchone(), "the standby was not promoted"
        lost = written - _next_transaction(new)
        self._primary = new
        for proxy in (self._front, self._link):
            proxy.lead_to((HOST, new.port))
        self._front.admit()
        self._gone.append(old)
        self._standby = self._copied()
        return lost

    def stop(self) -> None:
        """Stop both and remove everything."""
        for proxy in (self._front, self._link):
            proxy.__exit__(None, None, None)
        for server in (self._standby, self._primary, *self._gone):
            server.stop()


def _next_transaction(server: Postgres) -> int:
    with psycopg.connect(server.dsn("postgres")) as connection:
        row = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
    assert row is not None
    return int(row[0])
