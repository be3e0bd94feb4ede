"""PLB4xx: the API server and the kubeconfig."""

from __future__ import annotations

from engine.codes.explanation import Explanation

CLUSTER: dict[str, Explanation] = {  # PLB4xx
    "PLB401": Explanation(
        "Credentials not accepted",
        "The API server, or a proxy before it, answered 401: it does not know who is asking.",
        "Log in again with your provider's tool, or correct the user in the kubeconfig. "
        "`kubectl auth whoami` shows who you are.",
    ),
    "PLB403": Explanation(
        "Not permitted",
        "The API server knows who is asking and does not allow this verb on this resource.",
        "Let an administrator grant it by a Role and a RoleBinding, or use another identity. "
        "`kubectl auth can-i VERB RESOURCE -n NAMESPACE` answers in advance.",
    ),
    "PLB404": Explanation(
        "Object not found",
        "The API server said in so many words that an object of this name does not exist.",
        "Nothing, if it is about to be created; else check name and namespace.",
    ),
    "PLB405": Explanation(
        "Object exists already",
        "An object of that name was made by somebody else just now.",
        "Sync again: it is then adopted, or the plan says why not.",
    ),
    "PLB406": Explanation(
        "Namespace missing",
        "The object's namespace does not exist in the cluster.",
        "Add the Namespace to the manifests, or set `createNamespace: true`.",
    ),
    "PLB407": Explanation(
        "Namespace is being deleted",
        "Nothing can be created in a namespace that is terminating.",
        "Wait until it is gone; see `kubectl get namespace NAME -o yaml` for what holds it up.",
    ),
    "PLB408": Explanation(
        "Verb not supported",
        "The API server does not offer this operation for this kind.",
        "Kinds such as Binding or TokenReview cannot be kept in Git; remove the manifest.",
    ),
    "PLB409": Explanation(
        "Conflict",
        "Somebody else changed the object between reading and writing; nothing was written.",
        "Plumb reads and plans the object again by itself. If it lasts, find out who fights "
        "over the object: `kubectl get KIND NAME -o yaml --show-managed-fields`.",
    ),
    "PLB410": Explanation(
        "List changed while it was read",
        "The API server forgot the state in which a long list began, several times in a row.",
        "Try again; if it lasts, the API server is too slow for its number of objects.",
    ),
    "PLB413": Explanation(
        "Object too large",
        "The API server or etcd does not take objects of this size.",
        "Split it. ConfigMaps and Secrets may hold 1 MiB, other objects about 1.5 MiB.",
    ),
    "PLB422": Explanation(
        "Object refused as invalid",
        "The API server checked the object and found fields wrong. Rejected values are not "
        "shown, since they may be secret; for a Secret only the fields are.",
        "Correct the fields named.",
    ),
    "PLB428": Explanation(
        "Storage of a kind not ready",
        "The API server is up and cannot read the objects of one kind. For a second this is so "
        "after its CustomResourceDefinition came; it stays so while the conversion webhook of the "
        "definition fails. Nothing of that kind is written or deleted, the others go on.",
        "Mend or remove the conversion webhook; kubectl get of that kind says what is wrong.",
    ),
    "PLB429": Explanation(
        "API server too busy",
        "The API server asked to slow down for longer than the request's time limit.",
        "Try again later, or raise --request-timeout.",
    ),
    "PLB430": Explanation(
        "Refused by admission control",
        "A policy, an admission webhook, a quota or a security standard does not allow this "
        "object. Other objects of the sync were applied; nothing is pruned.",
        "Read the explanation, change the manifest, or ask the owner of that rule.",
    ),
    "PLB440": Explanation(
        "Kind neither served nor gone",
        "The API server could not say whether it serves this kind: a group's server may be down, "
        "or a list was incomplete. Its objects count as unknown, so none of them is deleted.",
        "See `kubectl get apiservices` for a group that is not available, and sync again.",
    ),
    "PLB450": Explanation(
        "No kubeconfig",
        "No kubeconfig was found where one was looked for, and this is no Pod.",
        "Name one with --kubeconfig or KUBECONFIG.",
    ),
    "PLB451": Explanation(
        "Kubeconfig unreadable",
        "The kubeconfig is no valid YAML, has not the shape of one, or may not be read.",
        "Correct the place named, or the file's permissions.",
    ),
    "PLB452": Explanation(
        "Context unknown",
        "The kubeconfig has no such context, or none is chosen.",
        "Pass --context with one of the names listed.",
    ),
    "PLB453": Explanation(
        "Context incomplete",
        "The context names a cluster or user that is not there, or the cluster has no server.",
        "Correct the kubeconfig; a list in KUBECONFIG may lack a file.",
    ),
    "PLB454": Explanation(
        "Certificate or token unreadable",
        "A certificate, key or token that the kubeconfig names cannot be read or used.",
        "Check that path or data in the kubeconfig.",
    ),
    "PLB455": Explanation(
        "Credential plugin failed",
        "The command in the user's `exec` section gave no credentials.",
        "Run it by hand, log in, or install it.",
    ),
    "PLB456": Explanation(
        "Way to log in not supported",
        "The user's auth-provider, plugin version or plugin cannot be used here.",
        "Use a plugin of client.authentication.k8s.io/v1, a token or a certificate. The daemon "
        "runs no plugins at all.",
    ),
    "PLB457": Explanation(
        "Proxy not usable",
        "The URL of the proxy is no URL of a kind that is supported.",
        "Correct `proxy-url` in the kubeconfig, or HTTPS_PROXY.",
    ),
    "PLB460": Explanation(
        "API server unreachable",
        "No connection, or no complete answer in time.",
        "Check that the server runs, its address in the kubeconfig, VPN and proxy.",
    ),
    "PLB461": Explanation(
        "TLS failed",
        "The API server's certificate is not trusted, or it did not accept ours.",
        "Check certificate-authority, tls-server-name and the client certificate.",
    ),
    "PLB462": Explanation(
        "Answer not understood",
        "What answered is not an API server, or does not serve this. It proves nothing about "
        "the object, so nothing is created or deleted because of it.",
        "Check `server` in the kubeconfig; a proxy or login page may stand between.",
    ),
    "PLB463": Explanation(
        "Outcome unknown",
        "A write was sent and its answer was lost, or the server failed while it worked on it.",
        "Sync again: the object is looked up before anything is repeated.",
    ),
    "PLB465": Explanation(
        "API server failed",
        "The API server answered with an internal error, several times.",
        "See its log. A conversion webhook that is down makes all reads of its kinds fail.",
    ),
    "PLB469": Explanation(
        "Stopped",
        "Plumb was told to stop before this request was sent.",
        "Nothing; sync again when you like.",
    ),
}
