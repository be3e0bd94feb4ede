"""Pull requests on GitHub, GitLab and Gitea, through their REST interfaces.

Belongs here: finding the open one for a branch, and opening one. Pushing the branch is engine.git.
"""

from engine.forge.address import KINDS, Place, place
from engine.forge.requests import PullRequest, Wanted, open_request

__all__ = ["KINDS", "Place", "PullRequest", "Wanted", "open_request", "place"]
