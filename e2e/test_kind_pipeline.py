"""All the way round: an application repository changes, and the cluster follows; then back."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from dulwich import porcelain

from e2e.kindstage import IMAGE, images, run
from e2e.servers.gitrepo import TestRepository

if TYPE_CHECKING:
    from pathlib import Path

    from e2e.kindstage import KindStage
    from engine.model import JSON

pytestmark = [pytest.mark.kind, pytest.mark.timeout(600)]

_WEB = """\
import http.server


def greeting() -> str:
    return "hello {0}"


class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(greeting().encode())


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", 8000), Web).serve_forever()
"""
_TEST = """\
import unittest

import web


class Greeting(unittest.TestCase):
    def test_it_is_friendly(self) -> None:
        self.assertTrue(web.greeting().startswith("hello"))
"""
# Any image with Python does, and this one is on every machine that runs the story.
_DOCKERFILE = f"""\
FROM {IMAGE}
COPY web.py /app/web.py
ENTRYPOINT ["/opt/plumb/bin/python", "/app/web.py"]
"""
_MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: {image}  # promoted by the pipeline
        imagePullPolicy: IfNotPresent
        readinessProbe: {{tcpSocket: {{port: 8000}}, periodSeconds: 1}}
"""


class Shop:
    """The application's own repository, and the steps of its pipeline."""

    def __init__(self, stage: KindStage, folder: Path) -> None:
        self._stage = stage
        self._folder = folder
        self.repository = TestRepository(folder / "shop.git")

    def commit(self, text: str, message: str) -> tuple[str, Path]:
        """Change the application; the new commit, and its files as an agent clones them."""
        files = {"web.py": text, "test_web.py": _TEST, "Dockerfile": _DOCKERFILE}
        author = "Grace <grace@example.org>"
        made = self.repository.commit(files, message=message, author=author)
        place = self._folder / made[:12]
        source = str(self.repository.path)
        porcelain.clone(source, str(place), depth=1, errstream=io.BytesIO()).close()
        return made, place

    def passes(self, place: Path) -> bool:
        """Run the unit tests."""
        command = [sys.executable, "-m", "unittest", "-q"]
        return subprocess.run(command, cwd=place, capture_output=True, check=False).returncode == 0

    def built(self, place: Path) -> str:
        """Build the image and bring it to where the nodes find it; its name."""
        image = f"{self._stage.team}-shop:{place.name}"
        run("docker", "build", "--quiet", "--tag", image, str(place))
        self._stage.kind.load_docker_image(image)
        return image


def test_a_change_of_the_application_goes_all_the_way_round(
    installed: KindStage, tmp_path: Path
) -> None:
    """Tests, image, promotion, report, webhook, rollout, history, and back by a rollback."""
    stage, space = installed, f"{installed.team}-web"
    shop = Shop(stage, tmp_path)
    stage.admit_to(space)
    old = shop.built(shop.commit(_WEB.format(1), "Greet")[1])
    application = json.dumps(stage.application("web", space))
    files = {"web/web.yaml": _MANIFEST.format(image=old), "applications/web.yaml": application}
    first = stage.commit(files, "Add the web")
    stage.follow("web", space=space)
    stage.until("the old image runs", lambda: stage.is_ready("web", at=first, space=space))
    assert answer(stage, space) == "hello 1"

    # A change that fails its tests stops here.
    assert not shop.passes(shop.commit("def greeting():\n    return ''\n", "Oh")[1])
    source, place = shop.commit(_WEB.format(2), "Greet twice")
    assert shop.passes(place)
    new = shop.built(place)
    git = ["--url", stage.url(), "--path", "web", "--ref", "main"]
    made = json.loads(stage.runner(
        "promote", *git, "--image", f"{new.partition(':')[0]}={new}", "--source-commit", source,
        "--build-url", "https://ci.example/7", "--actor", "grace", "-o", "json",
    ))  # fmt: skip
    assert made["changed"]

    report = stage.runner(
        "diff", "--repo", "/repositories/team.git", "--base", first, "--head", made["commit"],
        "--map", f"{stage.url()}=/repositories/team.git",
    )  # fmt: skip
    removed, added = (
        [line for line in report.splitlines() if re.match(rf" *{re.escape(sign)}.* image: ", line)]
        for sign in "-+"
    )
    assert [old in line for line in removed] == [True], report
    assert [new in line for line in added] == [True], report

    stage.push_hook()
    stage.until("the new image runs", lambda: images(pods(stage, space)) == {new})
    stage.until("it is told", lambda: stage.is_ready("web", at=made["commit"], space=space))
    assert answer(stage, space) == "hello 2"
    trail = stage.runner("history", "-f", "-", given=application)
    for word in (source[:7], made["commit"][:7], "grace", "https://ci.example/7"):
        assert word in trail, trail
    [last, *_] = stage.status("web", space)["history"]
    assert (last["revision"], last["result"]) == (made["commit"], "done")

    back = json.loads(stage.runner("rollback", *git, "--reason", "it is slow", "-o", "json"))
    stage.push_hook()
    stage.until("the old image is back", lambda: images(pods(stage, space)) == {old})
    stage.until("it is told", lambda: stage.is_ready("web", at=back["commit"], space=space))
    assert answer(stage, space) == "hello 1"


def pods(stage: KindStage, space: str) -> list[JSON]:
    return stage.pods(space, "app=web")


def answer(stage: KindStage, space: str) -> str:
    """What the application answers to a request."""
    [pod] = pods(stage, space)
    code = "import urllib.request as u;print(u.urlopen('http://127.0.0.1:8000').read().decode())"
    return stage.python(space, pod["metadata"]["name"], code)
