"""PLB7xx: waiting for health."""

from __future__ import annotations

from engine.codes.explanation import Explanation

HEALTH: dict[str, Explanation] = {
    "PLB701": Explanation(
        "Not healthy in time",
        "What was applied did not become healthy within the timeout. It stays applied, and "
        "what would have been deleted stays.",
        "Look at the objects that are named; give a slow one more time with --timeout.",
    ),
    "PLB702": Explanation(
        "Cannot become healthy",
        "An object has been degraded for a while: it will not become healthy by waiting.",
        "Read the message of the object, mend it in Git, and sync again.",
    ),
    "PLB703": Explanation(
        "Not gone in time",
        "With deletionPolicy wait, some objects were still there when the time was over, "
        "mostly because of finalizers.",
        "Look which finalizers they wait for, and run plumb delete again later.",
    ),
    "PLB710": Explanation(
        "Nobody answered in time",
        "The request was written to the Application, and no daemon took it up, or it did not come "
        "to an end within the timeout. The request stays: a daemon that starts later acts on it.",
        "See whether the daemon runs and is Ready: kubectl get pods in its namespace. Give a slow "
        "application more time with --timeout.",
    ),
    "PLB711": Explanation(
        "Not ready",
        "The daemon did what was asked, and the application is not as Git wants it.",
        "The message says what is wrong, where, and what to do; plumb status NAME shows all of it.",
    ),
}
