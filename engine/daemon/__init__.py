"""The daemon: decide when each Application is looked at, and tell what came of it.

Belongs here: the queue, its workers, and everything that makes them look (events, intervals,
retries). Not here: what one look does (reconcile.py), HTTP (web/), requests (kube/).
"""
