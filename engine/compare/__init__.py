"""Git against Git: what a change means to every application, without a cluster.

The answer is the plan of :mod:`engine.plan` for a cluster in which the base is in place, so a
report and a sync cannot disagree about what a commit does. Only what differs is rendered.
"""

from engine.compare.applications import Catalog, Side
from engine.compare.everything import Request, compare, read_base
from engine.compare.sources import Sources

__all__ = ["Catalog", "Request", "Side", "Sources", "compare", "read_base"]
