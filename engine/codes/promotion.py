"""PLB8xx: promotion, rollback, pull requests."""

from __future__ import annotations

from engine.codes.explanation import Explanation

PROMOTION: dict[str, Explanation] = {
    "PLB801": Explanation(
        "Not an image to promote",
        "--image wants the name of an image and the reference to put in its place. A reference "
        "without tag and digest is refused: what it means changes behind Git's back.",
        "Write --image NAME=REF, as in registry.example/web=registry.example/web:1.4.2, or REF "
        "alone when the name stays.",
    ),
    "PLB802": Explanation(
        "Not a setting",
        "--set wants a path and a value. The path names keys and list elements, or is a JSON "
        "pointer, or the name of a setter comment.",
        "Write --set spec.replicas=3, --set 'containers[name=web].image=...', --set /a/b=1, or "
        "--set values.yaml:image.tag=1.4.2 to name the file, too.",
    ),
    "PLB810": Explanation(
        "File not safe to edit",
        "The file can be read, but not every byte of it could be assigned to a value: it is JSON "
        "that is no YAML, or holds several JSON documents without a separator.",
        "Write it as YAML documents that --- separates.",
    ),
    "PLB811": Explanation(
        "Edit refused",
        "Every edit is checked by reading the file before and after it. This one would have "
        "changed something else, or the value is spread over several lines of a block. Nothing "
        "was changed.",
        "Write the value on one line, or edit this file by hand.",
    ),
    "PLB812": Explanation(
        "Image written in parts that do not fit",
        "The image is written as name, tag and digest, and a part that the new reference needs is "
        "not there, or one that is there would win over it. Promotion changes bytes that are "
        "there and adds no keys.",
        "Add or remove that key in the file once, by hand.",
    ),
    "PLB813": Explanation(
        "Setter comment wants a part that is missing",
        "A line is marked with plumb-set: NAME:tag or NAME:digest, and the reference has none.",
        "Promote a reference that has it, or change the comment.",
    ),
    "PLB814": Explanation(
        "One place, two values",
        "Two of the wishes mean the same place and want different values there.",
        "Leave one of them out.",
    ),
    "PLB815": Explanation(
        "Value of a Secret",
        "--set would write a value of a Secret, and the command line, the message of the commit "
        "and the log of the build would show it.",
        "Change it where your Secrets are made.",
    ),
}
