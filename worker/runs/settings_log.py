"""Changed settings, for the audit log: noticed by whoever opens a run.

Secrets are never kept, in whatever form: of them only is said whether they are set. Two processes whose settings differ would note a change
at every turn; they note it once a day.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from integrations.store.db.clock import now
from integrations.store.work import audit_log, key_value
from worker.config.load import plain
from worker.config.settings import Settings
from worker.execution.operator import system_user

_HELD: Final = "settings:held"
_AGAIN: Final = timedelta(days=1)


def note_changes(connection: Connection, settings: Settings | None) -> None:
    """Write down which settings are not as they were when this was last called; the first time there is nothing to compare with."""
    if settings is None:
        return
    present = _plain(settings)
    held = key_value.get(connection, _HELD)
    if held is not None and held["now"] == present:
        return
    moment = now(connection)
    if held is not None:
        since = moment - datetime.fromisoformat(held["at"])
        if held.get("before") == present and timedelta(0) <= since < _AGAIN:
            return
        before = held["now"]
        changed = {
            name: {"was": before.get(name), "is": present.get(name)}
            for name in sorted({*before, *present})
            if before.get(name) != present.get(name)
        }
        audit_log.write(connection, system_user(), "settings", ", ".join(changed), changed=changed)
    key_value.put(connection, _HELD, {"now": present, "before": None if held is None else held["now"], "at": moment.isoformat()})


def _plain(settings: Settings) -> dict[str, str | None]:
    shown = {name: plain(getattr(settings, name)) for name in sorted(type(settings).model_fields)}
    shown["database_url"] = settings.database_shown
    return {name: None if value is None else str(value) for name, value in shown.items()}
