"""Structured logs on standard error: of requests for -v, of decisions in the daemon."""

from __future__ import annotations

import logging
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


def daemon_logger(form: str, *, verbose: int, quiet: bool) -> Any:
    """Return the daemon's logger: one line per decision, with ``quiet`` only what is wrong.

    ``form`` is "json", "text" or "auto", which is text on a terminal and JSON elsewhere.
    """
    is_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    level = logging.WARNING if quiet and not verbose else logging.INFO
    structlog.configure(
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.add_log_level,
            _without_nothing,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
            if is_text
            else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger("plumb")


def _without_nothing(_logger: Any, _name: str, event: Any) -> Any:
    """Leave out fields that say nothing, so that a line is short."""
    return {key: value for key, value in event.items() if value is not None and value != ""}
