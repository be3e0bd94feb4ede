"""Changes of Git to make to the corpus: what the server takes, and what it never does.

Each is a manifest of the corpus and a JSON patch of it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

JSON: TypeAlias = Any

# A Service that becomes another type loses what belongs to the old one; no patch says so.
TYPE_CHANGES = "cluster IP to external name"
C = "/spec/template/spec/containers/0"
MUTATIONS: dict[str, tuple[str, list[JSON]]] = {
    "image": ("Deployment-terse", [{"op": "replace", "path": f"{C}/image", "value": "nginx:2"}]),
    "second protocol (kubernetes#39188)": (
        "Deployment-terse",
        [{"op": "add", "path": f"{C}/ports", "value": [
            {"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53, "protocol": "TCP"}]}],
    ),
    "one of two protocols goes": ("Deployment-full", [{"op": "remove", "path": f"{C}/ports/1"}]),
    "env in another order": (
        "Deployment-full",
        [{"op": "move", "from": f"{C}/env/0", "path": f"{C}/env/5"}],
    ),
    "env in the middle": (
        "Deployment-full",
        [{"op": "add", "path": f"{C}/env/1", "value": {"name": "A2", "value": "& < > é \u2028"}}],
    ),
    "env from value to source": (
        "Deployment-full",
        [{"op": "replace", "path": f"{C}/env/1",
          "value": {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}}],
    ),
    "another volume source": (
        "Deployment-full",
        [{"op": "replace", "path": "/spec/template/spec/volumes/0",
          "value": {"name": "cfg", "secret": {"secretName": "s"}}}],
    ),
    "another probe": (
        "Deployment-full",
        [{"op": "replace", "path": f"{C}/livenessProbe", "value": {"tcpSocket": {"port": 80}}}],
    ),
    "no probe": ("Deployment-full", [{"op": "remove", "path": f"{C}/readinessProbe"}]),
    "recreate": (
        "Deployment-full",
        [{"op": "replace", "path": "/spec/strategy", "value": {"type": "Recreate"}}],
    ),
    "rolling again": ("Deployment-recreate", [{"op": "remove", "path": "/spec/strategy"}]),
    "a container less, one more": (
        "Deployment-full",
        [{"op": "remove", "path": "/spec/template/spec/containers/1"},
         {"op": "add", "path": "/spec/template/spec/containers/0",
          "value": {"name": "new", "image": "new", "ports": [{"containerPort": 1}]}}],
    ),
    "no init containers": (
        "Deployment-full", [{"op": "remove", "path": "/spec/template/spec/initContainers"}],
    ),
    "all labels go": ("Deployment-full", [{"op": "remove", "path": "/metadata/labels"}]),
    "fewer spread constraints": (
        "Deployment-full",
        [{"op": "remove", "path": "/spec/template/spec/topologySpreadConstraints/0"}],
    ),
    "a limit goes": ("Deployment-full", [{"op": "remove", "path": f"{C}/resources/limits/cpu"}]),
    "resources go": ("Deployment-full", [{"op": "remove", "path": f"{C}/resources"}]),
    "security context goes": (
        "Deployment-full", [{"op": "remove", "path": "/spec/template/spec/securityContext"}],
    ),
    "rolling update on delete": (
        "StatefulSet-db",
        [{"op": "add", "path": "/spec/updateStrategy", "value": {"type": "OnDelete"}}],
    ),
    "service ports by protocol": (
        "Service-dns",
        [{"op": "remove", "path": "/spec/ports/0"},
         {"op": "add", "path": "/spec/ports/-", "value": {"name": "x", "port": 9153,
                                                          "protocol": "UDP"}}],
    ),
    TYPE_CHANGES: (
        "Service-plain",
        [{"op": "replace", "path": "/spec",
          "value": {"type": "ExternalName", "externalName": "example.com"}}],
    ),
    "a policy that opens": (
        "NetworkPolicy-rules",
        [{"op": "replace", "path": "/spec/ingress/1/ports/0/port", "value": 8080}],
    ),
    "secret text": (
        "Secret-s", [{"op": "replace", "path": "/stringData/k", "value": "other & <é>"}],
    ),
    "a secret key goes": ("Secret-s", [{"op": "remove", "path": "/data/raw"}]),
    "config with every sign": (
        "ConfigMap-c",
        [{"op": "replace", "path": "/data/b",
         "value": "a && b <>\u2028\u2029 é 😀 \t\x01\x08\x0c\x7f"},
         {"op": "remove", "path": "/data/c.d_e-f"}],
    ),
    "metrics": (
        "HorizontalPodAutoscaler-cpu", [{"op": "remove", "path": "/spec/metrics/0"}],
    ),
    "no metrics": ("HorizontalPodAutoscaler-cpu", [{"op": "remove", "path": "/spec/metrics"}]),
    "budget the other way": (
        "PodDisruptionBudget-pdb",
        [{"op": "remove", "path": "/spec/minAvailable"},
         {"op": "add", "path": "/spec/maxUnavailable", "value": "10%"}],
    ),
    "webhook from url to service": (
        "ValidatingWebhookConfiguration-corpus-validating",
        [{"op": "replace", "path": "/webhooks/1/clientConfig",
          "value": {"service": {"name": "hook", "namespace": "default"}}}],
    ),
    "ingress backend": (
        "Ingress-default",
        [{"op": "replace", "path": "/spec/defaultBackend",
          "value": {"service": {"name": "web", "port": {"number": 80}}}}],
    ),
    "custom ports": (
        "Widget-terse",
        [{"op": "replace", "path": "/spec/ports",
          "value": [{"port": 81}, {"port": 80, "protocol": "UDP", "tags": ["c", "b"]}]}],
    ),
    "custom free form": (
        "Widget-full",
        [{"op": "replace", "path": "/spec/free", "value": {"a": {"b": 0.25, "x/y~z": "&"}}},
         {"op": "replace", "path": "/spec/ratio", "value": 0.75}],
    ),
    "a finalizer goes": ("Widget-full", [{"op": "remove", "path": "/metadata/finalizers/0"}]),
    "roles": ("Role-reader", [{"op": "replace", "path": "/rules/0/verbs", "value": ["get"]}]),
    "subjects": ("RoleBinding-binding", [{"op": "remove", "path": "/subjects/1"}]),
}  # fmt: skip

IMMUTABLE: dict[str, tuple[str, list[JSON]]] = {
    "scopes of a quota": (
        "ResourceQuota-quota", [{"op": "replace", "path": "/spec/scopes", "value": ["BestEffort"]}],
    ),
    "another range of addresses": (
        "ServiceCIDR-corpus-cidr",
        [{"op": "replace", "path": "/spec/cidrs", "value": ["10.251.0.0/24"]}],
    ),
    "whose an address is": (
        "IPAddress-10.250.0.9", [{"op": "replace", "path": "/spec/parentRef/name", "value": "x"}],
    ),
    "the node of a slice": (
        "ResourceSlice-corpus-slice", [{"op": "replace", "path": "/spec/nodeName", "value": "x"}],
    ),
    "the pool of a slice": (
        "ResourceSlice-corpus-slice", [{"op": "replace", "path": "/spec/pool/name", "value": "x"}],
    ),
    "the family of a service": (
        "Service-plain", [{"op": "add", "path": "/spec/ipFamilies", "value": ["IPv6"]}],
    ),
    "a class of load balancers": (
        "Service-lb", [{"op": "add", "path": "/spec/loadBalancerClass", "value": "x.y/z"}],
    ),
    "the kind of a definition": (
        "CustomResourceDefinition-widgets.corpus.plumb.example",
        [{"op": "replace", "path": "/spec/names/kind", "value": "Other"}],
    ),
    "deployment selector": (
        "Deployment-terse", [{"op": "add", "path": "/spec/selector/matchLabels/x", "value": "y"},
                             {"op": "add", "path": "/spec/template/metadata/labels/x",
                              "value": "y"}],
    ),
    "stateful set service": (
        "StatefulSet-db", [{"op": "replace", "path": "/spec/serviceName", "value": "other"}],
    ),
    "stateful set claims": (
        "StatefulSet-db",
        [{"op": "replace", "path": "/spec/volumeClaimTemplates/0/spec/resources/requests/storage",
          "value": "20Gi"}],
    ),
    "job template": (
        "Job-once",
        [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "b"}],
    ),
    "cluster IP": (
        "Service-plain", [{"op": "add", "path": "/spec/clusterIP", "value": "None"}],
    ),
    "claim class": (
        "PersistentVolumeClaim-data",
        [{"op": "add", "path": "/spec/accessModes", "value": ["ReadWriteMany"]}],
    ),
    "volume source": (
        "PersistentVolume-corpus-volume",
        [{"op": "replace", "path": "/spec/nfs/path", "value": "/y"}],
    ),
    "role of a binding": (
        "RoleBinding-binding", [{"op": "replace", "path": "/roleRef/name", "value": "other"}],
    ),
    "role of a cluster binding": (
        "ClusterRoleBinding-corpus-binding",
        [{"op": "replace", "path": "/roleRef/name", "value": "other"}],
    ),
    "storage parameters": (
        "StorageClass-corpus-fast",
        [{"op": "replace", "path": "/parameters/type", "value": "slow"}],
    ),
    "storage binding": (
        "StorageClass-corpus-fast",
        [{"op": "add", "path": "/volumeBindingMode", "value": "WaitForFirstConsumer"}],
    ),
    "immutable config": (
        "ConfigMap-fixed", [{"op": "replace", "path": "/data/k", "value": "w"}],
    ),
    "secret type": ("Secret-auth", [{"op": "replace", "path": "/type", "value": "Opaque"}]),
    "priority": (
        "PriorityClass-corpus-high", [{"op": "replace", "path": "/value", "value": 2000}],
    ),
    "runtime handler": (
        "RuntimeClass-corpus-runtime", [{"op": "replace", "path": "/handler", "value": "kata"}],
    ),
    "ingress controller": (
        "IngressClass-corpus-class",
        [{"op": "replace", "path": "/spec/controller", "value": "example.com/other"}],
    ),
    "slice addresses": (
        "EndpointSlice-slice", [{"op": "replace", "path": "/addressType", "value": "IPv6"},
                                {"op": "replace", "path": "/endpoints", "value": []}],
    ),
    "CSI driver attach": (
        "CSIDriver-csi.corpus.example",
        [{"op": "replace", "path": "/spec/attachRequired", "value": True}],
    ),
    "attributes": (
        "VolumeAttributesClass-corpus-gold",
        [{"op": "replace", "path": "/parameters/iops", "value": "1"}],
    ),
    "capacity class": (
        "CSIStorageCapacity-capacity",
        [{"op": "replace", "path": "/storageClassName", "value": "other"}],
    ),
    "attachment": (
        "VolumeAttachment-corpus-attachment",
        [{"op": "replace", "path": "/spec/nodeName", "value": "other"}],
    ),
    "resource claim": (
        "ResourceClaim-claim",
        [{"op": "add", "path": "/spec/devices/requests/0/exactly/count", "value": 2}],
    ),
    "resource claim template": (
        "ResourceClaimTemplate-claims",
        [{"op": "replace", "path": "/spec/spec/devices/requests/0/name", "value": "other"}],
    ),
    "revision data": (
        "ControllerRevision-revision", [{"op": "replace", "path": "/data/spec/a", "value": 2}],
    ),
    "pod": ("Pod-single", [{"op": "add", "path": "/spec/nodeSelector", "value": {"a": "b"}}]),
    "CRD scope": (
        "CustomResourceDefinition-widgets.corpus.plumb.example",
        [{"op": "replace", "path": "/spec/scope", "value": "Cluster"}],
    ),
    "custom rule": ("Widget-full", [{"op": "replace", "path": "/spec/frozen", "value": "y"}]),
}  # fmt: skip
