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
    "PLB803": Explanation(
        "No such placeholder",
        "The template of the commit's message has a word in braces that means nothing.",
        "Use {image}, {name}, {version}, {path}, {edits}, {source}, {build} or {actor}.",
    ),
    "PLB804": Explanation(
        "Promotion not described",
        "The command does not know what to promote or where, or two options exclude each other.",
        "Give --image or --set, and --url with --path, or -f with an Application document.",
    ),
    "PLB805": Explanation(
        "Author or trailer malformed",
        "A commit needs an author as Name <mail>, and a trailer is KEY=VALUE with a key of "
        "letters, digits and dashes.",
        "Correct the option that the message names.",
    ),
    "PLB806": Explanation(
        "Application not in the repository",
        "--app looks for an Application document of that name in the repository, and there is "
        "none, several, or one whose source is another repository.",
        "Give the file with -f, or --path instead.",
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
    "PLB820": Explanation(
        "No place found",
        "Nothing below the path names the image, or has the path that --set wants. Promotion "
        "changes values that are there and adds none.",
        "Correct the name or --path. A line that names the image in a way of its own can be marked "
        "with a comment: # plumb-set: NAME, or NAME:tag, NAME:digest.",
    ),
    "PLB831": Explanation(
        "Always too late",
        "Others pushed to the branch again and again until the time was up. Each time the change "
        "was made anew on what they pushed, and nothing was overwritten.",
        "Allow more time with --timeout, or run the command again.",
    ),
    "PLB840": Explanation(
        "Newer promotion is there",
        "The image that is there was promoted later than the one that is wanted: the wanted one "
        "was there before and was replaced or rolled back, its source commit is older, or its "
        "version is lower. A pipeline that comes late must not take a newer one back.",
        "Give --allow-downgrade when going back is what you want; plumb rollback says so, too.",
    ),
    "PLB841": Explanation(
        "Changed while it was rolled back",
        "After the rollback had looked at the path, somebody changed it. Undoing a change that "
        "nobody has seen is not what was asked for.",
        "Look at plumb history, and decide again.",
    ),
    "PLB842": Explanation(
        "Nothing there at that commit",
        "The path did not exist at the commit to go back to, so a rollback would remove it.",
        "Name a later commit with --to, or remove the path by hand.",
    ),
    "PLB843": Explanation(
        "No state to go back to",
        "The commit is not among the newest ones of the branch, or none of those changed the path.",
        "Take a commit from plumb history, and name it with --to.",
    ),
    "PLB844": Explanation(
        "Rolled back already",
        "The last change of the path was a rollback. Undoing that would bring back what it undid.",
        "Name the commit to go to with --to, or promote something newer.",
    ),
    "PLB850": Explanation(
        "Signing key cannot be used",
        "The key is damaged, encrypted with another passphrase, or of a kind that SSH signatures "
        "do not know.",
        "Give an Ed25519, ECDSA or RSA private key, and its passphrase in PLUMB_SIGN_PASSPHRASE.",
    ),
    "PLB860": Explanation(
        "No place for a pull request",
        "Whether the server is GitHub, GitLab or Gitea cannot be told from its name, or the "
        "address names no owner and repository.",
        "Give --forge, and --forge-url where the REST interface is not at its usual place.",
    ),
    "PLB861": Explanation(
        "Forge refuses the token",
        "The server that takes pull requests does not know the token, or it may not open any. The "
        "branch is pushed.",
        "Give a token with that right in PLUMB_FORGE_TOKEN, and run the command again: it finds "
        "the branch as it is.",
    ),
    "PLB862": Explanation(
        "Forge does not open it",
        "The server answers, and neither opens the pull request nor lists an open one. The branch "
        "is pushed.",
        "Check --forge and the address; open the pull request by hand if the branch is right.",
    ),
    "PLB863": Explanation(
        "Forge cannot be reached",
        "The REST interface does not answer. The branch is pushed.",
        "Check --forge-url, the network and the proxy settings, and run the command again.",
    ),
    "PLB864": Explanation(
        "No token for the forge",
        "Pull requests are opened through a REST interface, which wants a token.",
        "Give --forge-token-file or set PLUMB_FORGE_TOKEN; a token for Git is used, too.",
    ),
}
