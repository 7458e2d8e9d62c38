"""Structured logs: one JSON object a line, with the request id, without names, numbers, addresses or query strings."""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from contextvars import ContextVar
from typing import Any

request_id_var: ContextVar[str] = ContextVar("request_id", default="")

_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_REDACT = [
    (re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"), "[e-mail]"),
    (re.compile(r"(?<![\w-])\+?\d[\d ()-]{8,16}\d(?![\w-])"), "[number]"),
    (re.compile(r"\?[^\s\"']*=[^\s\"']*"), "?[query]"),
    (re.compile(r"[А-Яа-яЁё][А-Яа-яЁё-]*(?:\s+[А-Яа-яЁё][А-Яа-яЁё-]*)*"), "[text]"),
]


def redact(text: str) -> str:
    """Remove what may be personal. Our own log messages are English, so any Cyrillic came from outside."""
    for pattern, label in _REDACT:
        text = pattern.sub(label, text)
    return text


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if request_id_var.get():
            line["request_id"] = request_id_var.get()
        for key, value in record.__dict__.items():
            if key not in _STANDARD and key not in ("request", "job", "args"):
                line[key] = value if isinstance(value, int | float | bool) else redact(str(value))
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            # places only: the text of an exception may quote the data that caused it
            line["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-12:]]
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(config: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG: one handler, one format, for every logger of the process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(config["level"])
    for name in ("django.server", "django.request", "django.security"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    logging.getLogger("django.request").setLevel("CRITICAL")  # our own line per request says it, without the path
    for noisy in ("httpx", "httpcore", "procrastinate", "mail.log"):
        logging.getLogger(noisy).setLevel("WARNING")
