"""Check a wheel and a source archive: their contents, and that the wheel installs and runs.

python scripts/check_wheel.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Fail with a sentence at the first thing that is not as it should be."""
    folder = Path(sys.argv[1])
    (wheel,), (archive,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
    strangers = [name for name in names if not name.startswith(("engine/", "plumb_gitops-"))]
    if strangers:
        sys.exit(f"{wheel.name} holds what nobody asked for: {', '.join(strangers[:5])}")
    source = (path for path in (ROOT / "engine").rglob("*") if path.is_file())
    wanted = [path.relative_to(ROOT).as_posix() for path in source if path.suffix != ".pyc"]
    manifests = (path for path in (ROOT / "manifests").rglob("*") if path.is_file())
    wanted += [f"engine/{path.relative_to(ROOT).as_posix()}" for path in manifests]
    wanted += ["/entry_points.txt", "/LICENSE"]
    missing = [part for part in wanted if not any(name.endswith(part) for name in names)]
    if missing:
        sys.exit(f"{wheel.name} lacks {', '.join(missing)}")
    with tarfile.open(archive) as content:
        inside = {name.partition("/")[2].partition("/")[0] for name in content.getnames()}
    for part in ("engine", "tests", "e2e", "scripts", "LICENSE", "README.md", "tox.ini"):
        if part not in inside:
            sys.exit(f"{archive.name} lacks {part}")
    size = wheel.stat().st_size
    print(f"{wheel.name}: {len(names)} files, {size / 1024:.0f} KiB; {archive.name} is complete")
    runs(wheel)


def runs(wheel: Path) -> None:
    """Install the wheel where nothing else is, and ask it for its version and its help."""
    with tempfile.TemporaryDirectory(prefix="plumb-wheel-") as scratch:
        venv.create(scratch, with_pip=True)
        program = Path(scratch) / "bin"
        pip = [str(program / "python"), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
        subprocess.run([*pip, str(wheel)], check=True)
        for arguments in (["version"], ["--help"], ["install", "--print"]):
            said = subprocess.run(
                [program / "plumb", *arguments], capture_output=True, text=True, check=False
            )
            if said.returncode or not said.stdout.strip():
                sys.exit(f"plumb {' '.join(arguments)} ended with {said.returncode}: {said.stderr}")
            print(f"$ plumb {' '.join(arguments)}\n{said.stdout.splitlines()[0]}")


if __name__ == "__main__":
    main()
