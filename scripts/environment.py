"""The environment of the scripts: a virtual environment in .venv, made by itself and reused.

Belongs here: what a script needs before it can import anything that is not in Python. A script
calls :func:`enter` first; after that it runs inside .venv and at the root of the project.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".venv"
FLOOR = (3, 11)
_NEWEST = 19


def enter(*groups: str) -> None:
    """Run the rest of this script in .venv with the project and these dependency groups.

    Makes the environment first where it is not there or pyproject.toml changed since. Replaces this
    process, so it belongs at the very beginning; inside the environment it only sets the path.
    """
    _need_python()
    python = HOME / "bin" / "python"
    if Path(sys.prefix).resolve() != HOME.resolve():
        make(*groups)
        os.execv(python, [str(python), *sys.argv])  # noqa: S606 - there is nothing to escape
    make(*groups)
    sys.path.insert(0, str(ROOT))


def make(*groups: str) -> None:
    """Bring .venv up to date; a no-op in milliseconds when it is."""
    content = (ROOT / "pyproject.toml").read_bytes() + sys.version.encode()
    digest = hashlib.sha256(content).hexdigest()[:16]
    stamp = HOME / f"plumb-{'-'.join(('project', *groups))}-{digest}"
    # What the developer's environment holds is all that any script needs.
    if stamp.exists() or (HOME / f"plumb-project-dev-{digest}").exists():
        return
    tell(f"making the environment in {HOME.name} with {_version()} (only now and then)")
    python = HOME / "bin" / "python"
    if not _is_current():
        python = _venv()
    _pip(python, "install", "--upgrade", "pip>=25.1")
    wanted = [argument for group in groups for argument in ("--group", group)]
    _pip(python, "install", "--editable", str(ROOT), *wanted)
    stamp.touch()


def interpreters() -> dict[str, Path]:
    """Every Python of this machine that Plumb supports, by its minor version, as in "3.12"."""
    found: dict[str, Path] = {}
    for minor in range(FLOOR[1], _NEWEST):
        version = f"3.{minor}"
        folders = [
            Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder
        ]
        # pyenv's python3.12 on PATH only says that it exists unless that version is switched on.
        folders += sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin"))
        for folder in folders:
            program = folder / f"python{version}"
            if program.is_file() and _runs(program):
                found[version] = program
                break
    return found


def tell(text: str) -> None:
    """Narrate on standard error, so that standard output stays the result's."""
    print(f"· {text}", file=sys.stderr, flush=True)


def _is_current() -> bool:
    """Whether .venv is of this very Python; one of another version is made anew."""
    settings = HOME / "pyvenv.cfg"
    if Path(sys.prefix).resolve() == HOME.resolve():
        return True
    version = f"version = {'.'.join(map(str, sys.version_info[:3]))}"
    return settings.is_file() and version in settings.read_text().splitlines()


def _venv() -> Path:
    shutil.rmtree(HOME, ignore_errors=True)
    try:
        venv.create(HOME, with_pip=True)
    except subprocess.CalledProcessError:
        # Debian leaves ensurepip out of its python3; pip of the machine can fill the gap.
        shutil.rmtree(HOME, ignore_errors=True)
        venv.create(HOME, with_pip=False)
        python = HOME / "bin" / "python"
        command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "pip"]
        if subprocess.run(command, check=False).returncode:
            shutil.rmtree(HOME, ignore_errors=True)
            sys.exit("this Python can make no environment: install python3-venv and try again")
    return HOME / "bin" / "python"


def _pip(python: Path, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *arguments, "--quiet"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit(f"pip {' '.join(arguments)} failed; its words are above")


def _need_python() -> None:
    if sys.version_info >= FLOOR:
        return
    newer = interpreters()
    if not newer:
        sys.exit(f"Plumb needs Python 3.{FLOOR[1]} or newer; this is {_version()}")
    program = str(newer[max(newer, key=lambda version: int(version[2:]))])
    os.execv(program, [program, *sys.argv])  # noqa: S606 - there is nothing to escape


def _runs(program: Path) -> bool:
    answer = subprocess.run([program, "-c", ""], capture_output=True, check=False)
    return answer.returncode == 0


def _version() -> str:
    return f"Python {sys.version_info.major}.{sys.version_info.minor}"
