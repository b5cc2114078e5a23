"""Log lines: a constant event with keyword data, as JSON for machines or in colour for people, and never a secret.

They go to stderr, so that stdout is data. Libraries' own lines (Celery's, urllib3's) come out in the same shape. A
value that looks like a key, and the password in an address, are masked wherever they turn up.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import structlog

from integrations.notify.sanitize import steady

_KEY: Final = re.compile(r"\b((?:sk|rk|pk|ek|uk|whsec|xoxb|xoxp|xapp)[_-])[A-Za-z0-9_*-]{6,}")
_PASSWORD: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@/]+(@)")
_SHORTEST: Final = 6
"""A shorter secret would mask words that have nothing to do with it."""
_WEBHOOK: Final = re.compile(r"(hooks\.slack\.com/services/)\S+")


_FOREIGN: Final = ("celery", "kombu", "worker.execution.beat")
_REDIS_LOST: Final = ("Connection to broker lost", "Cannot connect to", "beat: Connection error", "Message Error: ")
_REDIS_BACK: Final = ("Connected to ", "a tick was sent")
_WORTH_KNOWING: Final = (" ready.", "Warm shutdown (MainProcess)", "Cold shutdown (MainProcess)", "beat: Starting...")


_known: set[str] = set()
"""Secrets of this process, masked by their very value."""


def keep_secret(*values: str | None) -> None:
    """From now on these values show nowhere in this process's log lines, whatever they look like."""
    _known.update(value for value in values if value and len(value) >= _SHORTEST)


def masked(text: str) -> str:
    """`text` without anything that is known to be a secret, or looks like a key, a password in an address, or a webhook's address."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _KEY.sub(r"\1***", text)
    text = _PASSWORD.sub(r"\1***\2", text)
    return _WEBHOOK.sub(r"\1***", text)


def _mask(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        event[name] = _masked_within(value)
    return event


def _masked_within(value: Any) -> Any:
    """A value of any depth without secrets; what is no plain value is masked as the text that it would be logged as."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return steady(masked(value))
    if isinstance(value, Mapping):
        return {masked(str(key)): _masked_within(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked_within(each) for each in value]
    return steady(masked(str(value)))


def level_of(setting: str, *, standing: bool = False) -> str:
    """The level that a setting means: of `auto`, info for processes that stand by themselves, where nobody looks on, and warning for commands."""
    if setting != "auto":
        return setting
    return "info" if standing else "warning"


class _OfCelery(logging.Filter):
    """Celery's own lines: four a tick that tell nothing, and dozens when Redis is away. The first are for debugging, of the others one is enough.

    Redis is lost once, and back once, whoever of this process notices it first.
    """

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level
        self._lost = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written; what it says of Redis is said in our own words."""
        if record.name == "py.warnings" and "celery" in record.getMessage():
            return self._debugging
        if not record.name.startswith(_FOREIGN):
            return True
        said = record.getMessage()
        if record.levelno >= logging.WARNING and any(words in said for words in _REDIS_LOST):
            first, self._lost = not self._lost, True
            return (
                _says(record, "redis_lost: no nudge arrives until it is back; nothing is lost", said) if first else self._debugging
            )
        if self._lost and any(words in said for words in _REDIS_BACK):
            self._lost = False
            return _says(record, "redis_back", None)
        if record.levelno < logging.WARNING and not said.endswith(_WORTH_KNOWING):
            return self._debugging
        return True

    @property
    def _debugging(self) -> bool:
        return self._level <= logging.DEBUG


def _says(record: logging.LogRecord, event: str, why: str | None) -> bool:
    words = " ".join((why or "").partition(" ['")[0].split())
    record.levelno, record.levelname = (logging.WARNING, "WARNING") if why else (logging.INFO, "INFO")
    record.msg, record.args = event + (f" ({words[:160]})" if words else ""), ()
    record.exc_info = record.exc_text = record.stack_info = None
    return True


def configure(*, style: str = "auto", level: str = "warning") -> None:
    """Set logging up for this process; the last call counts. `style` is auto (console on a terminal, else JSON), json or console."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    as_json = style == "json" or (style == "auto" and not sys.stderr.isatty())
    last: list[Any] = (
        [structlog.processors.format_exc_info, _mask, structlog.processors.JSONRenderer(sort_keys=True)]
        if as_json
        else [structlog.processors.format_exc_info, _mask, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_OfCelery(logging.getLevelNamesMapping()[level.upper()]))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Requests are counted and told by the reader itself; these libraries would log one line for each.
    for name in ("urllib3", "stripe", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
