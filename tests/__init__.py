"""Tests of values: no socket, no cluster, nothing to wait for."""
