"""Logs: one JSON object a line, of event names and typed fields. No library's message text passes."""

import json
import logging
import sys
import threading

import structlog

_SPEAKERS = frozenset({"uvicorn", "uvicorn.error"})
"""Loggers whose messages are constants, addresses and process ids; of all others only the name and the level are kept."""


def configure() -> None:
    """Send our own events and the libraries' records to standard output, once, at the start of a process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    sink = logging.StreamHandler(sys.stdout)
    sink.setFormatter(TextlessFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[sink], force=True)
    threading.excepthook = _thread_ended


class TextlessFormatter(logging.Formatter):
    """Writes library records without what could quote a value: no exception text, no traceback, no free message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one JSON line."""
        line: dict[str, str] = {"event": "library", "logger": record.name, "level": record.levelname.lower()}
        if record.name in _SPEAKERS and record.exc_info is None:
            line["message"] = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            line["kind"] = record.exc_info[0].__name__
        return json.dumps(line)


def _thread_ended(ended: threading.ExceptHookArgs) -> None:
    """Say that a thread ended by an exception, without the text that Python would print."""
    structlog.get_logger("thread").error("thread.defect", kind=ended.exc_type.__name__)
