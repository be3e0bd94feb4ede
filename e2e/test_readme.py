"""The tour in README.md, typed as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.servers.controlplane import ControlPlane

_README = Path(__file__).parent.parent / "README.md"
_BLOCK = re.compile(r"^```(console|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_DIFFERENCES, _REFUSED = 2, 8


def test_the_five_minutes_work(control_plane: ControlPlane, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("the tour's reader has the git program, this machine does not")
    shell = _Shell(control_plane, tmp_path)
    said: list[str] = []
    for script in _scripts():
        token = re.findall(r"--confirm (\w{16})", "\n".join(said))
        text = script.replace("<token>", token[-1] if token else "")
        code, output = shell.run(text)
        said.append(output)
        assert code in {0, _DIFFERENCES, _REFUSED}, f"{text}\nended with {code}:\n{output}"
        assert (code == _DIFFERENCES) == ("--exit-code" in text), f"{text}\n{output}"
        if code == _REFUSED:
            hello = control_plane.get("/api/v1/namespaces/default/configmaps/hello")
            assert hello is not None, f"held, and yet deleted:\n{output}"
            assert hello["data"]["greeting"] == "good morning"
    assert any("held" in output for output in said)
    assert control_plane.get("/api/v1/namespaces/default/configmaps/hello") is None


class _Shell:
    """Runs one script after another as a person's shell would, keeping the working directory."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self._folder, self._place = folder, folder / "place"
        self._place.write_text(f"{folder}\n")
        programs = f"{Path(sys.executable).parent}:{plane.kubectl.parent}"
        me = {"NAME": "Ada", "EMAIL": "ada@example.org"}
        identity = {f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in me.items()}
        own = {"HOME": str(folder), "KUBECONFIG": str(plane.kubeconfig)}
        path = {"PATH": f"{programs}:{os.environ['PATH']}"}
        self._environ = {k: v for k, v in os.environ.items() if not k.startswith("PLUMB_")}
        self._environ |= {**own, **identity, **path}

    def run(self, script: str) -> tuple[int, str]:
        """Return the exit code and what both streams said."""
        place = shlex.quote(str(self._place))
        text = f"trap 'pwd > {place}' EXIT; cd \"$(cat {place})\"\nset -e\n{script}"
        done = subprocess.run(
            ["bash", "-c", text], env=self._environ, cwd=self._folder, text=True, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout


def _scripts() -> Iterator[str]:
    """Yield the commands of the tour; what installs Plumb is left out, it is installed."""
    tour = _README.read_text().partition("## Five minutes")[2].partition("\n## ")[0]
    for language, block in _BLOCK.findall(tour):
        if language == "sh":
            yield block
        elif "pip install" not in block:
            yield from re.findall(r"^\$ (.+)$", block, re.MULTILINE)
