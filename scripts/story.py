"""The story of the demo, chapter by chapter; every claim is checked by asking the API server.

Belongs here: what is told. How it looks is stage.py, where it happens is the script itself.
"""

from __future__ import annotations

import copy
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from stage import Stage

    from e2e.servers.api import Api
    from e2e.servers.controlplane import ControlPlane
    from e2e.servers.gitrepo import TestRepository

JSON: TypeAlias = Any

FILES = Path(__file__).resolve().parent / "shop"
_SHOP = "namespaces/shop"
OBJECTS = {
    "Namespace/shop": "/api/v1/namespaces/shop",
    "CustomResourceDefinition/blends.tea.example":
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/blends.tea.example",
    "Blend/earl-grey": f"/apis/tea.example/v1/{_SHOP}/blends/earl-grey",
    "ConfigMap/settings": f"/api/v1/{_SHOP}/configmaps/settings",
    "ConfigMap/summer-sale": f"/api/v1/{_SHOP}/configmaps/summer-sale",
    "Secret/database": f"/api/v1/{_SHOP}/secrets/database",
    "ServiceAccount/web": f"/api/v1/{_SHOP}/serviceaccounts/web",
    "Role/web": f"/apis/rbac.authorization.k8s.io/v1/{_SHOP}/roles/web",
    "RoleBinding/web": f"/apis/rbac.authorization.k8s.io/v1/{_SHOP}/rolebindings/web",
    "Deployment/web": f"/apis/apps/v1/{_SHOP}/deployments/web",
    "Service/web": f"/api/v1/{_SHOP}/services/web",
    "PodDisruptionBudget/web": f"/apis/policy/v1/{_SHOP}/poddisruptionbudgets/web",
    "Ingress/web": f"/apis/networking.k8s.io/v1/{_SHOP}/ingresses/web",
    "NetworkPolicy/web": f"/apis/networking.k8s.io/v1/{_SHOP}/networkpolicies/web",
    "CronJob/stocktaking": f"/apis/batch/v1/{_SHOP}/cronjobs/stocktaking",
}  # fmt: skip
DEPLOYMENT, SETTINGS = OBJECTS["Deployment/web"], OBJECTS["ConfigMap/settings"]
SALE = "ConfigMap/summer-sale"


@dataclass(frozen=True, slots=True)
class Story:
    """The parts that act: the cluster, the repository, and the stage to tell it on."""

    stage: Stage
    api: Api
    repository: TestRepository
    url: str
    control_plane: ControlPlane | None  # None on kind, where no audit log counts the requests

    def tell(self) -> None:
        """Tell all of it; raises ClaimError at the first claim that does not hold."""
        self.first_sync()
        self.second_sync()
        self.drift()
        self.sidecar()
        self.prune()
        self.broken_file()
        self.emptied()

    def first_sync(self) -> None:
        """Bring a dozen objects of many kinds into an empty cluster."""
        app = _app(self.url)
        (self.stage.folder / "app.yaml").write_text(app)
        kinds = len({name.partition("/")[0] for name in OBJECTS})
        self.stage.chapter(
            "From a Git commit to a cluster",
            f"A repository holds {len(OBJECTS)} objects of {kinds} kinds, among them a new kind",
            "and an object of that kind. One small file, app.yaml, says what goes where.",
        )
        files = sorted(FILES.glob("*.yaml"))
        self.commit({file.name: file.read_text() for file in files}, "Open the shop")
        self.stage.say()
        self.stage.show("app.yaml", app)
        self.stage.plumb("sync", "-f", "app.yaml", expect=0)
        there = self.state()
        self.check(
            f"all {len(OBJECTS)} objects are there",
            is_so=len(there) == len(OBJECTS),
            instead=f"missing: {', '.join(OBJECTS.keys() - there.keys())}",
        )
        data = self.api.get(OBJECTS["Secret/database"])["data"]
        self.check(
            "the Secret holds what Git says, and no output showed it",
            is_so=data == {"password": "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ=="},
        )

    def second_sync(self) -> None:
        """Show that a sync with nothing to do writes nothing."""
        self.stage.chapter("Again: nothing to do, nothing written")
        before, writes = self.state(), self.writes()
        self.stage.plumb("sync", "-f", "app.yaml", expect=0)
        if self.control_plane is not None:
            self.check(
                "the API server's audit log has no write request of this run",
                is_so=self.writes() == writes,
                instead=f"{self.writes() - writes} writes",
            )
        self.check("every object is as it was", is_so=self.state() == before)

    def drift(self) -> None:
        """Find what was changed by hand, say who did it, and repair it."""
        self.stage.chapter("A change by hand is found and repaired")
        containers = [{"name": "web", "image": "tea-shop:hotfix"}]
        image = {"spec": {"template": {"spec": {"containers": containers}}}}
        kind = "application/strategic-merge-patch+json"
        path = f"{DEPLOYMENT}?fieldManager=kubectl-set"
        self.api.request("PATCH", path, body=image, content_type=kind)
        self.stage.event("somebody sets the image of Deployment web to tea-shop:hotfix")
        self.api.delete(SETTINGS)
        self.stage.event("somebody deletes ConfigMap settings")
        self.stage.say()
        changed = self.state()
        said = self.stage.plumb("diff", "-f", "app.yaml", "--exit-code", expect=2)
        self.check(
            "it names the field, both values and who changed it",
            is_so=all(word in said.text for word in ("hotfix", "tea-shop:1.0", "kubectl-set")),
        )
        self.check("it wrote nothing", is_so=self.state() == changed)
        self.stage.say()
        self.stage.plumb("sync", "-f", "app.yaml", expect=0)
        self.check(
            "Deployment web runs tea-shop:1.0 again",
            is_so=self.images() == {"web": "tea-shop:1.0"},
            instead=str(self.images()),
        )
        self.check("ConfigMap settings is back", is_so=self.api.is_there(SETTINGS))

    def sidecar(self) -> None:
        """Leave alone what somebody else added, also while changing the field beside it."""
        self.stage.chapter(
            "What others add stays theirs",
            "A service mesh injects its proxy into the Deployment. At the same time Git moves the",
            "shop's own container, in the same list, to version 1.1:",
        )
        proxy = {"name": "mesh-proxy", "image": "mesh:2.4"}
        add = {"op": "add", "path": "/spec/template/spec/containers/0", "value": proxy}
        self.api.patch(f"{DEPLOYMENT}?fieldManager=mesh-injector", [add])
        self.stage.event("somebody else adds the container mesh-proxy, as the first of the list")
        web = (FILES / "web.yaml").read_text().replace("tea-shop:1.0", "tea-shop:1.1")
        self.commit({"web.yaml": web}, "Release 1.1 of the web shop")
        self.stage.say()
        self.stage.plumb("sync", "-f", "app.yaml", expect=0)
        wanted = {"web": "tea-shop:1.1", "mesh-proxy": "mesh:2.4"}
        self.check(
            "the shop runs 1.1, and the proxy is untouched",
            is_so=self.images() == wanted,
            instead=str(self.images()),
        )

    def prune(self) -> None:
        """Delete what Git no longer has, and only that."""
        self.stage.chapter("A file goes, and its object goes with it")
        before = self.state()
        self.commit({"summer-sale.yaml": None}, "End the summer sale")
        self.stage.say()
        self.stage.plumb("sync", "-f", "app.yaml", expect=0)
        self.check(
            "ConfigMap summer-sale is gone",
            is_so=_until(lambda: not self.api.is_there(OBJECTS[SALE])),
        )
        before.pop(SALE)
        self.check("nothing else was touched", is_so=self.state() == before)

    def broken_file(self) -> None:
        """Refuse a commit that cannot be read, with the place, and touch nothing."""
        self.stage.chapter("A broken commit is refused, as a whole")
        before = self.state()
        web = (FILES / "web.yaml").read_text().replace("replicas: 2", "replicas: 3\n  replicas: 4")
        self.commit({"web.yaml": web, "blend.yaml": None}, "Merge in a hurry")
        self.stage.say()
        said = self.stage.plumb("sync", "-f", "app.yaml", expect=1)
        line = web[: web.index("replicas: 4")].count("\n") + 1
        place = f"shop/web.yaml:{line}:3"
        self.check(f"it says where: {place}", is_so=place in said.text)
        self.check(
            "nothing was touched; not even the removed Blend was deleted",
            is_so=self.state() == before,
        )

    def emptied(self) -> None:
        """Hold every deletion when a commit takes everything away."""
        self.stage.chapter(
            "A commit that takes everything away takes nothing away",
            "Somebody moves the folder and forgets to say so. Git now wants nothing at all there:",
        )
        before = self.state()
        files = {
            file.name: None for file in FILES.glob("*.yaml") if file.name != "summer-sale.yaml"
        }
        self.commit({**files, "../README.md": "We moved.\n"}, "Move the shop")
        self.stage.say()
        said = self.stage.plumb("sync", "-f", "app.yaml", expect=8)
        self.check(
            "the deletions are held, and it says what would confirm exactly these",
            is_so=re.search(r"--confirm[ =][0-9a-f]{16}", said.text) is not None,
        )
        self.check(
            f"all {len(before)} objects are still there, as they were", is_so=self.state() == before
        )

    def commit(self, files: dict[str, str | None], message: str) -> None:
        """Commit below the application's path; ``../`` leads out of it."""
        paths = {f"shop/{name}".replace("shop/../", ""): text for name, text in files.items()}
        commit = self.repository.commit(dict(paths), message=message)
        self.stage.event(f"git commit {commit[:7]}: {message}")

    def check(self, claim: str, *, is_so: bool, instead: str = "") -> None:
        """Check a claim on the stage."""
        self.stage.check(claim, is_so=is_so, instead=instead)

    def images(self) -> dict[str, str]:
        """Return the image of each container of the Deployment, as the API server has them."""
        spec = self.api.get(DEPLOYMENT)["spec"]["template"]["spec"]
        return {container["name"]: container["image"] for container in spec["containers"]}

    def state(self) -> dict[str, JSON]:
        """Return every object of the story that is there, without what controllers keep writing."""
        bodies = {name: self.api.get(path) for name, path in OBJECTS.items()}
        return {name: _settled(body) for name, body in bodies.items() if body is not None}

    def writes(self) -> int:
        """Count the write requests that the API server has seen so far; 0 where nobody counts."""
        if self.control_plane is None:
            return 0
        reads = ("get", "list", "watch")
        return sum(event["verb"] not in reads for event in self.control_plane.requests())


def _app(url: str) -> str:
    return f"""\
apiVersion: plumb.dev/v1alpha1
kind: Application
metadata:
  name: shop
spec:
  source:
    url: {url}
    ref: {{branch: main}}
    path: shop
"""


def _settled(body: JSON) -> JSON:
    """Leave out what changes without anybody changing the object: status and its traces."""
    kept = copy.deepcopy(body)
    kept.pop("status", None)
    for name in ("resourceVersion", "managedFields", "generation"):
        kept["metadata"].pop(name, None)
    kept["metadata"].get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
    return kept


def _until(is_so: Any, *, timeout_s: float = 10.0) -> bool:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)  # noqa: TID251 - the demo has no stop event
    return True
