"""Defaults that the server fills in. Made by scripts/observe-defaults; do not edit."""

from __future__ import annotations

from typing import Any

DEFAULTS: dict[str, dict[str, tuple[Any, ...]]] = {}
