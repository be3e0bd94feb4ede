"""What the server fills in, allocates or works out by itself, once Git says something else."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest

from engine.errors import ManifestError
from engine.merge import Sides, compare
from engine.model import Why
from engine.schema import problems
from tests.bodies import as_live, config, deployment, merged, obj, pod, service, widget
from tests.triples import SCHEMAS

JSON: TypeAlias = Any


def policy(**spec: JSON) -> JSON:
    return obj("networking.k8s.io/v1", "NetworkPolicy", {"spec": spec})


def job(**spec: JSON) -> JSON:
    return obj("batch/v1", "Job", {"spec": spec})


def autoscaler(**spec: JSON) -> JSON:
    return obj("autoscaling/v2", "HorizontalPodAutoscaler", {"spec": spec})


def port(**fields: JSON) -> JSON:
    return {"containerPort": 80, **fields}


ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
PROBE = {"httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}, "periodSeconds": 10,
         "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3}  # fmt: skip
AFFINE = {"clientIP": {"timeoutSeconds": 10800}}

# What Git drops and the server would put there again: nothing is written.
QUIET = [
    pytest.param(deployment(replicas=1), deployment(), deployment(replicas=1), id="replicas"),
    pytest.param(
        pod({"ports": [port(protocol="TCP")]}), pod({"ports": [port()]}),
        pod({"ports": [port(protocol="TCP")]}), id="a key with its default",
    ),
    pytest.param(
        deployment(strategy=ROLLING), deployment(), deployment(strategy=ROLLING),
        id="an object that is a default",
    ),
    pytest.param(
        deployment(strategy=ROLLING), deployment(strategy={}), deployment(strategy=ROLLING),
        id="all of an object",
    ),
    pytest.param(
        pod({"livenessProbe": PROBE}), pod({"livenessProbe": {"httpGet": {"port": 80}}}),
        pod({"livenessProbe": PROBE}), id="much of a probe",
    ),
    pytest.param(
        service(clusterIP="10.0.0.7", clusterIPs=["10.0.0.7"]), service(),
        service(clusterIP="10.0.0.7", clusterIPs=["10.0.0.7"]), id="an address",
    ),
    pytest.param(
        service(ports=[{"port": 80, "nodePort": 30080}]), service(ports=[{"port": 80}]),
        service(ports=[{"port": 80, "nodePort": 30080}]), id="a port of the nodes",
    ),
    pytest.param(widget(size=3), widget(), widget(size=3), id="a default of a definition"),
    pytest.param(
        autoscaler(minReplicas=1), autoscaler(), autoscaler(minReplicas=1), id="an observed default"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("last", "desired", "live"), QUIET)
def test_what_the_server_would_put_there_again_is_not_removed(
    last: JSON, desired: JSON, live: JSON
) -> None:
    patch = compare(Sides(last, desired, as_live(live)), schemas=SCHEMAS)
    assert (patch.edits, patch.operations) == ((), ())


WRITTEN = [
    pytest.param(
        deployment(replicas=2), deployment(), deployment(replicas=2), deployment(), id="replicas"
    ),
    pytest.param(
        service(clusterIP="None"), service(), service(clusterIP="None"), service(),
        id="no address was a wish",
    ),
    pytest.param(
        job(completions=1, parallelism=1), job(parallelism=2), job(completions=1, parallelism=1),
        job(parallelism=2), id="a default only beside another one",
    ),
    pytest.param(
        pod({"image": "a", "imagePullPolicy": "IfNotPresent"}), pod({"image": "a"}),
        pod({"image": "a", "imagePullPolicy": "IfNotPresent"}), pod({"image": "a"}),
        id="one of two defaults",
    ),
    pytest.param(
        pod({"livenessProbe": PROBE}), pod({}), pod({"livenessProbe": PROBE}), pod({}),
        id="a probe whose rest is defaults",
    ),
    pytest.param(
        deployment(strategy={**ROLLING, "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}}),
        deployment(),
        deployment(strategy={**ROLLING, "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}}),
        deployment(), id="an object with one field of its own",
    ),
    # A member of a union whose discriminator Git drops.
    pytest.param(
        service(sessionAffinity="ClientIP"), service(),
        service(sessionAffinity="ClientIP", sessionAffinityConfig=AFFINE), service(),
        id="affinity goes with what belongs to it",
    ),
    pytest.param(
        service(sessionAffinity="ClientIP"), service(sessionAffinity="None"),
        service(sessionAffinity="ClientIP", sessionAffinityConfig=AFFINE),
        service(sessionAffinity="None"), id="no affinity",
    ),
    # Two names of one field.
    pytest.param(
        pod(serviceAccountName="a"), pod(serviceAccountName="b"),
        pod(serviceAccountName="a", serviceAccount="a"),
        pod(serviceAccountName="b", serviceAccount="a"), id="the newer name counts",
    ),
    pytest.param(
        pod(serviceAccountName="a"), pod(), pod(serviceAccountName="a", serviceAccount="a"),
        pod(), id="both names go",
    ),
    pytest.param(
        pod(serviceAccount="a"), pod(serviceAccount="b"),
        pod(serviceAccountName="a", serviceAccount="a"),
        pod(serviceAccountName="b", serviceAccount="a"), id="the older name is the newer one",
    ),
    pytest.param(
        pod(serviceAccount="a"), pod(), pod(serviceAccountName="a", serviceAccount="a"), pod(),
        id="the older name goes",
    ),
    pytest.param(
        pod(serviceAccountName="a"), pod(serviceAccountName="a", serviceAccount="b"),
        pod(serviceAccountName="a", serviceAccount="a"),
        pod(serviceAccountName="a", serviceAccount="a"), id="of two names the newer one counts",
    ),
    pytest.param(
        pod(), pod(), pod(serviceAccountName="hand", serviceAccount="hand"),
        pod(serviceAccountName="hand", serviceAccount="hand"), id="an account of somebody else",
    ),
    # Worked out from another field when the object was made.
    pytest.param(
        policy(egress=[{}]), policy(), policy(egress=[{}], policyTypes=["Ingress", "Egress"]),
        policy(policyTypes=["Ingress"]), id="a policy without egress does not deny it",
    ),
    pytest.param(
        policy(), policy(egress=[{}]), policy(policyTypes=["Ingress"]),
        policy(egress=[{}], policyTypes=["Ingress", "Egress"]), id="a policy with egress",
    ),
    pytest.param(
        policy(egress=[{}]), policy(), policy(egress=[{}], policyTypes=["Egress"]),
        policy(policyTypes=["Egress"]), id="types of somebody else",
    ),
    pytest.param(
        policy(egress=[{}], policyTypes=["Egress"]), policy(),
        policy(egress=[{}], policyTypes=["Egress"]), policy(), id="types that Git had and drops",
    ),
    pytest.param(
        pod({"image": "a:1"}), pod({"image": "a:latest"}),
        pod({"image": "a:1", "imagePullPolicy": "IfNotPresent"}),
        pod({"image": "a:latest", "imagePullPolicy": "Always"}), id="the latest image",
    ),
    pytest.param(
        pod({"image": "a:1"}), pod({"image": "a:latest@sha256:0"}),
        pod({"image": "a:1", "imagePullPolicy": "IfNotPresent"}),
        pod({"image": "a:latest@sha256:0", "imagePullPolicy": "Always"}), id="latest and a digest",
    ),
    pytest.param(
        pod({"image": "r:5000/a"}), pod({"image": "r:5000/a@sha256:0"}),
        pod({"image": "r:5000/a", "imagePullPolicy": "Always"}),
        pod({"image": "r:5000/a@sha256:0", "imagePullPolicy": "IfNotPresent"}), id="a digest",
    ),
    pytest.param(
        pod({"image": "a:1"}), pod({"image": "a:2"}),
        pod({"image": "a:1", "imagePullPolicy": "Always"}),
        pod({"image": "a:2", "imagePullPolicy": "Always"}), id="a policy of somebody else",
    ),
    pytest.param(
        pod({"image": "a:1"}), pod({"image": "a"}), pod({"image": "a:1"}), pod({"image": "a"}),
        id="a policy that is not there",
    ),
    # null is a value of a field that may be null.
    pytest.param(
        widget(), widget(none=None), widget(none="x"), widget(none=None), id="null of its own"
    ),
    pytest.param(widget(), widget(none=None), widget(), widget(), id="null where nothing is"),
    pytest.param(
        config(data={"k": None}), config(data={"l": "x"}), config(data={"k": "", "l": "x"}),
        config(data={"l": "x"}), id="what the server made of null",
    ),
    pytest.param(
        config(data={"k": None}), config(), config(data={"k": ""}), config(),
        id="all that the server made of null",
    ),
    pytest.param(
        widget(empty=None), widget(), widget(empty=None), widget(), id="null instead of a default"
    ),
    pytest.param(
        widget(empty=None), widget(), widget(empty="x"), widget(empty="x"),
        id="a default instead of null",
    ),
    pytest.param(
        widget(), widget(empty=None), widget(empty="x"), widget(empty=None),
        id="null instead of the default that is there",
    ),
    pytest.param(widget(), widget(empty=None), widget(), widget(empty=None), id="null anew"),
    pytest.param(
        widget(none=None), widget(), widget(none=None), widget(none=None),
        id="null that says nothing",
    ),
    # One port of a container on two ports of the node.
    pytest.param(
        pod({"ports": [port()]}), pod({"ports": [port(hostPort=1), port(hostPort=2)]}),
        pod({"ports": [port(protocol="TCP")]}),
        pod({"ports": [port(hostPort=1), port(hostPort=2)]}), id="a second port of the node",
    ),
    pytest.param(
        pod({"ports": [port(hostPort=1), port(hostPort=2)]}),
        pod({"ports": [port(hostPort=2, name="x"), port(hostPort=3)]}),
        pod({"ports": [port(hostPort=1), port(hostPort=2)]}),
        pod({"ports": [port(hostPort=2, name="x"), port(hostPort=3)]}), id="another one of two",
    ),
    pytest.param(
        pod({"ports": [port(hostPort=1), port(hostPort=2)]}), pod({"ports": [port(hostPort=2)]}),
        pod({"ports": [port(hostPort=1), port(hostPort=2)]}), pod({"ports": [port(hostPort=2)]}),
        id="one of two ports goes",
    ),
    pytest.param(
        pod({"ports": [port(hostIP="::1", hostPort=1), port(hostIP="::2", hostPort=1)]}),
        pod({"ports": [port(hostIP="::1", hostPort=1), port(hostIP="::2", hostPort=1)]}),
        pod({"ports": [port(hostIP="::2", hostPort=1, protocol="TCP"),
                       port(hostIP="::1", hostPort=1, protocol="TCP")]}),
        pod({"ports": [port(hostIP="::2", hostPort=1, protocol="TCP"),
                       port(hostIP="::1", hostPort=1, protocol="TCP")]}),
        id="two addresses of the node",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("last", "desired", "live", "expected"), WRITTEN)
def test_live_becomes_what_the_server_would_make_anew(
    last: JSON, desired: JSON, live: JSON, expected: JSON
) -> None:
    assert merged(last, desired, as_live(live)) == expected


def test_what_follows_from_git_is_said_to_be_changed_there() -> None:
    live = as_live(policy(egress=[{}], policyTypes=["Ingress", "Egress"]))
    patch = compare(Sides(policy(egress=[{}]), policy(), live), schemas=SCHEMAS)
    why = {edit.path: edit.why for edit in patch.edits}
    assert why == {"/spec/egress": Why.REMOVED, "/spec/policyTypes": Why.CHANGED}


def test_nothing_follows_where_nobody_knows_what_was_applied() -> None:
    live = as_live(policy(policyTypes=["Ingress", "Egress"]))
    assert compare(Sides(None, policy(), live), schemas=SCHEMAS).edits == ()


def test_the_policy_of_a_pod_stays_as_it_was_made() -> None:
    """The server takes another image of a Pod, and nothing else."""
    last, desired, live = (
        obj("v1", "Pod", {"spec": {"containers": [{"name": "c", **container}]}})
        for container in (
            {"image": "a:1"},
            {"image": "a:latest"},
            {"image": "a:1", "imagePullPolicy": "IfNotPresent"},
        )
    )
    sides = Sides(last, desired, as_live(live))
    edits = [edit.path for edit in compare(sides, schemas=SCHEMAS).edits]
    assert edits == ["/spec/containers/[name=c]/image"]


@pytest.mark.parametrize(
    "ports", [[port(), port()], [port(hostPort=1), port(hostPort=1)], [port(), port(name="x")]]
)
def test_ports_that_nothing_tells_apart_are_refused(ports: JSON) -> None:
    desired = pod({"image": "a", "ports": ports})
    with pytest.raises(ManifestError, match="have the same containerPort and protocol and host"):
        compare(Sides(None, desired, as_live(pod({"image": "a"}))), schemas=SCHEMAS)
    (found,) = problems(desired, SCHEMAS)
    assert "has the same containerPort" in found.message
    two = pod({"image": "a", "ports": [port(hostPort=1), port(hostPort=2)]})
    assert problems(two, SCHEMAS) == ()
