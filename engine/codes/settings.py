"""PLB1xx: Application documents, flags, files."""

from __future__ import annotations

from engine.codes.explanation import Explanation

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
    "PLB140": Explanation(
        "No Application resources",
        "The cluster does not know the kind Application: its CustomResourceDefinition is not "
        "there, so no daemon can have been told anything by it.",
        "Install the daemon; or work with a file: plumb sync -f, plumb status -f.",
    ),
    "PLB141": Explanation(
        "Nothing to watch",
        "--watch follows what the daemon says of Application resources. Comparing with Git over "
        "and over, as -f and --url would, is the daemon's work.",
        "Leave out --watch, or -f and --url.",
    ),
    "PLB137": Explanation(
        "No service account to act as",
        "An Application outside Plumb's own namespace would be carried out with Plumb's rights, "
        "which are wider than those of whoever may write Applications there.",
        "Name one of the namespace's accounts in spec.serviceAccountName, or start plumb run with "
        "--default-service-account.",
    ),
    "PLB138": Explanation(
        "--exit-code without an end",
        "A daemon runs until it is stopped, so it has no differences to report at its end.",
        "Use it with --once --dry-run.",
    ),
    "PLB135": Explanation(
        "No such code",
        "plumb explain knows codes such as PLB301.",
        "plumb explain without a code lists them all.",
    ),
    "PLB150": Explanation(
        "Form of output not offered",
        "Not every command can tell its result in every form.",
        "Use one of the forms that the message lists; docs/commands.md has all.",
    ),
    "PLB151": Explanation(
        "Two forms on standard output",
        "Several forms were asked for, and more than one names no file.",
        "Give all but one a file: -o markdown=report.md -o json.",
    ),
    "PLB152": Explanation(
        "Report cannot be written",
        "The file that -o names cannot be opened for writing. What the command did is done.",
        "Make its folder, or name another file.",
    ),
    "PLB153": Explanation(
        "Options that do not go together",
        "Two of the options say different things about what is compared.",
        "Leave one of them out; the message says what each is for.",
    ),
    "PLB154": Explanation(
        "Another repository is needed",
        "The Application document changed, and its repository is not the clone that is compared. "
        "Without it nobody can say what the change does, so the report is not complete.",
        "Clone it beside this one and give --map URL=PATH.",
    ),
    "PLB155": Explanation(
        "No Application in either revision",
        "Without Application documents there is nothing to compare: they say which folder goes "
        "where.",
        "Name their files with -f, as they are called in the repository; or commit them.",
    ),
    "PLB156": Explanation(
        "No application of this repository",
        "The Application, or every one that was found, reads a repository that is no remote of "
        "this clone.",
        "If the clone is reached under another address, give --map URL=. with the address that "
        "the Applications use.",
    ),
    "PLB157": Explanation(
        "File outside of the clone",
        "With --base and --head, -f is read from both revisions and not from the disk.",
        "Name a path inside of the clone; --repo names another clone.",
    ),
    "PLB158": Explanation(
        "Nothing to validate",
        "There is no folder and no file of this name.",
        "Name one that is there; with --head, as it is called in that revision.",
    ),
    "PLB159": Explanation(
        "Not a version of Kubernetes",
        "--kubernetes-version names the release whose API versions count.",
        "Write its first two numbers, as in 1.31.",
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
    "PLB160": Explanation(
        "Not an address to listen on",
        "--listen takes HOST:PORT. The host is an address of this machine; left out, it is all of "
        "them.",
        "Write 127.0.0.1:8080 for this machine alone, or :8080 for everybody who can reach it.",
    ),
    "PLB161": Explanation(
        "Cannot listen there",
        "The address is not this machine's, or another process has the port already.",
        "Name another port, or end the process that has this one.",
    ),
    "PLB162": Explanation(
        "Plumb's manifests are missing or odd",
        "This copy of Plumb does not hold the manifests that it is installed with.",
        "Install Plumb again from a wheel, or use kubectl apply -k with the source tree.",
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
