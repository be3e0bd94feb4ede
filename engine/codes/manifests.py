"""PLB3xx: manifests, their YAML, their kinds and fields."""

from __future__ import annotations

from engine.codes.explanation import Explanation

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
    # Findings of plumb validate beside the errors above.
    "PLB351": Explanation(
        "Unknown field",
        "The kind has no field of this name. The API server would refuse the object; without "
        "strict validation it would drop the field without a word.",
        "Correct the name (the message says what is close) or remove the field.",
    ),
    "PLB352": Explanation(
        "Wrong type of a field",
        "The field holds another type than its schema says, for example a number where a text "
        "belongs.",
        "Write the value as the message says; texts that look like numbers need quotes.",
    ),
    "PLB353": Explanation(
        "Required field missing",
        "The schema of the kind requires a field that is not there.",
        "Add it.",
    ),
    "PLB354": Explanation(
        "Element twice in a list",
        "Elements of this list are told apart by a key, and two have the same one. The API server "
        "would lose one of them.",
        "Remove or rename one of them.",
    ),
    "PLB355": Explanation(
        "Kind without a schema",
        "The kind is not built in, and no CustomResourceDefinition of the tree defines it, so its "
        "fields are not checked.",
        "Commit its CustomResourceDefinition, or correct apiVersion and kind.",
    ),
    "PLB360": Explanation(
        "API version that is gone",
        "Kubernetes does not serve this API version any more in the release that is meant.",
        "Use the one that the message names; --kubernetes-version says which release is meant.",
    ),
    "PLB361": Explanation(
        "API version that is deprecated",
        "Kubernetes still serves this API version and has said from when on it will not.",
        "Move to the one that the message names before the cluster is upgraded.",
    ),
    "PLB362": Explanation(
        "Image tag that moves",
        "The image has no tag or one that stands for whatever is newest, so Git does not say what "
        "runs, and a rollback brings nothing back.",
        "Name a version, or better a digest.",
    ),
    "PLB363": Explanation(
        "Secret in plain text",
        "The Secret's values stand in Git for everybody who may read it, and in every clone. "
        "base64 is no encryption.",
        "Let an operator make the Secret (Sealed Secrets, External Secrets, SOPS), and change the "
        "value if it was pushed. --ignore PLB363 leaves this out.",
    ),
}
