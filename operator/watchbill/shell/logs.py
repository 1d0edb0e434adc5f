"""One form for every line that is logged, whoever logs it: JSON, or for people on a terminal."""

import json
import logging
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_OBJECT = ("controller", "namespace", "name", "uid", "generation")
KEYS = ("ts", "level", "logger", "msg", *_OBJECT, "reconcileID", "trace_id")
"""The keys that come first, in this order; a line has those that it has (ecosystem.md §6)."""

QUIET = {
    "kopf.objects": logging.WARNING,  # It says of each event that its handler succeeded.
    "kopf.activities": logging.WARNING,
    "kopf._core.reactor.running": logging.ERROR,  # It warns that a thread gets no signals, as is meant.
    "aiohttp.access": logging.WARNING,
    "asyncio": logging.WARNING,
}
"""What others say too often, and from which level on they are heard."""

Redact = Callable[[str], str]
"""Returns a text without the secrets in it."""


def keep(text: str) -> str:
    """The same text: nothing is known to be secret."""
    return text


def configure_logs(
    level: str = "INFO", stream: TextIO = sys.stderr, as_json: bool | None = None, redact: Redact = keep
) -> None:
    """Send all that is logged in this process to the stream: as JSON unless it is a terminal."""
    in_json = not stream.isatty() if as_json is None else as_json
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _add_kopf_object,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        # Without local variables, which hold credentials.
        structlog.processors.ExceptionRenderer(),
        Redacted(redact),
    ]
    renderer: list[Processor] = [_in_order, structlog.processors.JSONRenderer(_dump)]
    if not in_json:
        plain = structlog.dev.plain_traceback
        renderer = [structlog.dev.ConsoleRenderer(timestamp_key="ts", exception_formatter=plain)]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, root.level))
    _configure_structlog(shared)


def _configure_structlog(shared: list[Processor]) -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


class Redacted:
    """The processor that takes secrets out of every text of a line, the traceback included."""

    def __init__(self, redact: Redact) -> None:
        self._redact = redact

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        """The line without secrets."""
        return {key: self._clean(value) if not key.startswith("_") else value for key, value in event.items()}

    def _clean(self, value: Any) -> Any:
        match value:
            case str():
                return self._redact(value)
            case Mapping():
                return {key: self._clean(each) for key, each in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._clean(each) for each in value]
            case bool() | int() | float() | None:
                return value
        return self._redact(str(value))


def _add_kopf_object(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Name the object that kopf logs about, as our own lines do."""
    reference = getattr(event.get("_record"), "k8s_ref", None)
    if isinstance(reference, Mapping):
        for key in ("namespace", "name", "uid"):
            if reference.get(key):
                event.setdefault(key, reference[key])
    return event


def _in_order(logger: WrappedLogger, method: str, event: EventDict) -> MutableMapping[str, Any]:
    line = {**event, "msg": event.get("event", "")}
    line.pop("event", None)
    first = {key: line.pop(key) for key in KEYS if key in line}
    return first | line


def _dump(line: Mapping[str, Any], **_: Any) -> str:
    return json.dumps(line, ensure_ascii=False, default=str)
