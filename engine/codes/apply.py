"""PLB6xx: carrying out a plan."""

from __future__ import annotations

from engine.codes.explanation import Explanation

APPLY: dict[str, Explanation] = {
    "PLB610": Explanation(
        "Does not stay as it was written",
        "One run wrote the object several times, and each time somebody had changed it again "
        "before the next wave or the deletions could begin.",
        "See who changes it: kubectl get -o yaml --show-managed-fields names the field managers. "
        "Leave the field to them by taking it out of Git or by an ignore rule.",
    ),
    "PLB690": Explanation(
        "A bug in Plumb",
        "Something happened that the code does not expect. The application that it happened to is "
        "left as it is; the others went on.",
        "Report it with the lines that were printed; they hold no values of your objects.",
    ),
}
