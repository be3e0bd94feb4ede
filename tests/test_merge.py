"""The three-way merge by cases: maps, scalars and keyed lists. Laws are in test_merge_laws.py."""

from __future__ import annotations

import copy

import pytest

from engine.errors import ManifestError
from engine.merge import three_way
from tests.bodies import (
    JSON,
    NONE,
    TCP53,
    UDP53,
    as_live,
    config,
    deployment,
    env,
    merged,
    meta,
    obj,
    pod,
    service,
    unknown,
    widget,
)
from tests.triples import SCHEMAS

CASES = [
    # --- maps and scalars
    pytest.param(unknown(a=1), unknown(a=2), unknown(a=1, z=9), unknown(a=2, z=9), id="set"),
    pytest.param(unknown(a=1), unknown(), unknown(a=1, z=9), unknown(z=9), id="git drops it"),
    pytest.param(unknown(a=1), unknown(), unknown(a=5), unknown(), id="drops what drifted"),
    pytest.param(unknown(a=1), unknown(), unknown(z=1), unknown(z=1), id="drops what is gone"),
    pytest.param(NONE, unknown(a=1), unknown(z=9), unknown(a=1, z=9), id="foreign field stays"),
    pytest.param(unknown(a=1), unknown(a=1), unknown(a=2), unknown(a=1), id="drift is undone"),
    pytest.param(
        unknown(a={"b": 1, "c": 2}), unknown(), unknown(a={"b": 1, "c": 2, "z": 9}),
        unknown(a={"z": 9}), id="a dropped parent leaves what others put there",
    ),
    pytest.param(
        unknown(a={"b": {"c": 1}}), unknown(), unknown(a={"b": {"c": 1}}), unknown(),
        id="a dropped parent goes when it was all ours",
    ),
    pytest.param(
        unknown(a={}), unknown(), unknown(a={}), unknown(), id="an empty object goes too",
    ),
    pytest.param(
        unknown(a={"b": 1}), unknown(), unknown(a={"z": 1}), unknown(a={"z": 1}),
        id="nothing of ours is left to drop",
    ),
    pytest.param(unknown(a=1), unknown(a=None), unknown(a=1), unknown(), id="null removes"),
    pytest.param(
        NONE, unknown(a=None), unknown(a={"z": 1}), unknown(), id="null removes foreign values",
    ),
    pytest.param(NONE, unknown(a=None), unknown(), unknown(), id="null where nothing is"),
    pytest.param(
        NONE, unknown(a={"b": None, "c": 1}), unknown(), unknown(a={"c": 1}),
        id="null inside what is added",
    ),
    pytest.param(
        widget(), widget(none=None), widget(none="x"), widget(none=None), id="nullable keeps null",
    ),
    pytest.param(unknown(a={"b": 1}), unknown(a=1), unknown(a={"b": 1, "z": 2}), unknown(a=1),
                 id="object becomes scalar"),
    pytest.param(unknown(a=[1]), unknown(a={"b": 1}), unknown(a=[1]), unknown(a={"b": 1}),
                 id="list becomes object"),
    pytest.param(unknown(a=1), unknown(a="1"), unknown(a=1), unknown(a="1"), id="number to text"),
    pytest.param(unknown(a=1), unknown(a=1), unknown(a=None), unknown(a=1), id="null to a value"),
    pytest.param({"spec": {"a": 1}, "metadata": {}}, unknown(), unknown(a=1), unknown(),
                 id="dropped, of what was applied in no known version"),
    pytest.param(unknown(a={"b": None, "c": 1, "d": 1}), unknown(), unknown(a={"c": 1, "d": 1}),
                 unknown(), id="a dropped parent with a null in it"),
    pytest.param(unknown(a={"b": 1, "c": 1}), unknown(), unknown(a={"b": None, "c": 1, "z": 9}),
                 unknown(a={"b": None, "z": 9}), id="a dropped parent with a null in live"),
    # --- what cannot stand without what goes
    pytest.param(
        pod(securityContext={"seccompProfile": {"type": "Localhost"}}), pod(hostNetwork=True),
        pod(hostNetwork=True, securityContext={
            "seccompProfile": {"type": "Localhost", "localhostProfile": "theirs"}}),
        pod(hostNetwork=True), id="a required field goes, and the rest with it",
    ),
    pytest.param(
        pod(securityContext={"seLinuxOptions": {"user": "a"}}), pod(hostNetwork=True),
        pod(hostNetwork=True, securityContext={"seLinuxOptions": {"user": "a", "role": "theirs"}}),
        pod(hostNetwork=True, securityContext={"seLinuxOptions": {"role": "theirs"}}),
        id="a field that is not required goes, and the rest stays",
    ),
    pytest.param(
        pod({"livenessProbe": {"httpGet": {"port": 1}}}), pod({"image": "x"}),
        pod({"image": "x", "livenessProbe": {"httpGet": {"port": 1}, "periodSeconds": 99}}),
        pod({"image": "x"}), id="a handler goes, and the probe with it",
    ),
    pytest.param(
        pod({"livenessProbe": {"periodSeconds": 99}}), pod({"image": "x"}),
        pod({"image": "x", "livenessProbe": {"httpGet": {"port": 1}, "periodSeconds": 99}}),
        pod({"image": "x", "livenessProbe": {"httpGet": {"port": 1}}}),
        id="others' handler stays, and the probe with it",
    ),
    pytest.param(
        widget(tags=[1, "x"]), widget(tags=[True, "x"]), widget(tags=[1, "x"]),
        widget(tags=["x", True]), id="true is not 1 in a set either",
    ),
    # --- a field under two names
    pytest.param(
        pod(serviceAccountName="a", hostNetwork=True), pod(hostIPC=True),
        pod(serviceAccountName="a", serviceAccount="a", hostNetwork=True, hostIPC=True),
        pod(hostIPC=True), id="an account goes with whatever else goes",
    ),
    pytest.param(
        pod(serviceAccount="a", hostNetwork=True), pod(serviceAccount="a"),
        pod(serviceAccountName="a", serviceAccount="a", hostNetwork=True),
        pod(serviceAccountName="a", serviceAccount="a"), id="an account under its old name stays",
    ),
    # --- rules of roles
    pytest.param(
        obj("rbac.authorization.k8s.io/v1", "ClusterRole", {"rules": []}),
        obj("rbac.authorization.k8s.io/v1", "ClusterRole", {"rules": [{"verbs": ["get"]}]}),
        obj("rbac.authorization.k8s.io/v1", "ClusterRole", {"rules": [{"verbs": ["*"]}]}),
        obj("rbac.authorization.k8s.io/v1", "ClusterRole", {"rules": [{"verbs": ["get"]}]}),
        id="rules of a role that nobody aggregates are Git's",
    ),
    pytest.param(
        obj("example.com/v1", "ClusterRole", {"aggregationRule": {"a": 1}, "rules": []}),
        obj("example.com/v1", "ClusterRole", {"aggregationRule": {"a": 1}, "rules": [1]}),
        obj("example.com/v1", "ClusterRole", {"aggregationRule": {"a": 1}, "rules": [2]}),
        obj("example.com/v1", "ClusterRole", {"aggregationRule": {"a": 1}, "rules": [1]}),
        id="another group's role of that name is nobody's to fill in",
    ),
    pytest.param(
        obj("rbac.authorization.k8s.io/v1", "ClusterRole", {
            "aggregationRule": {"clusterRoleSelectors": []}, "rules": [{"verbs": ["get"]}]}),
        obj("rbac.authorization.k8s.io/v1", "ClusterRole", {
            "aggregationRule": {"clusterRoleSelectors": []}, "rules": []}),
        obj("rbac.authorization.k8s.io/v1", "ClusterRole", {
            "aggregationRule": {"clusterRoleSelectors": []}, "rules": [{"verbs": ["*"]}]}),
        obj("rbac.authorization.k8s.io/v1", "ClusterRole", {
            "aggregationRule": {"clusterRoleSelectors": []}, "rules": [{"verbs": ["*"]}]}),
        id="aggregated rules are a controller's",
    ),
    pytest.param(unknown(a=1), unknown(a=True), unknown(a=1), unknown(a=True), id="true is not 1"),
    pytest.param(
        unknown(**{"x/y~z": 1, "": 1, ".é": 1}), unknown(**{"x/y~z": 2, "": 2}),
        unknown(**{"x/y~z": 1, "": 1, ".é": 1}), unknown(**{"x/y~z": 2, "": 2}), id="odd keys",
    ),
    pytest.param(
        meta(labels={"a": "1", "b": "2"}), meta(), meta(labels={"a": "1", "b": "2", "z": "9"}),
        meta(labels={"z": "9"}), id="labels of others survive ours",
    ),
    pytest.param(
        config(data={"a": "1"}), config(data={"a": None}), config(data={"a": ""}),
        config(data={"a": ""}), id="the server's idea of null in a map of strings",
    ),
    # --- equal by meaning
    pytest.param(
        NONE, pod({"resources": {"limits": {"cpu": 0.5, "memory": "1024Mi"}}}),
        pod({"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}}),
        pod({"resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}}),
        id="kubernetes#66450 quantities",
    ),
    pytest.param(
        NONE, service(ports=[{"port": 80, "targetPort": "80"}]),
        service(ports=[{"port": 80, "targetPort": 80, "protocol": "TCP"}]),
        service(ports=[{"port": 80, "targetPort": "80", "protocol": "TCP"}]),
        id='targetPort 80 is not "80"',
    ),
    pytest.param(
        NONE, deployment(paused=False, minReadySeconds=0, template={}), deployment(template={}),
        deployment(template={}), id="zero values that the server does not write",
    ),
    pytest.param(
        NONE, deployment(replicas=0), deployment(), deployment(replicas=0),
        id="zero of a pointer is a value",
    ),
    pytest.param(
        NONE, obj("v1", "PersistentVolumeClaim", {"spec": {"storageClassName": ""}}),
        obj("v1", "PersistentVolumeClaim", {"spec": {}}),
        obj("v1", "PersistentVolumeClaim", {"spec": {"storageClassName": ""}}),
        id="the empty storage class is a value",
    ),
    pytest.param(
        NONE, service(clusterIP=""), service(clusterIP="10.0.0.1"), service(clusterIP="10.0.0.1"),
        id="an empty clusterIP asks for none in particular",
    ),
    pytest.param(
        service(clusterIP="10.0.0.1"), service(clusterIP=""), service(clusterIP="10.0.0.1"),
        service(clusterIP=""), id="a clusterIP that Git takes back",
    ),
    pytest.param(
        NONE, pod({"livenessProbe": {"timeoutSeconds": 0, "initialDelaySeconds": 0}}),
        pod({"livenessProbe": {"timeoutSeconds": 1, "initialDelaySeconds": 9}}),
        pod({"livenessProbe": {"timeoutSeconds": 1, "initialDelaySeconds": 0}}),
        id="zero is the default, or a wish",
    ),
    pytest.param(
        NONE, pod(env("A")), pod(env("A1")), pod(env("A")), id="an empty variable is a wish",
    ),
    pytest.param(
        NONE, pod(dnsPolicy=""), pod(dnsPolicy="ClusterFirst"), pod(dnsPolicy="ClusterFirst"),
        id="empty text is the default",
    ),
    pytest.param(
        pod(priorityClassName="admin"), pod(priorityClassName=""),
         pod(priorityClassName="admin"),
        pod(priorityClassName=""), id="text that becomes empty",
    ),
    pytest.param(
        NONE, meta(labels={"a": ""}), meta(labels={}), meta(labels={"a": ""}),
        id="an empty label is a label",
    ),
    pytest.param(
        NONE, meta(labels={}, annotations={}), meta(), meta(), id="empty maps are none",
    ),
    pytest.param(
        NONE, unknown(a={}, b=[], c=""), unknown(), unknown(a={}, b=[], c=""),
        id="in custom resources empty is something",
    ),
    # --- keyed lists
    pytest.param(
        service(ports=[UDP53]), service(ports=[UDP53, TCP53]), service(ports=[UDP53]),
        service(ports=[UDP53, TCP53]), id="kubernetes#39188 second protocol is added",
    ),
    pytest.param(
        service(ports=[UDP53, TCP53]), service(ports=[TCP53]), service(ports=[UDP53, TCP53]),
        service(ports=[TCP53]), id="kubernetes#39188 one of two protocols goes",
    ),
    pytest.param(
        NONE, service(ports=[{"port": 53}]), service(ports=[TCP53]), service(ports=[TCP53]),
        id="ansible#40654 no protocol is TCP",
    ),
    pytest.param(
        NONE, service(ports=[{"port": 53, "protocol": ""}]), service(ports=[TCP53]),
        service(ports=[TCP53]), id="an empty protocol is TCP",
    ),
    pytest.param(
        pod(topologySpreadConstraints=[{"topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule"}]),
        pod(topologySpreadConstraints=[{"topologyKey": "z",
         "whenUnsatisfiable": "ScheduleAnyway"}]),
        pod(topologySpreadConstraints=[
            {"topologyKey": "z", "whenUnsatisfiable": "DoNotSchedule", "maxSkew": 1}]),
        pod(topologySpreadConstraints=[{"topologyKey": "z",
         "whenUnsatisfiable": "ScheduleAnyway"}]),
        id="kubernetes#136340 constraints by both keys",
    ),
    pytest.param(
        pod(env("A1", "B2")), pod(env("B2")), pod(env("A1", "Z9", "B2")), pod(env("Z9", "B2")),
        id="a removed element beside one that somebody else added",
    ),
    pytest.param(
        pod(env("A1")), pod(), pod(env("A1")), pod(), id="all elements go, and the list",
    ),
    pytest.param(
        pod(env("A1")), pod({}), pod(env("A1", "Z9")), pod(env("Z9")),
        id="all of ours go, the list stays for others",
    ),
    pytest.param(
        NONE, pod(env("A1")), pod(env("A1", "A1")), pod(env("A1")),
        id="kubernetes#58477 a duplicate in live goes, the variable stays",
    ),
    pytest.param(
        NONE, pod(env("A2")), pod(env("A1", "A2", "A3")), pod(env("A2")),
        id="kubernetes#86163 the duplicate that is right stays",
    ),
    pytest.param(
        pod(env("A1")), pod({"env": []}), pod(env("A1", "A1", "Z9")), pod(env("Z9")),
        id="kubernetes#86163 duplicates go with the last of them",
    ),
    pytest.param(
        pod(env("A1", "B2")), pod(env("B2", "A1")), pod(env("A1", "Z9", "B2")),
        pod(env("B2", "Z9", "A1")), id="kubernetes#65106 order of variables",
    ),
    pytest.param(
        pod(env("A1", "C3")), pod(env("A1", "B2", "C3")), pod(env("A1", "C3", "Z9")),
        pod(env("A1", "B2", "C3", "Z9")), id="a variable in the middle",
    ),
    pytest.param(
        pod(env("B2", "C3")), pod(env("A1", "B2", "C3", "D4")), pod(env("B2", "C3")),
        pod(env("A1", "B2", "C3", "D4")), id="variables in front and behind",
    ),
    pytest.param(
        pod(env("A1", "B2", "C3")), pod(env("D4", "C5", "A1")), pod(env("A1", "Z9", "B2", "C3")),
        pod(env("D4", "C5", "Z9", "A1")), id="moved, changed, added and removed at once",
    ),
    pytest.param(
        pod(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}]),
        pod(volumes=[{"name": "b", "emptyDir": {}}, {"name": "a", "emptyDir": {}}]),
        pod(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}]),
        pod(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}]),
        id="order of volumes means nothing",
    ),
    pytest.param(
        pod(initContainers=[{"name": "a"}, {"name": "b", **env("A1", "B2")}]),
        pod(initContainers=[{"name": "b", **env("B2", "A1")}, {"name": "a", "image": "i"}]),
        pod(initContainers=[{"name": "a"}, {"name": "x"}, {"name": "b", **env("A1", "B2")}]),
        pod(initContainers=[{"name": "b", **env("B2", "A1")}, {"name": "x"},
                            {"name": "a", "image": "i"}]),
        id="a list in a list, both in another order",
    ),
    pytest.param(
        pod(containers=[{"name": "a", **env("A1")}, {"name": "b", **env("A1", "B1")}]),
        pod(containers=[{"name": "b", **env("B1", "C1")}]),
        pod(containers=[{"name": "side"}, {"name": "a", **env("A1")},
                        {"name": "b", **env("A1", "B1", "Z1")}]),
        pod(containers=[{"name": "side"}, {"name": "b", **env("B1", "C1", "Z1")}]),
        id="nested lists shrink and grow together",
    ),
    pytest.param(
        pod(imagePullSecrets=[{"name": "a"}]), pod(imagePullSecrets=[{"name": "b"}]),
        pod(imagePullSecrets=[{"name": "z"}, {"name": "a"}]),
        pod(imagePullSecrets=[{"name": "z"}, {"name": "b"}]), id="elements that are atomic",
    ),
    pytest.param(
        NONE, pod({"env": [{"name": "A"}, 5]}), pod(env("A1")), pod({"env": [{"name": "A"}, 5]}),
        id="a list whose elements have no key is whole",
    ),
    pytest.param(
        NONE, pod({"env": [{"name": {}}]}), pod(env("A1")), pod({"env": [{"name": {}}]}),
        id="a key that is an object is none",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("last", "desired", "live", "expected"), CASES)
def test_live_becomes_what_git_says(last: JSON, desired: JSON, live: JSON, expected: JSON) -> None:
    assert merged(last or None, desired, as_live(live)) == expected


@pytest.mark.parametrize(
    ("desired", "where"),
    [
        pytest.param(
            pod(env("A1", "A2")), "/spec/template/spec/containers/0/env/1", id="variables"
        ),
        pytest.param(service(ports=[{"port": 53}, TCP53]), "/spec/ports/1", id="ports by default"),
    ],
)
@pytest.mark.parametrize("live", [{"spec": {}}, {}], ids=["added", "anew"])
def test_an_element_twice_in_git_is_refused_by_its_place(
    desired: JSON, where: str, live: JSON
) -> None:
    head = {name: desired[name] for name in ("apiVersion", "kind")}
    for side in (as_live({**head, "metadata": {}, **live}), as_live(copy.deepcopy(desired))):
        with pytest.raises(ManifestError) as caught:
            three_way(None, desired, side, schemas=SCHEMAS)
        assert caught.value.where == where
        assert caught.value.code == "PLB330"
