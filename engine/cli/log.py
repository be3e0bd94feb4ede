"""Structured logs on standard error, for -v."""

from __future__ import annotations

import sys
from typing import Any

import structlog


def logger() -> Any:
    """Return the logger: one line per decision, never on standard output."""
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger("plumb")
