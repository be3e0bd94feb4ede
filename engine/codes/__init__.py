"""What `plumb explain` says about each PLB code. Stable: a code keeps its meaning for ever.

Numbers: 1xx settings and usage, 2xx Git, 3xx manifests, 4xx cluster, 5xx plan and safety rules,
6xx apply, 7xx health, 8xx promotion.
"""

from engine.codes.apply import APPLY
from engine.codes.cluster import CLUSTER
from engine.codes.explanation import Explanation
from engine.codes.git import GIT
from engine.codes.health import HEALTH
from engine.codes.manifests import MANIFESTS
from engine.codes.promotion import PROMOTION
from engine.codes.safety import SAFETY
from engine.codes.settings import SETTINGS

CODES: dict[str, Explanation] = {
    **SETTINGS, **GIT, **MANIFESTS, **CLUSTER, **SAFETY, **APPLY, **HEALTH,
    **PROMOTION,
}  # fmt: skip

__all__ = ["CODES", "Explanation"]
