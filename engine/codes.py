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


SETTINGS: dict[str, Explanation] = {
    "PLB130": Explanation(
        "Two ways to name an application",
        "Both a file and a URL were given.",
        "Give -f, or --name with --url and --path.",
    ),
    "PLB131": Explanation(
        "No application named",
        "The command does not know which application is meant.",
        "Give a file with -f, or --name with --url and --path; plumb status lists what was "
        "synced before.",
    ),
    "PLB132": Explanation(
        "No service account to impersonate",
        "--impersonate acts as the application's serviceAccountName, and it has none.",
        "Set serviceAccountName in the Application, or leave --impersonate out.",
    ),
    "PLB133": Explanation(
        "No such application in the file",
        "A name on the command line is not in the files that were given.",
        "Use one of the names that are listed.",
    ),
    "PLB134": Explanation(
        "File cannot be read",
        "A file that was named on the command line cannot be opened.",
        "Check the path and its permissions.",
    ),
    "PLB136": Explanation(
        "Dependencies in a circle",
        "Each application has to come after those that it depends on, and these wait for one "
        "another.",
        "Take one of the dependencies out of dependsOn.",
    ),
    "PLB135": Explanation(
        "No such code",
        "plumb explain knows codes such as PLB301.",
        "plumb explain without a code lists them all.",
    ),
    # PLB1xx
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

GIT: dict[str, Explanation] = {  # PLB2xx
    "PLB201": Explanation(
        "Repository address cannot be used",
        "The address is empty, malformed, or of a kind that Plumb does not speak. Plumb speaks "
        "https://, http://, ssh://, git@host:path, file:// and plain paths.",
        "Write the address as one of these, without a query or a fragment.",
    ),
    "PLB202": Explanation(
        "Repository not found",
        "The server, or this machine, has no repository at that address. Many servers say the "
        "same of a private repository to somebody who may not see it.",
        "Correct the address; if the repository is private, give credentials that may read it.",
    ),
    "PLB203": Explanation(
        "Credentials needed",
        "The server wants to know who asks, and no user name and password, token or SSH key was "
        "given.",
        "Name a Secret in source.secretRef (username and password, token, or identity and "
        "known_hosts), or put user:password@ into the address on the command line.",
    ),
    "PLB204": Explanation(
        "Credentials refused",
        "The server knows neither this password, token or key, or they may not read the "
        "repository.",
        "Check that they are right, have not expired and carry the right to read. GitHub and "
        "GitLab take a token as the password of a user name such as x-access-token or oauth2.",
    ),
    "PLB205": Explanation(
        "Certificate not trusted",
        "The server's certificate has expired, is for another name, or is signed by an authority "
        "that is not known here.",
        "Renew the certificate, use the name it is for, or give the authority as ca.crt of the "
        "Secret. Given authorities replace those of the system.",
    ),
    "PLB206": Explanation(
        "SSH host key not known",
        "known_hosts holds no key for this host. Plumb never trusts a host key that nobody "
        "confirmed.",
        "Compare the fingerprint in the message with the one that the server's owner publishes, "
        "then add the line in the message to known_hosts.",
    ),
    "PLB207": Explanation(
        "SSH host key changed",
        "The server shows another key than the one in known_hosts, or one marked @revoked. "
        "Somebody may be listening in between.",
        "Ask whoever runs the server; if the key really changed, replace it in known_hosts.",
    ),
    "PLB208": Explanation(
        "SSH private key cannot be used",
        "The key is damaged, of an unknown kind, or encrypted with another passphrase.",
        "Give an Ed25519, ECDSA or RSA private key in OpenSSH's or PEM form, and its passphrase.",
    ),
    "PLB209": Explanation(
        "Git server cannot be reached",
        "The host name is not known, nothing listens there, or the connection breaks.",
        "Check the address, the network, the proxy settings and whether the server runs. What is "
        "in the cluster stays as it is meanwhile.",
    ),
    "PLB210": Explanation(
        "Git server too slow",
        "Listing and fetching together did not end within the time that one fetch may take.",
        "Try again, or allow it more time. A shallow fetch of a large repository needs more than "
        "later ones.",
    ),
    "PLB211": Explanation(
        "No smart Git server",
        "What answers is a web page, a login page, or a server of plain files. Plumb needs the "
        "smart HTTP protocol, which all Git hosts speak.",
        "Check the address with `git ls-remote`.",
    ),
    "PLB212": Explanation(
        "Redirect not followed",
        "The server sends the request to another place where these credentials must not go, to "
        "an unencrypted one, or in circles.",
        "Use the address it leads to, if that is the right one.",
    ),
    "PLB213": Explanation(
        "Proxy refuses",
        "The proxy that HTTPS_PROXY or HTTP_PROXY names is not there or refuses the connection.",
        "Correct those variables, or list the host in NO_PROXY.",
    ),
    "PLB214": Explanation(
        "Git server out of order",
        "The server answered with an error of its own, or with something that is not Git's "
        "protocol.",
        "Try again later. The server's own log says more.",
    ),
    "PLB215": Explanation(
        "Pack cut off or damaged",
        "What the server sent is incomplete or does not match its checksum. It was thrown away; "
        "the last good revision stays.",
        "Try again. If it stays so, run `git fsck` on the server.",
    ),
    "PLB216": Explanation(
        "Over a size cap",
        "The repository, one of its objects, or a file is larger than Plumb is told to take.",
        "Keep large files out of configuration repositories, or raise the cap.",
    ),
    "PLB217": Explanation(
        "Repository empty",
        "The repository has no branch and no tag.",
        "Push a first commit.",
    ),
    "PLB218": Explanation(
        "Branch or tag not found",
        "The repository was reached and has no branch or tag of that name. Nothing is deleted "
        "because of that.",
        "Push it, or correct the name.",
    ),
    "PLB219": Explanation(
        "Both a branch and a tag",
        "A branch and a tag have this name and point to different commits.",
        "Say which one: ref.branch or ref.tag, or refs/heads/... or refs/tags/... on the command "
        "line.",
    ),
    "PLB220": Explanation(
        "Ref cannot be used",
        "The version range is not understood or matches no tag, or a commit id is not complete.",
        "Write ranges like ^1.2, ~1.4, 1.x or >=1.0 <2; commit ids with all 40 digits. A "
        "pre-release counts only where the range names one.",
    ),
    "PLB221": Explanation(
        "Commit not found",
        "No branch and no tag of the repository leads to this commit.",
        "Push a branch or a tag that holds it, or correct the id.",
    ),
    "PLB222": Explanation(
        "Not a commit",
        "The branch, tag or id names a file, a folder or something else that is no commit.",
        "Let it point to a commit.",
    ),
    "PLB223": Explanation(
        "Path not found",
        "The commit was read completely and does not hold this path.",
        "Correct the path. Nothing is deleted because of that: an absent path is held like an "
        "empty one.",
    ),
    "PLB224": Explanation(
        "Path of another kind",
        "The path is a file where a folder is needed or the other way round, or a symbolic link "
        "or submodule, which are not followed.",
        "Name a folder, and keep the manifests themselves below it.",
    ),
    "PLB225": Explanation(
        "Folder or commit malformed",
        "A name in the folder is not allowed in Git (.., .git, not UTF-8, or there twice), or the "
        "object is not as Git writes it. Some tools would read it differently from others.",
        "Remove it from the repository; `git fsck` shows where it came from.",
    ),
    "PLB226": Explanation(
        "Object missing or damaged",
        "An object of the commit cannot be read, and fetching it again did not help. Missing is "
        "never taken for empty.",
        "Run `git fsck` on the repository. The cache folder may be deleted at any time.",
    ),
    "PLB227": Explanation(
        "Cache folder cannot be used",
        "The folder for fetched objects is read-only, full, or no folder.",
        "Free some space, or name another folder with --cache-dir.",
    ),
    "PLB228": Explanation(
        "Kind of repository not supported",
        "The repository uses SHA-256 ids or an extension that Plumb cannot read.",
        "Use a repository with SHA-1 ids, as all Git hosts make them.",
    ),
    "PLB229": Explanation(
        "Stopped",
        "Plumb was told to stop before the fetch was done. Nothing changed.",
        "Start it again.",
    ),
}

MANIFESTS: dict[str, Explanation] = {  # PLB3xx
    "PLB301": Explanation(
        "Not YAML",
        "The text at this place does not follow the rules of YAML, so nothing of this application "
        "is applied: half a file could delete half an application.",
        "Correct the place. Tabs do not indent, text that begins with a special character wants "
        "quotes, and templates have to be rendered before they are committed.",
    ),
    "PLB302": Explanation(
        "Not UTF-8",
        "Manifests are UTF-8 text. This file is in another encoding, or it holds bytes or control "
        "characters that no YAML may hold.",
        "Save the file as UTF-8. Put binary data into binaryData of a ConfigMap or data of a "
        "Secret, as base64.",
    ),
    "PLB303": Explanation(
        "Key is there twice",
        "One map holds the same key twice, and only one of the values would reach the cluster. "
        "Keys that YAML reads as the same value count as one: y, yes, on and true.",
        "Remove one of the two; quote a key that is meant as text. A merge key (<<) may be "
        "overridden.",
    ),
    "PLB304": Explanation(
        "Too large",
        "The file has more bytes, documents, levels or values than a manifest needs. Values that "
        "aliases repeat count each time. The caps keep one bad file from stopping everything.",
        "Split the file, use fewer aliases, or leave it out with .plumbignore.",
    ),
    "PLB305": Explanation(
        "Value has no JSON meaning",
        "Kubernetes turns YAML into JSON, which has no infinity and no keys that are null, a list "
        "or a map; or a tag such as !!int stands before something else.",
        "Quote the value or the key if it is meant as text; remove the tag otherwise.",
    ),
    "PLB306": Explanation(
        "Bad alias or merge",
        "An alias (*name) has no anchor (&name) before it in the same document, an anchor contains "
        "itself, or a merge key (<<) gets something that is not a map.",
        "Define the anchor above its use, in the same document: anchors end at ---.",
    ),
    "PLB307": Explanation(
        "Text behind a document separator",
        "Kubernetes allows only a comment behind --- on the same line and refuses the file "
        "otherwise. Each line that begins with --- is a separator, even inside a quoted string.",
        "Move the text to the next line, or indent it if it belongs to a value.",
    ),
    "PLB308": Explanation(
        "Not JSON",
        "The file begins as JSON and does not go on as JSON.",
        "Correct the place: JSON wants double quotes and no comma behind the last element.",
    ),
    "PLB310": Explanation(
        "Not an object",
        "A document of a manifest is a list or a single value, and Kubernetes knows objects only.",
        "Write a map with apiVersion, kind and metadata; leave other files out with .plumbignore.",
    ),
    "PLB311": Explanation(
        "No apiVersion or kind",
        "Without apiVersion and kind nobody can tell what the document is. Files that are no "
        "manifests (values, configuration) often look like this.",
        "Add both fields, or leave the file out with .plumbignore.",
    ),
    "PLB312": Explanation(
        "No name",
        "The object has no metadata.name, so it cannot be found again in the cluster.",
        "Add metadata.name.",
    ),
    "PLB313": Explanation(
        "Generated name",
        "metadata.generateName makes an object with another name at each sync, so the cluster "
        "would never be as Git wants it.",
        "Write metadata.name.",
    ),
    "PLB314": Explanation(
        "Bad name",
        "metadata.name or metadata.namespace is not text, or holds characters that the API server "
        "does not accept for this kind.",
        "Quote a number that is a name. Use lower-case letters, digits, hyphens and, in most "
        "kinds, dots.",
    ),
    "PLB315": Explanation(
        "Bad metadata",
        "metadata, labels or annotations are not maps, or the value of a label or annotation is "
        "not text: 1, true and yes are no strings in YAML.",
        'Quote the value, as in version: "1".',
    ),
    "PLB316": Explanation(
        "Directive of a patch",
        "$patch, $retainKeys and the like belong into strategic merge patches. Git holds whole "
        "objects, and Plumb works out the patch.",
        "Write the object as it should be.",
    ),
    "PLB317": Explanation(
        "Object is there twice",
        "Two manifests of one application define the same object (group, kind, namespace and "
        "name), so each would undo the other.",
        "Remove one of them; both places are named.",
    ),
    "PLB320": Explanation(
        "Same object twice",
        "Two manifests become the same object when the application's namespace is filled in.",
        "Remove one of the two, or give them different namespaces.",
    ),
    "PLB321": Explanation(
        "Unknown kind",
        "The API server does not serve this kind in this apiVersion, and no "
        "CustomResourceDefinition in the same commit defines it.",
        "Correct apiVersion and kind, or add the definition. The other objects are applied; "
        "nothing is deleted meanwhile.",
    ),
    "PLB322": Explanation(
        "Kind in doubt",
        "Discovery of the API group failed, so nobody knows whether the kind is there.",
        "kubectl get apiservices shows which API is not available. Nothing is deleted meanwhile.",
    ),
    "PLB323": Explanation(
        "Does not fit the schema",
        "A field is unknown, missing or of the wrong type according to the schema of the API "
        "server.",
        "Correct the field at the place that is named.",
    ),
    "PLB330": Explanation(
        "List element twice",
        "Two elements of a list have the same key, such as two ports of the same number and "
        "protocol or two variables of one name. Kubernetes tells them apart by that key, so one "
        "of them would get lost sooner or later (kubernetes#58477, #39188).",
        "Remove one of them, or give it another key.",
    ),
    "PLB340": Explanation(
        "Folder of another tool",
        "The folder holds kustomization.yaml or Chart.yaml: its files are input for Kustomize or "
        "Helm and not what should be applied.",
        "Commit what `kustomize build` or `helm template` prints and point the path there, or name "
        "the file in .plumbignore to render the other files as they are.",
    ),
    "PLB341": Explanation(
        "Link in the path",
        "A symbolic link or a submodule is in the path. Plumb follows neither: what they lead to "
        "is not part of this path.",
        "Commit the content itself, or name the link in .plumbignore.",
    ),
    "PLB342": Explanation(
        "Bad .plumbignore",
        "A .plumbignore file cannot be read, so nobody can tell what it leaves out.",
        "Write it as UTF-8 with patterns as in .gitignore.",
    ),
    "PLB343": Explanation(
        "Path is no manifest",
        "The path of the application is a file whose name does not end in .yaml, .yml or .json.",
        "Name a folder or a manifest.",
    ),
    "PLB344": Explanation(
        "Impossible path",
        "The path of the application is absolute, leads upwards, or holds backslashes or control "
        "characters, so it cannot be a path in a commit.",
        "Write it from the root of the repository with /, as in apps/shop.",
    ),
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

SAFETY: dict[str, Explanation] = {
    "PLB502": Explanation(
        "Record of a newer Plumb",
        "The record of what was applied last was written in a format that this version does "
        "not know. Writing to it would lose what it cannot read, so nothing was done.",
        "Use the newer version of Plumb, the one that wrote it.",
    ),
    "PLB503": Explanation(
        "Another sync is running",
        "The record is also a fence: whoever writes objects takes it first. Another process "
        "took it, or changed it while this one was at work, so this one stopped before its "
        "next write.",
        "Wait for the other sync and look at its result, then sync again. A sync that died is "
        "recognised after ten seconds without a sign of life.",
    ),
    "PLB504": Explanation(
        "Record too large",
        "What is noted about one group of objects does not fit into a ConfigMap, which holds "
        "1 MiB.",
        "Split the largest object in Git, or the application.",
    ),
    "PLB510": Explanation(
        "Record in Git",
        "A manifest carries the label plumb.dev/record. Whoever writes records decides what "
        "Plumb deletes, so they never come from an application.",
        "Remove the label from the manifest.",
    ),
    "PLB511": Explanation(
        "Cluster-scoped object refused",
        "The application has a targetNamespace, which keeps it inside that namespace, and the "
        "object has none.",
        "Set allowClusterScoped: true if the application may do that.",
    ),
    "PLB512": Explanation(
        "Namespace refused",
        "The object is outside the application's targetNamespace and allowedNamespaces.",
        "Add the namespace to allowedNamespaces if the application may write there, or "
        "correct metadata.namespace.",
    ),
    "PLB520": Explanation(
        "Controlled by another object",
        "The object has an ownerReference with controller: true, so another object makes and "
        "deletes it. Plumb neither adopts nor prunes such objects.",
        "Give the object in Git another name.",
    ),
    "PLB521": Explanation(
        "Owned by another application",
        "The record of another living application names this object. One of the two would "
        "undo what the other does, so the newcomer leaves it alone.",
        "Keep the object in one of the two applications. When the other one gives it up, the "
        "next sync takes it over without deleting it.",
    ),
    "PLB522": Explanation(
        "Managed by another tool",
        "The object carries the marks of Helm, Argo CD or Flux.",
        "Stop the other tool from managing it, then set the annotation plumb.dev/adopt: "
        "enabled in Git; it counts only from there.",
    ),
    "PLB530": Explanation(
        "State not read",
        "The object was neither found nor proven to be absent, so nothing can be decided about it.",
        "Sync again; if it stays, report it with the output of plumb diff -v.",
    ),
    "PLB531": Explanation(
        "Must be replaced",
        "A field was changed that the API server keeps as it was created. Only deleting the "
        "object and making it again brings Git's state about.",
        "Agree with --replace, or with the annotation plumb.dev/replace: enabled in Git. Mind "
        "what is lost with the object: its Pods, and the data of a volume claim.",
    ),
    "PLB532": Explanation(
        "Replacement of a foreign object refused",
        "The object would have to be deleted and made again, and it does not carry this "
        "application's mark.",
        "Delete it by hand if it may go, or bring Git in line with it.",
    ),
    "PLB543": Explanation(
        "Waits for another application",
        "dependsOn names an application of the same file that could not be brought in place or did "
        "not become healthy, so nothing was written for this one.",
        "Mend the other application; the next sync goes on with this one.",
    ),
    "PLB540": Explanation(
        "Suspended",
        "The Application says suspend: true, so it is not synced.",
        "Set suspend: false. plumb diff shows what a sync would do meanwhile.",
    ),
    "PLB541": Explanation(
        "No record of this application",
        "Nothing was ever applied under that namespace and name, or it is deleted already.",
        "plumb status lists the applications of this cluster; -n chooses the namespace.",
    ),
    "PLB542": Explanation(
        "Not everything is gone yet",
        "Some objects are still being deleted, or could not be read or deleted. The record is "
        "kept so that they are not forgotten.",
        "Look which finalizers they wait for, and run plumb delete again later.",
    ),
    # PLB5xx
    "PLB590": Explanation(
        "Patch does not apply",
        "A JSON Patch met a document it was not made for: one of its guards failed, or the place "
        "of a change is not there any more.",
        "Read the object again and plan anew; Plumb does so by itself during a sync.",
    ),
}

APPLY: dict[str, Explanation] = {
    "PLB690": Explanation(
        "A bug in Plumb",
        "Something happened that the code does not expect. The application that it happened to is "
        "left as it is; the others went on.",
        "Report it with the lines that were printed; they hold no values of your objects.",
    ),
}  # PLB6xx

HEALTH: dict[str, Explanation] = {
    "PLB701": Explanation(
        "Not healthy in time",
        "What was applied did not become healthy within the timeout. It stays applied, and "
        "what would have been deleted stays.",
        "Look at the objects that are named; give a slow one more time with --timeout.",
    ),
    "PLB702": Explanation(
        "Cannot become healthy",
        "An object has been degraded for a while: it will not become healthy by waiting.",
        "Read the message of the object, mend it in Git, and sync again.",
    ),
    "PLB703": Explanation(
        "Not gone in time",
        "With deletionPolicy wait, some objects were still there when the time was over, "
        "mostly because of finalizers.",
        "Look which finalizers they wait for, and run plumb delete again later.",
    ),
}  # PLB7xx

CODES: dict[str, Explanation] = {
    **SETTINGS, **GIT, **MANIFESTS, **CLUSTER, **SAFETY, **APPLY, **HEALTH,
}  # fmt: skip
