"""Tests against real servers: an API server, Git servers on loopback, kind. One story per file."""
