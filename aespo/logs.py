"""What is written into logs: where something went wrong and of what kind, and nothing that people wrote.

The texts of errors may hold what a statement, a mail or a request was about: PostgreSQL's `DETAIL` has the row's
values, SES names the recipient. So of an error only type and place are written, with the codes that tell of its cause.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import Any

import psycopg
from botocore.exceptions import ClientError

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class DiscreetFormatter(logging.Formatter):
    """Writes exceptions without their texts."""

    def formatException(self, ei: _ExcInfo) -> str:
        """The exception and what it came from, the innermost first, each with its frames."""
        error, told = ei[1], []
        while error is not None:
            frames = "".join(traceback.format_tb(error.__traceback__))
            told.append(f"{frames}{describe(error)}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\nwhich led to:\n".join(reversed(told))

    def format(self, record: logging.LogRecord) -> str:
        """The line, with an exception's place behind it; what another formatter kept of it is not used."""
        record.exc_text = None
        return super().format(record)


def describe(error: BaseException) -> str:
    """An error's type and codes, without its text."""
    codes = {name: value for name, value in _codes(error).items() if value}
    told = ", ".join(f"{name} {value}" for name, value in codes.items())
    return f"{type(error).__module__}.{type(error).__qualname__}" + (f" ({told})" if told else "")


def _codes(error: BaseException) -> dict[str, Any]:
    original = getattr(error, "orig", error)  # SQLAlchemy wraps the driver's
    if isinstance(original, psycopg.Error):
        found = original.diag
        return {"state": original.sqlstate, "table": found.table_name, "constraint": found.constraint_name}
    if isinstance(error, ClientError):
        return {"operation": error.operation_name, "code": error.response.get("Error", {}).get("Code")}
    if isinstance(error, OSError):
        return {"errno": error.errno}
    return {}


def install(level: int = logging.WARNING) -> None:
    """Let the application's log go to standard error, once a process."""
    logger = logging.getLogger("aespo")
    logger.setLevel(level)
    if not any(isinstance(item.formatter, DiscreetFormatter) for item in logger.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(DiscreetFormatter("%(levelname)s %(name)s %(message)s"))
        logger.addHandler(handler)
