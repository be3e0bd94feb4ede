"""What ends in the midst of a sync, and who goes on: a Pod that is killed, a token that expires."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from e2e.kindstage import IMAGE, admin, named, namespace

if TYPE_CHECKING:
    from e2e.kindstage import KindStage

pytestmark = [pytest.mark.kind, pytest.mark.timeout(600)]

_CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata: {{name: {0}, annotations: {{plumb.dev/wave: "{1}"}}}}
data: {{value: "{2}"}}
"""
_JOB = f"""\
apiVersion: batch/v1
kind: Job
metadata: {{name: midway, annotations: {{plumb.dev/wave: "2"}}}}
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: a
        image: {IMAGE}
        command: [/opt/plumb/bin/python, -c, "import time; time.sleep(15)"]
"""


def test_a_pod_that_is_killed_in_mid_sync_leaves_nothing_undone(installed: KindStage) -> None:
    """Killed between two waves: the other replica goes on there, and makes nothing twice."""
    stage = installed
    commit = stage.commit({
        "midway/1.yaml": _CONFIG.format("before", 1, 1), "midway/2.yaml": _JOB,
        "midway/3.yaml": _CONFIG.format("behind", 3, 1),
    })  # fmt: skip
    stage.follow("midway")
    stage.until("the second wave is there", lambda: stage.get("job", "midway"))
    first = {kind: uid(stage, kind, name) for kind, name in (("configmap", "before"),
                                                            ("job", "midway"))}  # fmt: skip
    assert stage.get("configmap", "behind") is None
    stage.kubectl("delete", "pod", stage.leader(), "-n=plumb-system", "--grace-period=0", "--force")

    stage.until("the rest is done", lambda: stage.is_ready("midway", at=commit))

    assert stage.get("configmap", "behind")["data"] == {"value": "1"}
    assert {"configmap": uid(stage, "configmap", "before"),
            "job": uid(stage, "job", "midway")} == first  # fmt: skip
    assert stage.get("job", "midway")["status"]["succeeded"] == 1


def uid(stage: KindStage, kind: str, name: str) -> str:
    return str(stage.get(kind, name)["metadata"]["uid"])


# --- a token that expires --------------------------------------------------------------------

_KEYS = "/var/run/secrets/kubernetes.io/serviceaccount"
# Waits for its token, as the kubelet's is there before the container starts.
_START = (
    f"import os,time\nwhile not os.path.exists('{_KEYS}/token'): time.sleep(0.1)\n"
    "os.execv('/opt/plumb/bin/plumb', ['plumb', 'run', '--no-resources', '-f=/apps/app.yaml', "
    "'--record-namespace=SPACE', '--default-service-account=', '--listen='])"
)


def test_a_token_that_expires_is_read_anew(installed: KindStage) -> None:
    """The token is bound to a Secret and dies with it; the next one is put where it was."""
    stage, space = installed, f"{installed.team}-token"
    stage.admit_to(space)
    stage.commit({"token/a.yaml": _CONFIG.format("watched", 0, 1)})
    application = stage.application("token", space)
    del application["spec"]["serviceAccountName"]
    stage.apply(
        namespace(space), named("ServiceAccount", "own", space), admin(space, space, "own"),
        named("ConfigMap", "apps", space, data={"app.yaml": json.dumps(application)}),
        named("Pod", "own", space, spec=_pod(space)),
    )  # fmt: skip
    stage.kubectl("wait", f"-n={space}", "pod/own", "--for=condition=Ready", "--timeout=60s")
    authority = stage.get("configmap", "kube-root-ca.crt", space)["data"]["ca.crt"]
    put(stage, space, {"ca.crt": authority, "namespace": space, "token": token(stage, space, "1")})
    stage.until("it is applied", lambda: value(stage, space) == "1")

    stage.kubectl("delete", f"-n={space}", "secret/bound-1")
    # The API server believes a token for some seconds more.
    stage.until("the token is refused", lambda: is_refused(stage, space))
    by_hand(stage, space)
    stage.until("Plumb says so", lambda: "401" in stage.kubectl("logs", f"-n={space}", "own"))
    assert value(stage, space) == "by hand"

    put(stage, space, {"token": token(stage, space, "2")})
    stage.until("the drift is put back", lambda: value(stage, space) == "1")
    [status] = stage.get("pod", "own", space)["status"]["containerStatuses"]
    assert status["restartCount"] == 0
    stage.kubectl("delete", "pod/own", f"-n={space}", "--wait=false")


def _pod(space: str) -> dict[str, object]:
    container = {
        "name": "plumb", "image": IMAGE, "imagePullPolicy": "IfNotPresent",
        "command": ["/opt/plumb/bin/python", "-c", _START.replace("SPACE", space)],
        "volumeMounts": [{"name": "keys", "mountPath": _KEYS},
                         {"name": "apps", "mountPath": "/apps"},
                         {"name": "cache", "mountPath": "/var/cache/plumb"}],
    }  # fmt: skip
    return {
        "serviceAccountName": "own", "automountServiceAccountToken": False,
        "securityContext": {"fsGroup": 65532}, "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": [{"name": "keys", "emptyDir": {}}, {"name": "cache", "emptyDir": {}},
                    {"name": "apps", "configMap": {"name": "apps"}}],
    }  # fmt: skip


def token(stage: KindStage, space: str, number: str) -> str:
    """Return a token of the account that lives as long as a Secret of its own does."""
    stage.apply(named("Secret", f"bound-{number}", space))
    return stage.kubectl(
        "create", "token", "own", f"-n={space}", "--bound-object-kind=Secret",
        f"--bound-object-name=bound-{number}",
    ).strip()  # fmt: skip


def put(stage: KindStage, space: str, files: dict[str, str]) -> None:
    """Put files where the kubelet would, the token last, each at once."""
    code = (
        "import json,os,sys\nfor name, text in json.load(sys.stdin).items():\n"
        f" open('{_KEYS}/.new', 'w').write(text); os.rename('{_KEYS}/.new', '{_KEYS}/' + name)"
    )
    stage.python(space, "own", code, given=json.dumps(files))


def is_refused(stage: KindStage, space: str) -> bool:
    """Say whether the API server takes the Pod's token for none."""
    code = (
        "import ssl,urllib.request as u,urllib.error as e\n"
        f"c=ssl.create_default_context(cafile='{_KEYS}/ca.crt')\n"
        "r=u.Request('https://kubernetes.default.svc/api', headers={'Authorization':'Bearer '"
        f"+open('{_KEYS}/token').read()}})\n"
        "try: u.urlopen(r, context=c); print(200)\nexcept e.HTTPError as error: print(error.code)"
    )
    return stage.python(space, "own", code) == "401"


def value(stage: KindStage, space: str) -> str:
    found = stage.get("configmap", "watched", space)
    return str(found["data"]["value"]) if found else ""


def by_hand(stage: KindStage, space: str) -> None:
    stage.kubectl("patch", "configmap/watched", f"-n={space}", "--type=merge",
                  '--patch={"data":{"value":"by hand"}}')  # fmt: skip
