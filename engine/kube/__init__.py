"""Reaching the API server: a thin layer over pykube-ng that closes its gaps.

``config`` finds server and credentials, ``client`` sends requests, ``status`` turns refusals into
errors, ``discovery`` asks for kinds and schemas. Nothing here decides what to change.
"""
