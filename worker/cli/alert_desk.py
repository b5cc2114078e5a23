"""What the commands of `nrr alerts` are opened with: settings, the rules that are watched, channels, and the instant that it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from worker.cli.common import Context, opened
from worker.cli.exit_codes import Exit, Stop

if TYPE_CHECKING:
    from worker.alerts.alerting import Alerting


@dataclass(frozen=True, slots=True)
class Desk:
    """A context with what alerting needs, and the instant that it is."""

    context: Context
    alerting: "Alerting"
    at: datetime

    def known(self, rule: str) -> str:
        """The rule's name. Raises Stop for one that isn't watched, with what was probably meant."""
        from difflib import get_close_matches

        names = list(self.alerting.watch.named())
        if rule not in names:
            close = get_close_matches(rule, names, n=1)
            meant = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"
            raise Stop(f"no rule is called {rule!r}{meant}", Exit.USAGE)
        return rule


@contextmanager
def alert_desk(*, json: bool, now: str | None = None, config: Any = None) -> Iterator[Desk]:
    """A desk on the settings; the database must be migrated. Raises NotMigrated, BadSettings, BadRules."""
    from worker.runs.database import require_current
    from worker.wiring.channels import open_alerting

    with opened(json=json, now=now, config=config) as context:
        require_current(context.wiring.engine)
        alerting = open_alerting(context.wiring, context.loaded.settings, config=context.loaded.config)
        yield Desk(context, alerting, datetime.fromtimestamp(context.wiring.now, UTC))
