"""A PostgreSQL for the benchmarks of reading, with an empty database for each contender, and what it costs in CPU."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from integrations.store import migrate
from integrations.store.db.engine import open_engine
from tests.services.postgres import Postgres, create_database


@dataclass
class Databases:
    """A server of our own."""

    server: Postgres
    made: int = 0

    def fresh(self, *, migrated: bool = True) -> str:
        """The address of an empty database with the product's tables."""
        self.made += 1
        address = create_database(self.server.dsn("postgres"), f"contender_{self.made}")
        if not migrated:
            return address
        url = address.replace("postgresql://", "postgresql+psycopg://")
        engine = open_engine(url)
        migrate.upgrade(engine)
        engine.dispose()
        return url

    def cpu_seconds(self) -> float:
        """CPU of the server so far, its processes that have ended included."""
        assert self.server.process is not None
        return cpu_seconds_of(self.server.process.pid)


@contextmanager
def databases() -> Iterator[Databases]:
    """A server that is stopped and removed afterwards."""
    server = Postgres()
    try:
        server.start()
        yield Databases(server)
    finally:
        server.stop()


def cpu_seconds_of(pid: int) -> float:
    """CPU of a process and its children, those that have ended included."""
    ticks = 0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended while we looked
        if int(folder.name) == pid:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
