"""The objects that a path of a commit asks for. One module per format.

Belongs here: what a tree of files means, and remembering it. Not here: where trees come from.
"""

from engine.render.memo import Rendered, render_again
from engine.render.rendering import Rendering, normal_path, render

__all__ = ["Rendered", "Rendering", "normal_path", "render", "render_again"]
