"""What users configure, made into values: Application documents, flags, and Git credentials.

Belongs here: reading and checking, with every problem at its path:line:column. Not here: options
of the command line (cli/) and kubeconfigs (kube/config.py).
"""

from engine.settings.credentials import credentials_from_secret
from engine.settings.documents import (
    application_from_flags,
    application_from_resource,
    applications,
    bare_application,
    readable_applications,
)
from engine.settings.values import parse_duration, parse_ref

__all__ = [
    "application_from_flags",
    "application_from_resource",
    "applications",
    "bare_application",
    "credentials_from_secret",
    "parse_duration",
    "parse_ref",
    "readable_applications",
]
