"""Application documents, flags and Git credentials: what is accepted, and where problems are."""

from __future__ import annotations

import base64
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import settings
from engine.codes import CODES
from engine.errors import PlumbError, SettingsError
from engine.model import JSON, Application, Credentials, GitRef, IgnoreRule, MaxPrune, Source
from engine.settings import values

_FULL = """\
apiVersion: plumb.dev/v1alpha1
kind: Application
metadata:
  name: shop
  namespace: plumb-system
  annotations: {plumb.dev/confirm-prune: 0123456789abcdef}
spec:
  source:
    url: https://git.example/config.git
    ref: {branch: main}
    path: ./apps//shop/
    secretRef: {name: git-auth}
  targetNamespace: shop
  allowedNamespaces: [shop-jobs]
  allowClusterScoped: true
  createNamespace: true
  serviceAccountName: shop-deployer
  interval: 1m30s
  prune: false
  maxPrune: {objects: 0, percent: 100}
  deletionPolicy: wait
  drift: report
  wait: false
  timeout: 90s
  suspend: true
  dependsOn: [{name: database}]
  ignore:
  - {group: apps, kind: Deployment, name: web, namespace: shop, paths: [/spec/replicas]}
  - {paths: ["/spec/template/spec/containers/[name=web]/image"]}
"""

_HEAD = "apiVersion: plumb.dev/v1alpha1\nkind: Application\nmetadata: {name: shop}\n"


def _read(text: str, *, path: str = "apps/shop.yaml") -> list[Application]:
    return settings.applications(text.encode(), path=path, namespace="plumb-system")


def _problems(text: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        _read(text)
    found: list[PlumbError] = [caught.value, *caught.value.others]
    assert all(error.code in CODES for error in found)
    return [f"{error.code} {error}" for error in found]


# --- documents -------------------------------------------------------------------------------


def test_every_field_of_a_document_is_read() -> None:
    (found,) = _read(_FULL)
    expected = Application(
        name="shop",
        namespace="plumb-system",
        confirm="0123456789abcdef",
        source=Source(
            url="https://git.example/config.git",
            ref=GitRef("branch", "main"),
            path="apps/shop",
            secret_ref="git-auth",  # noqa: S106 - the name of a Secret
        ),
        target_namespace="shop",
        allowed_namespaces=("shop-jobs",),
        allow_cluster_scoped=True,
        create_namespace=True,
        service_account_name="shop-deployer",
        interval_s=90.0,
        prune=False,
        max_prune=MaxPrune(objects=0, percent=100),
        deletion_policy="wait",
        drift="report",
        wait=False,
        timeout_s=90.0,
        suspend=True,
        depends_on=("database",),
        ignore=(
            IgnoreRule(("/spec/replicas",), "Deployment", "apps", "web", "shop"),
            IgnoreRule(("/spec/template/spec/containers/[name=web]/image",)),
        ),
    )
    assert found == expected
    assert found.document["metadata"]["name"] == "shop"


def test_the_table_above_sets_every_field_to_something_else_than_its_default() -> None:
    (found,) = _read(_FULL)
    plain = Application(name="", namespace="", source=Source(""))
    same = {f.name for f in dataclasses.fields(found) if f.compare} - {
        f.name
        for f in dataclasses.fields(found)
        if f.compare and getattr(found, f.name) != getattr(plain, f.name)
    }
    of_resources = {"origin", "uid", "status_id", "generation", "requested_at", "is_terminating"}
    assert same == of_resources | {"finalizers"}


def test_a_short_document_takes_the_defaults_of_the_model() -> None:
    (found,) = _read(_HEAD + "spec: {source: {url: 'https://git.example/x.git'}}\n")
    assert found == Application("shop", "plumb-system", Source("https://git.example/x.git"))


def test_null_is_the_same_as_absent() -> None:
    text = _HEAD + (
        "spec:\n  source: {url: 'https://git.example/x.git', ref: , path: , secretRef: }\n"
        "  maxPrune:\n  prune:\n  interval:\n  dependsOn:\n  ignore:\n"
    )
    assert _read(text) == [Application("shop", "plumb-system", Source("https://git.example/x.git"))]


def test_a_file_may_hold_several_and_what_the_server_added() -> None:
    exported = _HEAD.replace("{name: shop}", "{name: b, namespace: x, uid: u, generation: 3}")
    rest = "spec: {source: {url: 'https://git.example/x.git'}}\nstatus: {sync: Synced}\n"
    found = _read(f"{_HEAD}{rest}---\n{exported}{rest}")
    assert [str(application) for application in found] == ["plumb-system/shop", "x/b"]


def test_every_problem_is_found_at_its_place() -> None:
    text = """\
apiVersion: plumb.dev/v1alpha1
kind: Application
metadata:
  name: Shop
  labls: {}
spec:
  sources: {}
  source:
    url: https://git.example/x.git
    ref: {branch: main, tag: v1}
    path: ../other
  interval: 180
  timeout: 5 minutes
  maxPrune: {percent: 101, objects: -1}
  deletionPolicy: remove
  prune: "yes"
  dependsOn: [database]
  ignore: [{kind: Deployment}]
"""
    found = [problem.split(": ", 2)[:2] for problem in _problems(text)]
    assert found == [
        ["PLB104 apps/shop.yaml:4:9", "metadata.name"],
        ["PLB101 apps/shop.yaml:5:10", "metadata.labls"],
        ["PLB101 apps/shop.yaml:7:12", "spec.sources"],
        ["PLB106 apps/shop.yaml:10:30", "spec.source.ref.tag"],
        ["PLB109 apps/shop.yaml:11:11", "spec.source.path"],
        ["PLB102 apps/shop.yaml:12:13", "spec.interval"],
        ["PLB105 apps/shop.yaml:13:12", "spec.timeout"],
        ["PLB104 apps/shop.yaml:14:23", "spec.maxPrune.percent"],
        ["PLB104 apps/shop.yaml:14:37", "spec.maxPrune.objects"],
        ["PLB104 apps/shop.yaml:15:19", "spec.deletionPolicy"],
        ["PLB102 apps/shop.yaml:16:10", "spec.prune"],
        ["PLB102 apps/shop.yaml:17:15", "spec.dependsOn.0"],
        ["PLB103 apps/shop.yaml:17:15", "spec.dependsOn.0.name"],
        ["PLB103 apps/shop.yaml:18:12", "spec.ignore.0.paths"],
    ]


def test_an_unknown_field_is_told_what_was_meant() -> None:
    text = _HEAD + "spec: {source: {url: 'https://git.example/x'}, targetNamspace: shop}"
    (problem,) = _problems(text)
    assert problem.endswith("spec.targetNamspace: unknown field; did you mean targetNamespace?")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "PLB100 apps/shop.yaml: there is no Application", id="an empty file"),
        pytest.param(
            "apiVersion: v1\nkind: ConfigMap\nspc: 1\n",
            "PLB100 apps/shop.yaml:1:13: apiVersion: must be plumb.dev/v1alpha1 (v1 stands there)",
            id="another kind",
        ),
        pytest.param("[1]", "PLB100 apps/shop.yaml:1:1: ", id="a list"),
        pytest.param("a: [", "PLB112 apps/shop.yaml:", id="no YAML"),
        pytest.param(_HEAD, "PLB103 apps/shop.yaml:1:1: spec.source: is missing", id="no spec"),
        pytest.param(
            _HEAD + "spec: {source: {path: x}}",
            "PLB103 apps/shop.yaml:4:16: spec.source.url: is missing",
            id="no URL",
        ),
        pytest.param(
            _HEAD + "spec: 3", "PLB102 apps/shop.yaml:4:7: spec: must be an object", id="a number"
        ),
        pytest.param(
            _HEAD + "spec: {source: {url: 'https://git.example/x', secretRef: git-auth}}",
            "PLB102 apps/shop.yaml:4:58: spec.source.secretRef: must be an object",
            id="a bare secretRef",
        ),
        pytest.param(
            _HEAD + "spec: {source: {url: 'https://git.example/x'}, interval: 0s}",
            "PLB105 apps/shop.yaml:4:58: spec.interval: must be longer than nothing",
            id="no interval",
        ),
        pytest.param(
            _HEAD + "spec: {source: {url: 'https://git.example/x'}, dependsOn: database}",
            "PLB102 apps/shop.yaml:4:59: spec.dependsOn: must be a list (a text stands there)",
            id="no list",
        ),
        pytest.param(
            _HEAD + "spec: {source: {url: 'https://git.example/x'}, maxPrune: {objects: many}}",
            "PLB102 apps/shop.yaml:4:68: spec.maxPrune.objects: must be a whole number",
            id="no number",
        ),
        pytest.param(
            _HEAD + "spec: {source: {url: 'https://git.example/x'}, ignore: [{paths: [replicas]}]}",
            "PLB104 apps/shop.yaml:4:66: spec.ignore.0.paths.0: not a JSON pointer",
            id="no pointer",
        ),
        pytest.param(
            _HEAD + "spec: {source: {url: 'https://git.example/x'}, zzz: 1}",
            "PLB101 apps/shop.yaml:4:53: spec.zzz: unknown field; the fields are allow",
            id="nothing close",
        ),
    ],
)
def test_the_first_problem_says_where_and_what(text: str, problem: str) -> None:
    assert _problems(text)[0].startswith(problem)


def test_a_commit_made_of_digits_needs_quotes_and_is_told_so() -> None:
    text = _HEAD + "spec: {source: {url: 'https://git.example/x', ref: {commit: 12}}}"
    assert "put it in quotes" in _problems(text)[0]


def test_a_commit_is_followed_by_its_full_id() -> None:
    text = (
        _HEAD + "spec: {source: {url: 'https://git.example/x', ref: {commit: '" + "aB" * 20 + "'}}}"
    )
    assert _read(text)[0].source.ref == GitRef("commit", "ab" * 20)


def test_problems_of_all_documents_are_collected() -> None:
    broken = _HEAD + "spec: {}\n"
    assert len(_problems(f"{broken}---\n{broken}")) == 2


def test_the_same_application_twice_is_refused() -> None:
    text = _HEAD + "spec: {source: {url: 'https://git.example/x.git'}}\n"
    (problem,) = _problems(f"{text}---\n{text}")
    assert "Application plumb-system/shop is there twice" in problem


def test_a_local_repository_is_relative_to_the_file() -> None:
    text = _HEAD + "spec: {source: {url: ../config}}"
    assert _read(text, path="/etc/plumb/shop.yaml")[0].source.url == "/etc/config"


# --- flags -----------------------------------------------------------------------------------


def test_flags_make_an_application() -> None:
    found = settings.application_from_flags(
        "shop", "git@git.example:team/config.git", ref="main", path="apps/shop/", namespace="ops"
    )
    source = Source("git@git.example:team/config.git", GitRef("name", "main"), "apps/shop")
    assert found == Application("shop", "ops", source)


def test_a_bad_flag_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^--name: not a name") as caught:
        settings.application_from_flags("Shop!", "https://git.example/x", namespace="ops")
    assert caught.value.where == "--name"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("", GitRef()),
        ("main", GitRef("name", "main")),
        ("release/1.2", GitRef("name", "release/1.2")),
        ("refs/heads/main", GitRef("branch", "main")),
        ("refs/tags/v1", GitRef("tag", "v1")),
        ("semver: >=1.2 <2 ", GitRef("semver", ">=1.2 <2")),
        ("A" * 40, GitRef("commit", "a" * 40)),
        ("0" * 64, GitRef("commit", "0" * 64)),
        ("0" * 41, GitRef("name", "0" * 41)),
    ],
)
def test_a_ref_is_read_as_people_type_it(text: str, ref: GitRef) -> None:
    assert settings.parse_ref(text) == ref


@pytest.mark.parametrize(
    "text",
    ["semver:", "a..b", "-x", "a b", "a\n", "x.lock", "a//b", "refs/pull/1/head", "/a", "a."],
)
def test_what_git_allows_for_no_ref_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse_ref(text)
    assert caught.value.code == "PLB106"


# --- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3m", 180), ("1h30m", 5400), ("90s", 90), ("1.5h", 5400), ("500ms", 0.5), ("0s", 0)],
)
def test_a_duration_in_seconds(text: str, seconds: float) -> None:
    assert settings.parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "3", "m", "-3m", "3 m", "1d", "3m ", "٣m", "1e9s", "9" * 12 + "s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse_duration(text)
    assert caught.value.code == "PLB105"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://git.example/config.git", "https://git.example/config.git"),
        ("http://git.example:3000/config", "http://git.example:3000/config"),
        ("ssh://git@git.example:22/config.git", "ssh://git@git.example:22/config.git"),
        ("git@git.example:team/config.git", "git@git.example:team/config.git"),
        ("git.example:config", "git.example:config"),
        ("git@[2001:db8::1]:config", "git@[2001:db8::1]:config"),
        ("file:///srv/config.git", "file:///srv/config.git"),
        ("file://localhost/srv/config.git", "file:///srv/config.git"),
        ("/srv/config.git", "/srv/config.git"),
        ("config", "/etc/plumb/config"),
        (".", "/etc/plumb"),
        ("./a:b", "/etc/plumb/a:b"),
    ],
)
def test_a_repository_in_every_form(text: str, url: str) -> None:
    assert values.repository_url(text, folder="/etc/plumb") == url


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "PLB107"),
        (" https://git.example/x", "PLB107"),
        ("https://git.example/a b", "PLB107"),
        ("https://git.example/\x1b[31m", "PLB107"),
        ("git://git.example/x", "PLB107"),
        ("ext::sh -c x", "PLB107"),
        ("ext::sh", "PLB107"),
        ("-oProxyCommand=x:y", "PLB107"),
        ("https://", "PLB107"),
        ("https://git.example", "PLB107"),
        ("https://git.example:port/x", "PLB107"),
        ("https://[::1/x", "PLB107"),
        ("ssh://-oProxyCommand=x/y", "PLB107"),
        ("https://git.example/x?token=abc", "PLB107"),
        ("https://git.example/x#main", "PLB107"),
        ("file://server/x", "PLB107"),
        ("file://localhost", "PLB107"),
        ("https://me:hunter2@git.example/x", "PLB108"),
        ("https://hunter2@git.example/x", "PLB108"),
        ("ssh://git:hunter2@git.example/x", "PLB108"),
    ],
)
def test_what_is_no_repository_is_refused_without_being_quoted(text: str, code: str) -> None:
    with pytest.raises(SettingsError) as caught:
        values.repository_url(text, folder="/etc/plumb")
    assert caught.value.code == code
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [("", ""), (".", ""), ("./", ""), ("a", "a"), ("./a//b/./", "a/b"), ("...", "...")],
)
def test_a_path_is_normalised(text: str, path: str) -> None:
    assert values.folder_path(text) == path


@pytest.mark.parametrize(
    "text", ["/", "/a", "..", "a/..", "../a", "a/../b", "a\\b", "a\nb", "\x7f"]
)
def test_a_path_outside_of_the_repository_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        values.folder_path(text)
    assert caught.value.code == "PLB109"


@given(st.text())
def test_no_text_makes_a_reader_raise_anything_else(text: str) -> None:
    readers = (
        values.parse_duration, values.parse_ref, values.folder_path, values.label,
        values.subdomain, values.pointer, values.commit_id, values.version_range,
        lambda t: values.repository_url(t, folder="/"),
    )  # fmt: skip
    for read in readers:
        try:
            read(text)
        except SettingsError as error:
            assert error.code in CODES  # noqa: PT017 - any other exception fails the test


# --- credentials -----------------------------------------------------------------------------


def _secret(**values: str) -> JSON:
    data = {
        key.replace("_", "-") if key == "ssh_privatekey" else key.replace("ca_crt", "ca.crt"): value
        for key, value in values.items()
    }
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"namespace": "ops", "name": "git"}, "data": encoded}


@pytest.mark.parametrize(
    ("secret", "credentials"),
    [
        pytest.param(
            _secret(username="me", password="pw\n"),  # noqa: S106
            Credentials(username="me", password="pw"),  # noqa: S106
            id="user and password, without the line end of echo",
        ),
        pytest.param(_secret(token="t"), Credentials(token="t"), id="a token"),  # noqa: S106
        pytest.param(_secret(bearerToken="t"), Credentials(token="t"), id="Flux's name"),  # noqa: S106
        pytest.param(_secret(ca_crt="PEM"), Credentials(ca=b"PEM"), id="only an authority"),
        pytest.param(
            _secret(ssh_privatekey="K", known_hosts="H"),
            Credentials(ssh_key=b"K", known_hosts=b"H"),
            id="a key of type kubernetes.io/ssh-auth",
        ),
        pytest.param(
            _secret(identity="K", known_hosts="H", password="p"),  # noqa: S106
            Credentials(ssh_key=b"K", known_hosts=b"H", ssh_passphrase="p"),  # noqa: S106
            id="a key with a passphrase",
        ),
        pytest.param(
            {"kind": "Secret", "stringData": {"token": "t"}},
            Credentials(token="t"),  # noqa: S106
            id="a Secret as a file has it",
        ),
    ],
)
def test_a_secret_becomes_credentials(secret: JSON, credentials: Credentials) -> None:
    assert settings.credentials_from_secret(secret) == credentials


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        pytest.param(_secret(), "Secret/ops/git: it holds nothing for a Git server", id="nothing"),
        pytest.param(_secret(USERNAME="me"), "it holds nothing for a Git server", id="other case"),
        pytest.param(_secret(username="me"), "key password is missing", id="no password"),
        pytest.param(_secret(password="hunter2"), "key username is missing", id="no user"),  # noqa: S106
        pytest.param(_secret(identity="hunter2"), "key known_hosts is missing", id="no host key"),
        pytest.param(
            {"kind": "Secret", "data": {"token": "hunter2!"}},
            "key token is not base64",
            id="no base64",
        ),
        pytest.param(
            {"kind": "Secret", "data": {"token": "//8="}}, "key token is not UTF-8", id="no UTF-8"
        ),
        pytest.param({"kind": "ConfigMap", "data": {}}, "this is no Secret", id="another kind"),
    ],
)
def test_an_unusable_secret_names_the_key_and_never_the_value(secret: JSON, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.credentials_from_secret(secret)
    assert message in str(caught.value)
    assert "hunter2" not in repr(caught.value) + str(caught.value) + caught.value.hint
