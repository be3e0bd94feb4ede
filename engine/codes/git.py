"""PLB2xx: repositories, refs, what is in a commit."""

from __future__ import annotations

from engine.codes.explanation import Explanation

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
    "PLB230": Explanation(
        "Branch has moved",
        "Between reading the branch and pushing to it, somebody else pushed. Nothing was "
        "overwritten, and nothing of ours was pushed.",
        "Plumb reads the branch again and makes its change anew; this is only seen when the time "
        "was up first.",
    ),
    "PLB231": Explanation(
        "Push refused",
        "The server reached a decision and it is no: a protected branch, a hook, a rule, or "
        "credentials that may read and not write.",
        "Push to another branch and let it be merged (--branch with --pull-request), or ask for "
        "the right to push to this one.",
    ),
    "PLB232": Explanation(
        "Branch is checked out",
        "The repository is a folder with files, and this branch is what they show. Moving it "
        "would leave the files behind.",
        "Push to a bare repository, or to another branch.",
    ),
    "PLB240": Explanation(
        "No clone here",
        "Revisions are compared in a clone on this machine, and there is none around this folder.",
        "Run the command inside of a clone, or name one with --repo.",
    ),
    "PLB241": Explanation(
        "No such revision in the clone",
        "Plumb reads the clone as it is and fetches nothing. The branch, tag or commit was not "
        "fetched into it, or does not exist.",
        "Run the fetch that the message prints, or correct the name.",
    ),
    "PLB242": Explanation(
        "Clone too shallow",
        "The clone has only the newest commits, or only some of the files, and the comparison "
        "needs what lies behind. CI systems clone like this to save time.",
        "Run the fetch that the message prints, or clone with more history (fetch-depth: 0 in "
        "GitHub Actions, GIT_DEPTH: 0 in GitLab CI).",
    ),
    "PLB243": Explanation(
        "Nothing in common",
        "The two revisions have no commit in common, so there is no merge base.",
        "Compare them with --base instead of --merge-base.",
    ),
    "PLB244": Explanation(
        "Short id is not unique",
        "Several commits begin with these digits.",
        "Write more digits of the commit id.",
    ),
    "PLB245": Explanation(
        "File of the folder cannot be read",
        "With --worktree the files are read as they lie there, and one of them cannot be.",
        "Check its permissions, or leave it out with .gitignore.",
    ),
}
