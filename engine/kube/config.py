"""Which API server, and as whom: kubeconfigs as people have them, or the Pod's service account.

Belongs here: finding, merging and checking kubeconfigs, as kubectl does. Not here: renewing
credentials (credentials.py) and sending requests (client.py).
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pykube.config import KubeConfig
from pykube.exceptions import PyKubeError
from requests.utils import get_environ_proxies, select_proxy

from engine.errors import SettingsError
from engine.kube import kubeconfig as files
from engine.kube.credentials import (
    PLUGIN_GROUP,
    PLUGIN_VERSIONS,
    Certificate,
    Credentials,
    Plugin,
    PluginCredentials,
    TokenFile,
    basic,
    bearer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.model import JSON

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
PROXY_SCHEMES: Final = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Connection:
    """One API server and one identity, checked as far as it can be without a request.

    ``name`` is the context, ``user`` the kubeconfig's name for the identity, ``namespace`` the
    context's. ``ca`` None means the certificates that the system trusts; ``proxy`` "" is direct.
    """

    name: str
    server: str
    namespace: str = "default"
    user: str = ""
    credentials: Credentials = field(default_factory=Credentials, repr=False)
    ca: bytes | None = field(default=None, repr=False)
    verify: bool = True
    tls_server_name: str = ""
    proxy: str = field(default="", repr=False)
    compress: bool = True
    impersonate: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    config: KubeConfig | None = field(default=None, repr=False, compare=False)

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return _is_loopback(urlsplit(self.server).hostname or "")


def load(
    *, kubeconfig: str | None = None, context: str | None = None, allow_exec: bool = True
) -> Connection:
    """Find the API server as kubectl would: ``kubeconfig``, KUBECONFIG, ~/.kube/config, the Pod.

    ``kubeconfig`` is one path and has to exist; KUBECONFIG may be a list. ``allow_exec`` False
    refuses credential plugins, as the daemon does. Raises SettingsError.
    """
    found = files.read(kubeconfig)
    if found.files:
        return from_document(found, context=context, allow_exec=allow_exec)
    if is_in_cluster():
        return in_cluster()
    raise SettingsError(
        "PLB450",
        "no kubeconfig was found",
        where=", ".join(found.missing),
        hint="name one with --kubeconfig or KUBECONFIG",
    )


def is_in_cluster(service_account: Path = SERVICE_ACCOUNT) -> bool:
    """Whether this process runs in a Pod that may talk to its API server."""
    return bool(
        os.environ.get("KUBERNETES_SERVICE_HOST")
        and os.environ.get("KUBERNETES_SERVICE_PORT")
        and (service_account / "token").is_file()
    )


def in_cluster(service_account: Path = SERVICE_ACCOUNT) -> Connection:
    """Connect as the Pod's service account; its token is read again each minute."""
    try:
        config = KubeConfig.from_service_account(str(service_account))  # type: ignore[no-untyped-call]
        ca = config.cluster["certificate-authority"].bytes()
    except (OSError, PyKubeError) as error:
        raise SettingsError(
            "PLB454",
            "the Pod's service account cannot be read",
            where=str(service_account),
            why=getattr(error, "strerror", None) or "a file is missing",
            hint="check automountServiceAccountToken of the Pod",
        ) from None
    return Connection(
        name="in-cluster",
        server=config.cluster["server"],
        namespace=config.namespace.strip() or "default",
        user="service account of the Pod",
        credentials=TokenFile(service_account / "token"),
        ca=ca,
        config=config,
    )


def from_document(
    found: files.Found, *, context: str | None = None, allow_exec: bool = True
) -> Connection:
    """Check one context of a merged kubeconfig and everything it names."""
    name = context or found.current
    where = found.where
    chosen = _named(found.contexts, name, "context", where)
    cluster_name, user_name = str(chosen.get("cluster", "")), str(chosen.get("user", ""))
    cluster = _named(found.clusters, cluster_name, "cluster", where, context=name)
    user = _named(found.users, user_name, "user", where, context=name) if user_name else {}
    config = _config(name, chosen, cluster=(cluster_name, cluster), user=(user_name, user),
                     where=where)  # fmt: skip
    server = str(cluster.get("server") or "")
    if not _is_usable(server):
        raise SettingsError(
            "PLB453",
            f"cluster {cluster_name!r} has no usable `server`",
            where=where,
            hint="it has to be a URL that begins with https://",
        )
    return Connection(
        name=name,
        server=server.rstrip("/"),
        namespace=str(chosen.get("namespace") or "default"),
        user=user_name,
        credentials=_credentials(config, allow_exec=allow_exec, where=where, cluster=cluster),
        ca=_pem(config.cluster, "certificate-authority", where) if _has_ca(cluster) else None,
        verify=not cluster.get("insecure-skip-tls-verify"),
        tls_server_name=str(cluster.get("tls-server-name") or ""),
        proxy=_proxy(server, str(cluster.get("proxy-url") or ""), where),
        compress=not cluster.get("disable-compression"),
        impersonate=_impersonation(user),
        config=config,
    )


def _config(
    name: str, context: JSON, *, cluster: tuple[str, JSON], user: tuple[str, JSON], where: str
) -> KubeConfig:
    """Hand the chosen entries to pykube, and no others: it opens the files of all it gets."""
    old = user[1].get("auth-provider")
    if old:
        raise SettingsError(
            "PLB456",
            f"auth-provider {old.get('name', '')!r} is not supported",
            where=where,
            why="Kubernetes removed auth-provider in 1.26",
            hint="use the exec credential plugin of your provider",
        )
    config = KubeConfig(  # type: ignore[no-untyped-call]
        {
            "clusters": [{"name": cluster[0], "cluster": cluster[1]}],
            "users": [{"name": user[0], "user": user[1]}],
            "contexts": [{"name": name, "context": context}],
            "current-context": name,
        }
    )
    try:
        _ = config.user, config.cluster
    except PyKubeError as error:
        raise SettingsError(
            "PLB454",
            "a certificate or key that the kubeconfig names cannot be read",
            where=where,
            why=str(error),
            hint="check the paths in the kubeconfig",
        ) from None
    return config


def _named(
    entries: Mapping[str, JSON], name: str, noun: str, where: str, *, context: str = ""
) -> JSON:
    if name in entries:
        return entries[name]
    there = ", ".join(sorted(entries)) or "none"
    near = get_close_matches(name, list(entries), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there: {there}"
    if noun == "context" and not name:
        what, hint = "no context is chosen", f"pass --context; there: {there}"
    elif noun == "context":
        what = f"there is no context {name!r}"
        hint = f"{hint} there: {there}" if near else hint
    else:
        what = f"context {context!r} names the {noun} {name!r}, which is not there"
    raise SettingsError("PLB452" if noun == "context" else "PLB453", what, where=where, hint=hint)


# --- credentials -----------------------------------------------------------------------------


def _credentials(config: KubeConfig, *, allow_exec: bool, where: str, cluster: JSON) -> Credentials:
    """Take the first of token, user name, plugin, as client-go; a certificate goes with any."""
    user = config.user
    certificate = _client_certificate(config, where)
    if user.get("tokenFile"):
        fallback = str(user.get("token") or "")
        return TokenFile(Path(user["tokenFile"]), fallback=fallback, certificate=certificate)
    if user.get("token"):
        return Credentials(bearer(str(user["token"]), where=where), certificate=certificate)
    if user.get("username"):
        authorization = basic(str(user["username"]), str(user.get("password") or ""))
        return Credentials(authorization, certificate=certificate)
    if user.get("exec"):
        plugin = _plugin(user["exec"], cluster, config, where)
        if not allow_exec:
            raise SettingsError(
                "PLB456",
                "credential plugins are refused here: they run commands",
                where=where,
                hint="give this process a service account, a token file or a certificate",
            )
        return PluginCredentials(plugin, certificate=certificate)
    return Credentials(certificate=certificate)


def _client_certificate(config: KubeConfig, where: str) -> Certificate | None:
    keys = [k for k in ("client-certificate", "client-key") if k in config.user]
    if not keys:
        return None
    if len(keys) == 1:
        other = "client-key" if keys == ["client-certificate"] else "client-certificate"
        raise SettingsError(
            "PLB454", f"the user has {keys[0]} and no {other}", where=where, hint=f"add {other}"
        )
    return Certificate(_pem(config.user, keys[0], where), _pem(config.user, keys[1], where))


def _plugin(spec: JSON, cluster: JSON, config: KubeConfig, where: str) -> Plugin:
    version = str(spec.get("apiVersion") or "")
    if version not in PLUGIN_VERSIONS:
        raise SettingsError(
            "PLB456",
            f"credential plugins of version {version!r} are not supported",
            where=where,
            hint=f"update the plugin and its entry; {' and '.join(PLUGIN_VERSIONS)} work",
        )
    default = "" if version.endswith("/v1") else "IfAvailable"
    interactive = str(spec.get("interactiveMode") or default)
    command = str(spec.get("command") or "")
    if interactive not in {"Never", "IfAvailable", "Always"} or not command:
        missing = "command" if not command else "interactiveMode (Never, IfAvailable or Always)"
        raise SettingsError(
            "PLB456", f"the user's exec section has no valid {missing}", where=where,
            hint="correct it in the kubeconfig",
        )  # fmt: skip
    told = _told_to_plugin(cluster, config, where) if spec.get("provideClusterInfo") else None
    return Plugin(
        api_version=version,
        command=command,
        args=tuple(str(a) for a in spec.get("args") or ()),
        env={str(e["name"]): str(e.get("value", "")) for e in spec.get("env") or ()},
        interactive=interactive,
        install_hint=str(spec.get("installHint") or ""),
        cluster=told,
        where=where,
    )


def _told_to_plugin(cluster: JSON, config: KubeConfig, where: str) -> JSON:
    kept = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url",
            "disable-compression")  # fmt: skip
    told = {key: cluster[key] for key in kept if cluster.get(key)}
    if _has_ca(cluster):
        pem = _pem(config.cluster, "certificate-authority", where)
        told["certificate-authority-data"] = base64.b64encode(pem).decode()
    for extension in cluster.get("extensions") or ():
        if extension.get("name") == f"{PLUGIN_GROUP}/exec":
            told["config"] = extension.get("extension")
    return told


def _impersonation(user: JSON) -> dict[str, tuple[str, ...]]:
    headers: dict[str, tuple[str, ...]] = {}
    if user.get("as"):
        headers["Impersonate-User"] = (str(user["as"]),)
    if user.get("as-uid"):
        headers["Impersonate-Uid"] = (str(user["as-uid"]),)
    if user.get("as-groups"):
        headers["Impersonate-Group"] = tuple(str(g) for g in user["as-groups"])
    for key, values in (user.get("as-user-extra") or {}).items():
        headers[f"Impersonate-Extra-{key}"] = tuple(str(v) for v in values)
    return headers


# --- files and proxies -----------------------------------------------------------------------


def _has_ca(cluster: JSON) -> bool:
    return bool(cluster.get("certificate-authority") or cluster.get("certificate-authority-data"))


def _pem(entry: JSON, key: str, where: str) -> bytes:
    """Return what pykube found under ``key``, in a file or as data."""
    why, hint = "", f"check {key} and {key}-data in the kubeconfig"
    try:
        content: bytes = entry[key].bytes()
    except OSError as error:
        why = error.strerror or "not readable"
    except (binascii.Error, ValueError):
        why = "the data is not base64"
    else:
        if b"-----BEGIN" in content:
            return content
        why = "it is not PEM"
    raise SettingsError("PLB454", f"{key} cannot be read", where=where, why=why, hint=hint)


def _proxy(server: str, configured: str, where: str) -> str:
    proxy = configured
    if not proxy and not _is_loopback(urlsplit(server).hostname or ""):
        # requests reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY in both spellings, CIDR included.
        proxy = select_proxy(server, get_environ_proxies(server)) or ""
    if not proxy:
        return ""
    scheme = urlsplit(proxy).scheme.lower()
    if scheme not in PROXY_SCHEMES or not urlsplit(proxy).hostname:
        raise SettingsError(
            "PLB457",
            "the proxy's URL cannot be used",
            where=where if configured else "HTTPS_PROXY",
            hint=f"it has to begin with one of {', '.join(f'{s}://' for s in PROXY_SCHEMES)}",
        )
    return proxy


def _is_usable(server: str) -> bool:
    try:
        parts = urlsplit(server)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an IPv6 address that is none
        return False


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
