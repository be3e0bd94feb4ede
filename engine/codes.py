"""What `plumb explain` says about each PLB code. Stable: a code keeps its meaning for ever.

Numbers: 1xx settings and usage, 2xx Git, 3xx manifests, 4xx cluster, 5xx plan and safety rules,
6xx apply, 7xx health.
"""

from __future__ import annotations

from typing import NamedTuple


class Explanation(NamedTuple):
    """A title of a few words, what it means, and what to do."""

    title: str
    meaning: str
    remedy: str


SETTINGS: dict[str, Explanation] = {  # PLB1xx
    "PLB100": Explanation(
        "Not an Application",
        "The document, or the whole file, holds no Application of plumb.dev/v1alpha1.",
        "Begin it with apiVersion: plumb.dev/v1alpha1 and kind: Application. Manifests belong "
        "into the Git repository that the Application's source names.",
    ),
    "PLB101": Explanation(
        "Unknown field",
        "An Application document has a field that does not exist. Plumb does not guess: a "
        "misspelt prune: false would otherwise be prune: true.",
        "Correct the name (the message says what is close) or remove the field. "
        "docs/application.md lists all of them.",
    ),
    "PLB102": Explanation(
        "Wrong type",
        "A field holds a value of another type than it must, for example a number where a text "
        "belongs.",
        "Write the value as the message says; texts that look like numbers need quotes.",
    ),
    "PLB103": Explanation(
        "Missing field",
        "A field that has no default is absent or empty.",
        "Set it. The least an Application needs is metadata.name and spec.source.url.",
    ),
    "PLB104": Explanation(
        "Value not allowed",
        "A name, a number, a word or a pointer is outside of what the field may hold.",
        "Use one of the values that the message names.",
    ),
    "PLB105": Explanation(
        "Not a duration",
        "A duration is not written with units, or is not longer than nothing.",
        "Write numbers with h, m, s or ms, as in 90s, 3m or 1h30m.",
    ),
    "PLB106": Explanation(
        "Not a Git ref",
        "The branch, tag, semver range or commit cannot be one, or several of them are set at "
        "once.",
        "Set exactly one of branch, tag, semver and commit; a commit is the full id.",
    ),
    "PLB107": Explanation(
        "Not the URL of a repository",
        "The URL has a form that Plumb does not fetch from.",
        "Use https://, http://, ssh://, git@host:path, file:///path or a local path.",
    ),
    "PLB108": Explanation(
        "Credentials in a URL",
        "A repository URL holds a user name or password. It would reach logs, reports and Git.",
        "Take them out, put them into a Secret and name it in source.secretRef. Change the "
        "password if the file was committed.",
    ),
    "PLB109": Explanation(
        "Not a folder of the repository",
        "source.path is absolute or climbs out of the repository.",
        "Write it relative to the root of the repository, as in apps/shop.",
    ),
    "PLB110": Explanation(
        "Secret for Git unusable",
        "The Secret that source.secretRef names lacks a key that it needs, or a key cannot be "
        "decoded.",
        "Keys: username and password; or token; or identity (or ssh-privatekey) with "
        "known_hosts; and ca.crt for a private certificate authority.",
    ),
    "PLB111": Explanation(
        "Application defined twice",
        "Two documents of one file describe the same Application.",
        "Give one of them another name or remove it.",
    ),
    "PLB112": Explanation(
        "Application file unreadable",
        "The file is no YAML or JSON that can be read.",
        "Correct it at the line and column of the message.",
    ),
}

GIT: dict[str, Explanation] = {}  # PLB2xx

MANIFESTS: dict[str, Explanation] = {  # PLB3xx
    "PLB390": Explanation(
        "Wave is not a number",
        "Annotation plumb.dev/wave of a manifest is not a whole number of at most six digits "
        "written as a string, so the object's place in the order is unknown.",
        'Write a whole number in quotes, as in plumb.dev/wave: "1"; leave it out for wave 0.',
    ),
}

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

SAFETY: dict[str, Explanation] = {}  # PLB5xx

APPLY: dict[str, Explanation] = {}  # PLB6xx

HEALTH: dict[str, Explanation] = {}  # PLB7xx

CODES: dict[str, Explanation] = {
    **SETTINGS, **GIT, **MANIFESTS, **CLUSTER, **SAFETY, **APPLY, **HEALTH,
}  # fmt: skip
