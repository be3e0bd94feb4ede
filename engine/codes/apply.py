"""PLB6xx: carrying out a plan."""

from __future__ import annotations

from engine.codes.explanation import Explanation

APPLY: dict[str, Explanation] = {
    "PLB690": Explanation(
        "A bug in Plumb",
        "Something happened that the code does not expect. The application that it happened to is "
        "left as it is; the others went on.",
        "Report it with the lines that were printed; they hold no values of your objects.",
    ),
}
