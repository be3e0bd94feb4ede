"""What `plumb validate` finds, where it says it stands, and what it never says."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine.codes import CODES
from engine.errors import SettingsError
from engine.report.findings import as_view, document, render_findings, render_sarif, summary
from engine.report.html import render_html
from engine.report.machines import render_github, render_gitlab, render_junit
from engine.report.markdown import render_markdown
from engine.tables.kinds import KINDS
from engine.tables.lifecycles import LIFECYCLES
from engine.validate import NEWEST, parse_version, validate
from tests.comparisons import application
from tests.test_report_golden import PUBLISHED
from tests.trees import MemoryTree

if TYPE_CHECKING:
    from engine.model import Finding
    from engine.validate import Version

FILE = "apps/shop/a.yaml"


def findings(
    text: str, *, version: Version = NEWEST, path: str = "apps", **more: Any
) -> tuple[Finding, ...]:
    """What is found in a file, with others beside it (x_yaml is x.yaml)."""
    others = {f"apps/shop/{name.replace('_', '.')}": content for name, content in more.items()}
    return validate(MemoryTree({FILE: text, **others}), [path], version=version).findings


def codes(text: str, **more: Any) -> dict[str, str]:
    """Code and place of every finding."""
    return {found.code: found.where.removeprefix("apps/shop/") for found in findings(text, **more)}


def pod(image: str, *, container: str = "containers") -> str:
    return (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
        f"spec:\n  restartPolicy: Never\n  {container}:\n  - name: c\n    image: '{image}'\n"
    )


@pytest.mark.parametrize(("text", "code", "place"), [
    pytest.param("kind: [\n", "PLB301", "a.yaml:2:1", id="YAML"),
    pytest.param("a: 1\na: 2\n", "PLB303", "a.yaml:2:1", id="key twice"),
    pytest.param("- a\n", "PLB310", "a.yaml:1:1", id="no manifest"),
    pytest.param(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec:\n  replcas: 2\n",
        "PLB351", "a.yaml:5:12", id="unknown field",
    ),
    pytest.param(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  port: 80\n",
        "PLB352", "a.yaml:5:9", id="wrong type",
    ),
    pytest.param(
        "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n"
        "spec:\n  ports:\n  - {port: 80}\n  - {port: 80}\n",
        "PLB354", "a.yaml:7:5", id="element twice",
    ),
    pytest.param("apiVersion: example.com/v1\nkind: Toy\nmetadata: {name: t}\n",
                 "PLB355", "a.yaml:2:7", id="no schema"),
    pytest.param("apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: p}\n",
                 "PLB360", "a.yaml:1:13", id="gone"),
    pytest.param(pod("nginx"), "PLB362", "a.yaml:8:12", id="moving tag"),
    pytest.param(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  a: hunter2\n",
        "PLB363", "a.yaml:5:6", id="Secret",
    ),
    pytest.param(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, annotations: "
        "{plumb.dev/wave: soon}}\n", "PLB390", "a.yaml:3:51", id="wave",
    ),
    pytest.param(application(spec=", prnue: true"), "PLB101", "a.yaml:5:86", id="Application"),
])  # fmt: skip
def test_each_problem_has_its_code_and_its_place(text: str, code: str, place: str) -> None:
    assert codes(text) == {code: place}
    assert code in CODES


CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: toys.example.com}
spec:
  group: example.com
  names: {kind: Toy, plural: toys}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object,
      required: [size], properties: {size: {type: integer}}}}}}
"""
TOY = "apiVersion: example.com/v1\nkind: Toy\nmetadata: {name: t}\nspec: {sizes: 1}\n"


def test_a_definition_of_the_tree_judges_its_objects() -> None:
    assert codes(TOY, crd_yaml=CRD) == {"PLB351": "a.yaml:4:15", "PLB353": "a.yaml:4:7"}


def test_definitions_of_elsewhere_are_asked_for_only_where_a_kind_is_unknown() -> None:
    from engine.parse import documents

    (crd,) = documents(CRD.encode(), path="crd.yaml")
    asked = []

    def more() -> list[object]:
        asked.append(1)
        return [crd.body]

    known = validate(MemoryTree({FILE: pod("x:1")}), ["apps"], more_definitions=more)
    assert (known.findings, asked) == ((), [])
    found = validate(MemoryTree({FILE: TOY}), ["apps"], more_definitions=more).findings
    assert {one.code for one in found} == {"PLB351", "PLB353"}
    assert asked == [1]


def test_a_suggestion_comes_with_an_unknown_field() -> None:
    (found,) = findings(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {replcas: 2}\n"
    )

    assert "did you mean replicas?" in found.message


def test_one_bad_file_does_not_hide_what_is_in_the_others() -> None:
    found = codes("kind: [\n", b_yaml=pod("nginx"), c_yaml="- a\n")

    assert found == {"PLB301": "a.yaml:2:1", "PLB362": "b.yaml:8:12", "PLB310": "c.yaml:1:1"}


def test_the_same_object_in_two_files_is_found_with_both_places() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"

    (found,) = findings(text, b_yaml="# again\n" + text)

    assert (found.code, found.where) == ("PLB317", "apps/shop/b.yaml:2:1")
    assert "apps/shop/a.yaml:1" in found.message


def test_a_path_that_is_not_there_is_an_error_and_not_nothing_wrong() -> None:
    with pytest.raises(SettingsError) as caught:
        findings("", path="nowhere")

    assert caught.value.code == "PLB158"


# --- API versions ----------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "code"), [
    ("1.20", None), ("1.21", "PLB361"), ("v1.24.3", "PLB361"), ("1.25", "PLB360"),
    ("1.36", "PLB360"),
])  # fmt: skip
def test_an_api_version_is_judged_by_the_release_that_is_meant(
    version: str, code: str | None
) -> None:
    text = "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: c}\n"

    found = [f for f in findings(text, version=parse_version(version)) if f.code != "PLB355"]

    assert [f.code for f in found] == ([code] if code else [])
    assert all("batch/v1 CronJob" in f.hint for f in found)
    assert all(f.severity == ("error" if code == "PLB360" else "warning") for f in found)


@pytest.mark.parametrize("text", ["", "latest", "1", "1.x", "v1.", "1.2.x.y"])
def test_what_is_no_release_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_version(text)


def test_no_version_that_is_served_counts_as_gone() -> None:
    for group, version, kind, *_ in KINDS:
        name = f"{group}/{version}" if group else version
        _, removed, _ = LIFECYCLES.get((name, kind), ("", "", ""))
        assert not removed or parse_version(removed) > NEWEST, (name, kind)


def test_every_row_of_the_table_is_in_order() -> None:
    for (name, kind), (deprecated, removed, replacement) in LIFECYCLES.items():
        assert name
        assert kind[0].isupper()
        assert not (deprecated and removed) or parse_version(deprecated) < parse_version(removed)
        assert not replacement or replacement.count(" ") == 1


# --- images ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("image", "moves"), [
    ("nginx", True), ("nginx:latest", True), ("registry.example:5000/team/web", True),
    ("ghcr.io/team/web:main", True), ("web:Stable", True),
    ("nginx:1.27.3", False), ("registry.example:5000/team/web:1.2", False),
    ("web:latest@sha256:0123", False), ("web@sha256:0123", False),
    ("${IMAGE}", False), ("web:{{ .Values.tag }}", False), ("", False),
])  # fmt: skip
@pytest.mark.parametrize("container", ["initContainers", "ephemeralContainers"])
def test_tags_that_move_are_warned_of(image: str, moves: bool, container: str) -> None:  # noqa: FBT001
    found = [f for f in findings(pod(image, container=container)) if f.code == "PLB362"]

    assert bool(found) is moves
    assert all(f.severity == "warning" for f in found)


def test_images_of_custom_resources_count_too() -> None:
    text = (
        "apiVersion: example.com/v1\nkind: Rollout\nmetadata: {name: r}\n"
        "spec: {template: {spec: {containers: [{name: a, image: web}]}}}\n"
    )

    assert set(codes(text)) == {"PLB355", "PLB362"}


# --- Secrets ---------------------------------------------------------------------------------


def secret(data: str) -> str:
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\n{data}\n"


@pytest.mark.parametrize(("data", "is_plain"), [
    ("stringData: {a: hunter2}", True), ("data: {a: aHVudGVyMg==}", True),
    ("type: Opaque", False), ("stringData: {a: ''}", False), ("data: {}", False),
    ("stringData: {a: '${PASSWORD}'}", False), ("stringData: {a: '<path:kv/db#pw>'}", False),
    ("stringData: {a: 'ENC[AES256_GCM,data:x]'}", False),
    ("data: {a: " + base64.b64encode(b"ref+vault://x").decode() + "}", False),
])  # fmt: skip
def test_secrets_in_plain_text_are_found(data: str, is_plain: bool) -> None:  # noqa: FBT001
    found = [f for f in findings(secret(data)) if f.code == "PLB363"]

    assert bool(found) is is_plain


@settings(max_examples=60)
@given(value=st.text("abcdefghijklmnop", min_size=8, max_size=20), junk=st.booleans())
def test_no_finding_holds_a_value_of_a_secret(value: str, *, junk: bool) -> None:
    encoded = base64.b64encode(value.encode()).decode()
    wrong = f"\nstringdata: {{x: {value}}}" if junk else ""
    found = findings(secret(f"stringData: {{a: '{value}'}}\ndata: {{b: {encoded}}}{wrong}"))
    said = summary(found, files=1, objects=1)

    told = (
        render_findings(found, said), render_sarif(found, version="1"),
        json.dumps(document(found, files=1, objects=1, kubernetes="1.36")),
        *(render(as_view(found, said)) for render in (render_markdown, render_html, render_junit,
                                                      render_github, render_gitlab)),
    )  # fmt: skip

    assert found
    assert all(value not in text and encoded not in text for text in told)


# --- forms -----------------------------------------------------------------------------------


def _some() -> tuple[Finding, ...]:
    return findings("kind: [\n", b_yaml=pod("nginx"), c_yaml=secret("stringData: {a: b c d}"))


def test_the_document_follows_the_published_schema() -> None:
    made = document(_some(), files=3, objects=2, kubernetes="1.36")

    Draft202012Validator(PUBLISHED).validate(made)
    assert made["summary"] == {"errors": 2, "warnings": 1, "files": 3, "objects": 2}


def test_sarif_names_every_rule_and_every_place() -> None:
    run = json.loads(render_sarif(_some(), version="1.2"))["runs"][0]

    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == sorted(rules) == ["PLB301", "PLB362", "PLB363"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1
    assert {result["level"] for result in run["results"]} == {"error", "warning"}


def test_a_fingerprint_stays_while_lines_above_come_and_go() -> None:
    before, after = (
        json.loads(render_sarif(findings(text), version="1"))["runs"][0]["results"][0]
        for text in (pod("nginx"), "# one more line\n" + pod("nginx"))
    )

    assert before["partialFingerprints"] == after["partialFingerprints"]
    assert before["locations"] != after["locations"]


def test_code_scanning_gets_no_more_than_it_takes_and_errors_first() -> None:
    many = tuple(_some()[1:2]) * 6_000 + _some()[:1]

    run = json.loads(render_sarif(many, version="1"))["runs"][0]

    assert len(run["results"]) == 5_000
    assert run["results"][0]["level"] == "error"


def test_text_is_one_line_per_finding_with_its_place_in_front() -> None:
    found = _some()
    lines = render_findings(found, "said").splitlines()

    assert [
        line.split(": ")[0] for line in lines if ": error " in line or ": warning " in line
    ] == [one.where for one in found]
    assert lines[-1] == "said"


def test_nothing_wrong_is_said_in_every_form() -> None:
    said = summary((), files=2, objects=3)
    shown = as_view((), said)

    assert said == "nothing wrong in 3 objects of 2 files"
    assert said in render_markdown(shown)
    assert said in render_html(shown)
    assert 'tests="1" failures="0" errors="0"' in render_junit(shown)
    assert render_github(shown) == ""
    assert json.loads(render_gitlab(shown)) == []
    assert json.loads(render_sarif((), version="1"))["runs"][0]["results"] == []


def test_a_warning_is_no_failure_of_a_test_run() -> None:
    text = render_junit(as_view(_some(), "said"))

    assert 'tests="3" failures="0" errors="2"' in text
    assert "PLB362" in text
