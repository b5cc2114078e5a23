"""Log lines: a constant event with keyword data, as JSON for machines or in colour for people, and never a secret.

Libraries' own lines (Celery's, urllib3's) come out in the same shape.
"""

import logging
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO

import structlog

from integrations.notify.sanitize import steady
from worker.execution.masking import masked

_FOREIGN: Final = ("celery", "kombu", "worker.execution.beat")
_REDIS_LOST: Final = ("Connection to broker lost", "Cannot connect to", "beat: Connection error", "Message Error: ")
_REDIS_BACK: Final = ("Connected to ", "a tick was sent")
_WORTH_KNOWING: Final = (" ready.", "Warm shutdown (MainProcess)", "Cold shutdown (MainProcess)", "beat: Starting...")


def configure(style: str, level: str, stream: TextIO | None) -> None:
    """Have lines written as `log.configure` was asked to, which calls this at the first one."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    for_people = _is_terminal(stream)
    as_json = style == "json" or (style == "auto" and not for_people)
    last: list[Any] = (
        [structlog.processors.format_exc_info, _mask, structlog.processors.JSONRenderer(sort_keys=True)]
        if as_json
        else [structlog.processors.format_exc_info, _mask, structlog.dev.ConsoleRenderer(colors=for_people)]
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
    handler = _Lines(stream)
    handler.addFilter(_OfCelery(logging.getLevelNamesMapping()[level.upper()]))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]


class _Lines(logging.StreamHandler[Any]):
    """Writes lines; where they can't be written and that can't be told either, the work goes on without."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name that logging calls
        with suppress(ValueError):  # stderr was closed
            super().handleError(record)


def _is_terminal(stream: TextIO | None) -> bool:
    """Whether people read what is written there; nobody does where it was closed meanwhile, or where the process was started without it."""
    return stream is not None and not stream.closed and stream.isatty()


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
