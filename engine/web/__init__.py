"""HTTP of the daemon: is it well, what has it counted, and hints that somebody pushed.

Belongs here: sockets, routes, who may speak. Not here: what a hint sets off and what health means;
the daemon is known only by :class:`~engine.web.daemon.Daemon`, and the cluster not at all. Imported
by `plumb run` alone: nobody else pays for Flask.
"""
