"""`plumb validate`: say what is wrong with manifests, without a cluster."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.options import common_options, option, source_options, together
from engine.cli.revisions import FOLDER
from engine.errors import ExitCode, PlumbError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.model import JSON, Finding, Tree
    from engine.validate import Report, Version

FORMS = ("text", "json", "sarif", "markdown", "html", "junit", "github", "gitlab")


@click.command("validate")
@source_options
@option("--head", metavar="REV", help="Of this revision of the clone, not of the folder.")
@together(FOLDER)
@option("--kubernetes-version", metavar="VERSION", help="Whose API versions count; by default the "
        "newest that Plumb knows.")  # fmt: skip
@option("--ignore", multiple=True, metavar="CODE", help="Leave findings of this code out.")
@option("--strict", is_flag=True, help="Let warnings end in 1 too.")
@option("--impersonate", is_flag=True, hidden=True)
@common_options
def command(**flags: Any) -> int:
    """Say what is wrong with manifests: of folders and files, or of the applications of -f.

    Without -f and --url the arguments are paths, taken as they lie there (by default all that is
    below the current folder), or with --head as they are in that revision.
    """
    from engine.cli.output import wanted
    from engine.kube.gcguard import collector_off
    from engine.validate import NEWEST, parse_version

    wanted(*FORMS)
    given = flags["kubernetes_version"]
    version = parse_version(given) if given else NEWEST
    errors: list[PlumbError] = []
    with collector_off():
        if flags["files"] or flags["url"]:
            reports = _of_applications(flags, version, errors)
        else:
            reports = [_of_paths(flags, version)]
    findings = tuple(
        found for report in reports for found in report.findings
        if found.code not in _codes(flags["ignore"])
    )  # fmt: skip
    _write(findings, reports, version, errors)
    is_bad = any(found.severity == "error" or flags["strict"] for found in findings)
    codes = {error.exit_code for error in errors} | ({ExitCode.FAILURE} if is_bad else set())
    return int(codes.pop() if len(codes) == 1 else ExitCode.FAILURE if codes else ExitCode.OK)


def _codes(given: Sequence[str]) -> frozenset[str]:
    from engine.codes import CODES

    found = frozenset(code.upper() for code in given)
    for code in found - CODES.keys():
        raise SettingsError(
            "PLB135", f"there is no code {code}", where="--ignore",
            hint="plumb explain lists them all",
        )  # fmt: skip
    return found


def _of_paths(flags: dict[str, Any], version: Version) -> Report:
    """Validate what lies in a folder, or a revision of the clone around it."""
    from engine.cli.revisions import Revisions
    from engine.errors import GitError
    from engine.git import FolderTree
    from engine.validate import validate

    paths = [Path(name) for name in flags["names"] or (".",)]
    with Revisions(flags) as revisions:
        try:
            root = revisions.clone.root
        except GitError:
            if flags["head"]:
                raise
            folder = Path.cwd()
            return validate(FolderTree(folder), _relative(paths, folder), version=version)
        tree: Tree = (
            revisions.clone.tree(revisions.clone.revision(flags["head"]))
            if flags["head"] else revisions.folder(with_ids=False).tree
        )  # fmt: skip
        inside = _relative(paths, root)
        return validate(tree, inside, version=version, more_definitions=lambda: _defined(tree))


def _relative(paths: Sequence[Path], root: Path) -> list[str]:
    found = []
    for path in paths:
        try:
            inside = path.absolute().resolve().relative_to(root.resolve())
        except ValueError:
            raise SettingsError(
                "PLB157", "the path is not in this folder", where=str(path),
                why=f"the root is {root}", hint="run plumb inside of the other folder",
            ) from None  # fmt: skip
        found.append("" if str(inside) == "." else inside.as_posix())
    return found


def _defined(tree: Tree) -> Iterable[JSON]:
    from engine.compare.applications import Blobs, Side, definitions
    from engine.model import Revision

    return definitions(Side(tree, Revision("", "")), Blobs())


def _of_applications(
    flags: dict[str, Any], version: Version, errors: list[PlumbError]
) -> list[Report]:
    """Validate what applications render from, each at its own revision or in the folder."""
    from engine.cli.output import print_error
    from engine.cli.wiring import Wiring
    from engine.errors import ManifestError
    from engine.validate import validate

    reports = []
    with Wiring(flags) as wiring:
        for application, source in wiring.trees(wiring.applications()):
            try:
                if isinstance(source, PlumbError):
                    raise source
                path = application.source.path
                more = partial(_defined, source)
                reports.append(validate(source, [path], version=version, more_definitions=more))
            except ManifestError:
                raise
            except PlumbError as error:
                errors.append(error)
                print_error(error)
    return reports


def _write(
    findings: tuple[Finding, ...], reports: Sequence[Report], version: Version,
    errors: Sequence[PlumbError],
) -> None:  # fmt: skip
    from engine import __version__
    from engine.cli.forms import of_view
    from engine.cli.options import Output
    from engine.cli.output import emit, json_bytes, use_color, wanted
    from engine.report import findings as told

    files, objects = sum(r.files for r in reports), sum(r.objects for r in reports)
    said = told.summary(findings, files=files, objects=objects)
    if errors:
        said += f"; {len(errors)} could not be read"
    color = use_color() and Output("text") in wanted(*FORMS)
    release = ".".join(map(str, version))
    emit({
        "text": lambda: told.render_findings(findings, said, color=color),
        "json": lambda: json_bytes(
            told.document(findings, files=files, objects=objects, kubernetes=release)
        ),
        "sarif": lambda: told.render_sarif(findings, version=__version__),
        **of_view(lambda: told.as_view(findings, said)),
    })  # fmt: skip
