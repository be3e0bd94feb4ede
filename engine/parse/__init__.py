"""YAML and JSON as kubectl reads and sends them, with the place of every mistake.

Belongs here: from bytes to JSON documents, and from JSON to YAML. What a document means to
Kubernetes (kinds, names, lists) does not: see engine.render.
"""

from engine.parse.digest import digest
from engine.parse.dump import dump
from engine.parse.limits import Limits
from engine.parse.outline import Outline
from engine.parse.stream import Document, documents, locate

__all__ = ["Document", "Limits", "Outline", "digest", "documents", "dump", "locate"]
