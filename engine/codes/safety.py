"""PLB5xx: plans, ownership, the record, what safety rules refuse."""

from __future__ import annotations

from engine.codes.explanation import Explanation

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
    "PLB513": Explanation(
        "Kind that cannot be kept in Git",
        "The API server does not let objects of this kind be made, read, listed, patched and "
        "deleted. A TokenReview only answers, and a Binding only happens; neither is there "
        "afterwards, so nothing can be compared with Git.",
        "Remove it from the path. kubectl create sends such a request once.",
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
    "PLB544": Explanation(
        "Nothing to delete an application by",
        "The record of the application cannot be read as one, so nobody can tell what it owns. "
        "Deleting the record now would leave its objects behind, marked and forgotten.",
        "Run plumb sync: it rebuilds the record from Git and from the marks on the objects, and "
        "deletes nothing. Then delete the application.",
    ),
    "PLB551": Explanation(
        "Looked after by a daemon",
        "There is an Application resource of this name that is not suspended, or a daemon is at "
        "work on it: what plumb sync writes, the daemon would take back or write once more.",
        "Change it in Git and run plumb reconcile; or plumb suspend it first; or, knowing that the "
        "daemon goes on as well, give --take-over.",
    ),
    "PLB550": Explanation(
        "Not the active replica",
        "Several daemons may run, and one of them at a time holds the Lease and writes. This one "
        "does not hold it, or could not renew it in time: it was frozen, or cut off from the API "
        "server.",
        "Nothing: the replica that holds the Lease goes on, and this one waits for its turn. If "
        "it happens often, look at the API server's answer times and at the Pod's CPU limit.",
    ),
    # PLB5xx
    "PLB590": Explanation(
        "Patch does not apply",
        "A JSON Patch met a document it was not made for: one of its guards failed, or the place "
        "of a change is not there any more.",
        "Read the object again and plan anew; Plumb does so by itself during a sync.",
    ),
}
