"""Two revisions of a clone, as `plumb diff` and `plumb validate` are asked for them.

Nothing here needs a cluster, a network or credentials: only the clone around the folder.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from engine.cli.options import common, option, together
from engine.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from engine.compare import Request, Side, Sources
    from engine.errors import PlumbError
    from engine.git.clone import Clone
    from engine.model import Application, Tree
    from engine.run import Desired

    Found = tuple[Application, Desired | PlumbError]
    F = TypeVar("F", bound=Callable[..., Any])

MAP = option("--map", "maps", multiple=True, metavar="URL=PATH", help="The repository URL is the "
             "clone in PATH.")  # fmt: skip
WORKTREE = option("--worktree", is_flag=True, help="Take the files as they lie there, before "
                  "any commit.")  # fmt: skip
REPO = option("--repo", default=".", metavar="DIR", help="The clone; else the one around the "
              "current folder.")  # fmt: skip
FOLDER = (WORKTREE, REPO, MAP)
_REVISIONS = (
    option("--base", metavar="REV", help="Compare Git with Git, without a cluster: from here"),
    option("--head", metavar="REV", help="to here; by default to HEAD."),
    option("--merge-base", metavar="REV", help="Instead of --base: from where HEAD left REV."),
    option("--live", is_flag=True, help="Compare the base with the cluster too."),
)  # fmt: skip


def _not_here(application: Application, root: str) -> SettingsError:
    return SettingsError(
        "PLB156", f"Application {application} has another repository than this clone", where=root,
        why=f"it reads {application.source.url}", hint="say which address this is with --map URL=.",
    )  # fmt: skip


def revision_options(command: F) -> F:
    """Add the options that name two revisions of a clone."""
    return together((*_REVISIONS, *FOLDER))(command)


_ONE_APPLICATION = ("url", "name", "ref", "path", "target_namespace")


def is_asked_for(flags: dict[str, Any]) -> bool:
    """Say whether Git is to be compared with Git; raises SettingsError for a mixture."""
    if flags["base"] and flags["merge_base"]:
        raise SettingsError(
            "PLB153", "--base and --merge-base exclude each other", where="flags",
            hint="--merge-base REV compares with where HEAD left REV, --base REV with REV itself",
        )  # fmt: skip
    if flags["head"] and flags["worktree"]:
        raise SettingsError("PLB153", "--head and --worktree exclude each other", where="flags")
    asked = bool(flags["base"] or flags["merge_base"])
    if not asked and (flags["head"] or flags["live"] or (flags["maps"] and not flags["worktree"])):
        raise SettingsError(
            "PLB153", "a revision to compare with is missing", where="flags",
            hint="give --base REV, or --merge-base main",
        )  # fmt: skip
    given = [name for name in _ONE_APPLICATION if asked and flags[name]]
    if given:
        option_name = "--" + given[0].replace("_", "-")
        raise SettingsError(
            "PLB153", f"{option_name} is for one application, and revisions are compared for all",
            where="flags", hint="leave it out; names choose among the applications",
        )  # fmt: skip
    return asked


@dataclass(slots=True)
class Revisions:
    """The clones of one invocation. ``flags`` are the parameters of the command."""

    flags: dict[str, Any]
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _clones: dict[Path, Clone] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def clone(self) -> Clone:
        """The clone that is compared."""
        return self._open(Path(self.flags["repo"]))

    def request(self) -> Request:
        """Return what is to be compared."""
        from engine.compare import Request

        base, head = self.sides()
        return Request(
            base=base,
            head=head,
            sources=self.sources(),
            files=self.files(),
            names=tuple(self.flags["names"]),
            namespace=common().namespace or "default",
            root=str(self.clone.root),
            replace=self.flags["replace"],
        )

    def lying_there(self, applications: Sequence[Application]) -> list[Found]:
        """Return what the files as they lie there want for each application."""
        from engine.errors import PlumbError
        from engine.render import render
        from engine.run import Desired

        side, sources = self.folder(with_ids=False), self.sources()
        found: list[Found] = []
        for application in applications:
            try:
                if not sources.is_here(application):
                    raise _not_here(application, str(self.clone.root))
                rendering = render(side.tree, application.source.path)
            except PlumbError as error:
                found.append((application, error))
            else:
                desired = Desired(application, side.revision, side.tree, rendering)
                found.append((application, desired))
        return found

    def tree_of(self, application: Application) -> Tree:
        """Return the files as they lie there; SettingsError for another repository's."""
        if not self.sources().is_here(application):
            raise _not_here(application, str(self.clone.root))
        return self.folder(with_ids=False).tree

    def sides(self) -> tuple[Side, Side]:
        """Return base and head."""
        from engine.compare import Side

        clone, flags = self.clone, self.flags
        if flags["worktree"]:
            at = clone.revision("HEAD")
            head = self.folder()
        else:
            at = clone.revision(flags["head"] or "HEAD")
            head = Side(clone.tree(at), at)
        if flags["merge_base"]:
            revision = clone.merge_base(flags["merge_base"], at)
        else:
            revision = clone.revision(flags["base"])
        return Side(clone.tree(revision), revision), head

    def folder(self, *, with_ids: bool = True) -> Side:
        """Return the files as they lie there."""
        from engine.compare import Side
        from engine.model import Revision

        tree = self.clone.folder(with_ids=with_ids)
        identity = tree.id if with_ids else ""
        return Side(tree, Revision("", identity, ref="working folder", subject="not committed"))

    def sources(self) -> Sources:
        """Return which addresses are which clones."""
        from engine.compare import Sources
        from engine.compare.sources import spelled
        from engine.git import split_credentials

        clone, others = self.clone, {}
        here = {spelled(url) for url in clone.remotes.values()} | {spelled(str(clone.root))}
        for text in self.flags["maps"]:
            url, separator, path = text.rpartition("=")
            if not (separator and url and path):
                raise SettingsError(
                    "PLB153", "--map wants URL=PATH", where="--map",
                    hint="for example --map https://git.example/config.git=.",
                )  # fmt: skip
            address = spelled(split_credentials(url)[0])
            other = self._open(Path(path))
            if other is clone:
                here.add(address)
            else:
                others[address] = other
        named = self.flags.get("merge_base") or self.flags.get("base") or ""
        return Sources(
            clone, frozenset(here), others, branch=clone.branch_of(named) if named else ""
        )

    def files(self) -> tuple[str, ...]:
        """Return -f as paths of the repository; they are relative to the current folder."""
        return tuple(self._inside(file) for file in self.flags["files"])

    def _inside(self, file: str) -> str:
        if file == "-":
            raise SettingsError(
                "PLB153", "standard input is in no revision", where="-f -",
                hint="name a file of the repository",
            )  # fmt: skip
        try:
            found = Path(file).absolute().resolve().relative_to(self.clone.root)
        except ValueError:
            raise SettingsError(
                "PLB157", "the file is not in this clone", where=file,
                why=f"the clone is {self.clone.root}",
                hint="-f is read from both revisions, so it must be a path of the repository",
            ) from None  # fmt: skip
        return "" if str(found) == "." else found.as_posix()

    def _open(self, folder: Path) -> Clone:
        from engine.git.clone import Clone

        clone = Clone(folder)
        known = self._clones.setdefault(clone.root, clone)
        if known is clone:
            self._stack.callback(clone.close)
        else:
            clone.close()
        return known
