"""Odd files for byte-exact edits. ``⟦old⇒new⟧`` marks what changes, and nothing else may.

Each row: a name, the file's name, the text, and the wishes where they are not the usual one.
"""

# ruff: noqa: E501, RUF001 - a row is a line, however odd

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from engine.promote.image import parse_wish
from engine.promote.target import parse_set

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.promote.edit import Wish

USUAL = ("--image", "registry.example/web=registry.example/web:2.0")
DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
W = "registry.example/web"

_MARK = re.compile("⟦([^⇒⟧]*)⇒([^⟧]*)⟧")


class Case(NamedTuple):
    """One file before and after."""

    name: str
    path: str
    text: str
    wishes: tuple[str, ...] = USUAL

    @property
    def before(self) -> str:
        return _MARK.sub(r"\1", self.text)

    @property
    def after(self) -> str:
        return _MARK.sub(r"\2", self.text)


def _pod(line: str, *, tail: str = "\n") -> str:
    return f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: web\n{line}{tail}"


def _image(text: str) -> tuple[str, str]:
    return ("--image", text)


def _set(*texts: str) -> tuple[str, ...]:
    return tuple(part for text in texts for part in ("--set", text))


V = f"⟦{W}:1.0⇒{W}:2.0⟧"
CASES = [
    # --- how a value may be written
    Case("plain", "a.yaml", _pod(f"    image: {V}")),
    Case("single-quotes", "a.yaml", _pod(f"    image: '{V}'")),
    Case("double-quotes", "a.yaml", _pod(f'    image: "{V}"')),
    Case("comment-behind", "a.yaml", _pod(f"    image: {V} # the shop")),
    Case("comment-with-tabs", "a.yaml", _pod(f"    image: {V}\t#\tthe\tshop\t")),
    Case("spaces-around-colon", "a.yaml", _pod(f"    image :   {V}   ")),
    Case("tab-behind-colon", "a.yaml", _pod(f"    image:\t{V}")),
    Case("key-in-double-quotes", "a.yaml", _pod(f'    "image": {V}')),
    Case("key-in-single-quotes", "a.yaml", _pod(f"    'image': {V}")),
    Case("explicit-key", "a.yaml", _pod(f"    ? image\n    : {V}")),
    Case("value-on-next-line", "a.yaml", _pod(f"    image:\n      {V}")),
    Case("value-after-comment-lines", "a.yaml", _pod(f"    image:\n      # which one?\n\n      {V}")),
    Case("folded-block", "a.yaml", _pod(f"    image: >\n      {V}")),
    Case("folded-stripped", "a.yaml", _pod(f"    image: >-\n      {V}")),
    Case("literal-block", "a.yaml", _pod(f"    image: |\n      {V}")),
    Case("literal-stripped-comment", "a.yaml", _pod(f"    image: |- # pinned\n      {V}")),
    Case("literal-kept-lines", "a.yaml", _pod(f"    image: |+\n      {V}\n\n    tty: true")),
    Case("block-with-indicator", "a.yaml", _pod(f"    image: >-2\n      {V}")),
    Case("tagged-str", "a.yaml", _pod(f"    image: !!str {V}")),
    Case("tagged-bang", "a.yaml", _pod(f"    image: ! {V}")),
    Case("tagged-own", "a.yaml", _pod(f"    image: !image {V}")),
    Case("anchored", "a.yaml", _pod(f"    image: &image {V}\n    args: [*image]")),
    Case("anchor-and-tag", "a.yaml", _pod(f"    image: &i !!str {V}")),
    Case("tag-and-anchor-quoted", "a.yaml", _pod(f'    image: !!str &i "{V}"')),
    Case("anchor-with-odd-name", "a.yaml", _pod(f"    image: &a-b_C9 {V}")),
    Case("plain-over-two-lines", "a.yaml",
         _pod(f"    command: [a,\n      b]\n    image: {V}\n    args:\n    - one\n      two")),
    Case("double-quotes-folded", "a.yaml",
         _pod(f'    image: ⟦"registry.example/\\\n      web:1.0"⇒"{W}:2.0"⟧')),
    Case("double-quotes-escaped", "a.yaml",
         _pod(f'    image: ⟦"registry.example\\x2fweb:1.0"⇒"{W}:2.0"⟧')),
    Case("flow-map", "a.yaml", f"{{kind: Pod, apiVersion: v1, spec: {{containers: [{{image: {V}}}]}}}}\n"),
    Case("flow-spaced", "a.yaml", f"kind: Pod\nspec: {{ containers: [ {{ image: {V} , name: a }} ] }}\n"),
    Case("flow-over-lines", "a.yaml",
         f"kind: Pod\nspec: {{\n  containers: [\n    {{ name: a,\n      image: {V} }}, # last\n  ],\n}}\n"),
    Case("flow-quoted", "a.yaml", f"spec: {{containers: [{{image: '{V}'}}, {{image: \"{V}\"}}]}}\n"),
    Case("flow-trailing-comma", "a.yaml", f"spec: {{containers: [{{image: {V},}},]}}\n"),
    Case("registry-with-port-in-flow", "a.yaml",
         "spec: {containers: [{image: ⟦registry:5000/a/web:1⇒registry:5000/a/web:2⟧}]}\n",
         _image("registry:5000/a/web=registry:5000/a/web:2")),
    Case("json", "a.json", f'{{"kind": "Pod", "spec": {{"containers": [{{"image": "{V}"}}]}}}}\n'),
    Case("json-indented-with-tabs", "a.json",
         f'{{\n\t"spec": {{\n\t\t"containers": [\n\t\t\t{{"image": "{V}", "name": "a"}}\n\t\t]\n\t}}\n}}\n'),
    Case("json-in-yaml-file", "a.yaml", f'{{"spec": {{"containers": [{{"image": "{V}"}}]}}}}'),
    Case("json-escaped-slash-elsewhere", "a.json", f'{{"a": "\\u00e9", "image": "{V}"}}'),
    Case("umlauts-before", "a.yaml", f"# größer: 𝔘𝔫𝔦 – ☃\nname: Käse\nimage: {V} # süß\n"),
    Case("emoji-in-flow", "a.yaml", f"a: {{n: '🚀🚀', image: {V}}}\n"),
    Case("line-separators", "a.yaml", f"a: 'x\u2028 y'\nimage: {V}\n"),
    Case("next-line-character", "a.yaml", f'a: "x\u0085 y"\nimage: {V}\n'),
    # --- versions
    Case("no-tag-before", "a.yaml", _pod(f"    image: ⟦{W}⇒{W}:2.0⟧")),
    Case("latest-before", "a.yaml", _pod(f"    image: ⟦{W}:latest⇒{W}:2.0⟧")),
    Case("digest-before", "a.yaml", _pod(f"    image: ⟦{W}@{OTHER}⇒{W}:2.0⟧")),
    Case("tag-and-digest-before", "a.yaml", _pod(f"    image: ⟦{W}:1@{OTHER}⇒{W}:2.0⟧")),
    Case("digest-after", "a.yaml", _pod(f"    image: ⟦{W}:1⇒{W}@{DIGEST}⟧"),
         _image(f"{W}={W}@{DIGEST}")),
    Case("both-after", "a.yaml", _pod(f"    image: ⟦{W}:1⇒{W}:2@{DIGEST}⟧"),
         _image(f"{W}={W}:2@{DIGEST}")),
    Case("short-form", "a.yaml", _pod(f"    image: ⟦{W}:1⇒{W}:2⟧"), _image(f"{W}:2")),
    Case("port-in-registry", "a.yaml", _pod("    image: ⟦localhost:5000/web:1⇒localhost:5000/web:2⟧"),
         _image("localhost:5000/web:2")),
    Case("port-and-no-tag", "a.yaml", _pod("    image: ⟦localhost:5000/web⇒localhost:5000/web:2⟧"),
         _image("localhost:5000/web:2")),
    Case("docker-hub-short", "a.yaml", _pod("    image: ⟦nginx:1⇒nginx:2⟧"), _image("nginx:2")),
    Case("docker-hub-long-in-file", "a.yaml", _pod("    image: ⟦docker.io/library/nginx:1⇒nginx:2⟧"),
         _image("nginx:2")),
    Case("another-registry", "a.yaml", _pod(f"    image: ⟦{W}:1⇒mirror.example:5000/x/web:2⟧"),
         _image(f"{W}=mirror.example:5000/x/web:2")),
    Case("upper-case-tag", "a.yaml", _pod(f"    image: ⟦{W}:V1_a-B.3⇒{W}:V2⟧"), _image(f"{W}:V2")),
    # --- what is left alone
    Case("longer-name", "a.yaml",
         f"a:\n- image: {W}-admin:1.0\n- image: {W}/admin:1.0\n- image: {V}\n- image: x/{W}:1.0\n"),
    Case("comments-that-look-alike", "a.yaml", f"# image: {W}:1.0\nimage: {V} # was {W}:1.0\n# {W}:1.0\n"),
    Case("annotation", "a.yaml", f"metadata: {{annotations: {{image: '{W}:1.0'}}}}\nimage: {V}\n"),
    Case("label", "a.yaml", f"metadata:\n  labels:\n    image: web\nimage: {V}\n"),
    Case("arguments", "a.yaml", _pod(f"    args: ['--image={W}:1.0']\n    image: {V}")),
    Case("environment", "a.yaml", _pod(f"    env: [{{name: IMAGE, value: '{W}:1.0'}}]\n    image: {V}")),
    Case("text-in-config-map", "a.yaml",
         f"kind: ConfigMap\ndata:\n  image: {W}:1.0\n  pod.yaml: |\n    image: {W}:1.0\n---\nimage: {V}\n"),
    Case("templates-in-text", "a.yaml", f"image: {V}\nnote: '{{{{ .Values.image }}}}'\n"),
    Case("image-that-is-a-map", "a.yaml", f"image: {{name: x}}\nweb: {{image: {V}}}\n"),
    Case("image-that-is-a-number", "a.yaml", f"- {{image: 5}}\n- {{image: null}}\n- {{image: {V}}}\n"),
    Case("pull-policy", "a.yaml", _pod(f"    imagePullPolicy: Always\n    image: {V}")),
    # --- where containers are
    Case("init-and-ephemeral", "a.yaml",
         f"kind: Pod\nspec:\n  initContainers:\n  - image: {V}\n  containers:\n  - image: {V}\n"
         f"  ephemeralContainers:\n  - image: {V}\n"),
    Case("cron-job", "a.yaml",
         "kind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n"
         f"          containers:\n            - image: {V}\n"),
    Case("deployment-among-others", "a.yaml",
         f"kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - image: envoy:1\n"
         f"        name: proxy\n      - name: web\n        image: {V}\n      - image: redis:7\n"),
    Case("image-volume", "a.yaml",
         f"kind: Pod\nspec:\n  volumes:\n  - name: m\n    image: {{reference: '{W}:1.0'}}\n  - image: {V}\n"),
    Case("list", "a.yaml",
         f"kind: List\nitems:\n- kind: Pod\n  spec: {{containers: [{{image: {V}}}]}}\n- kind: Service\n"),
    Case("custom-resource", "a.yaml",
         f"apiVersion: example.org/v1\nkind: Shop\nspec:\n  image: {V}\n  sidecar:\n    image: envoy:1\n"),
    Case("custom-resource-other-key", "a.yaml", f"kind: Prometheus\nspec:\n  baseImage: {V}\n"),
    Case("custom-resource-parts", "a.yaml",
         f"kind: HelmRelease\nspec:\n  values:\n    image:\n      repository: {W}\n      tag: ⟦'1.0'⇒'2.0'⟧\n"),
    Case("several-documents", "a.yaml",
         f"---\nkind: Service\n---\nimage: {V}\n---\n# nothing\n---\nimage: '{V}'\n...\n"),
    Case("separators-with-comments", "a.yaml", f"--- # one\na: 1\n---   # two\nimage: {V}\n---\n"),
    Case("starts-with-blank-lines", "a.yaml", f"\n\n\n---\n\nimage: {V}\n\n\n"),
    Case("yaml-directive", "a.yaml", f"a: 1\n---\n%YAML 1.1\n# c\n\nimage: {V}\n".replace("%YAML 1.1\n", "")),
    Case("same-name-twice", "a.yaml", f"a: [{{name: web, image: {V}}}, {{name: web, image: {V}}}]\n"),
    Case("four-spaces", "a.yaml", f"spec:\n    containers:\n        -   name: a\n            image: {V}\n"),
    Case("odd-indentation", "a.yaml", f"spec:\n containers:\n       - image: {V}\n         name: a\n"),
    Case("deep", "a.yaml", "".join(f"{' ' * n}k{n}:\n" for n in range(60)) + " " * 60 + f"image: {V}\n"),
    Case("dash-on-own-line", "a.yaml", f"containers:\n-\n  name: a\n  image: {V}\n-\n\n  image: {V}\n"),
    Case("lists-of-lists", "a.yaml", f"- - - image: {V}\n    - image: x:1\n"),
    # --- aliases and merges
    Case("alias-elsewhere", "a.yaml", f"x: &i {V}\na: {{image: *i}}\nb: {{image: *i }}\n"),
    Case("alias-of-a-container", "a.yaml", f"a: &c\n  image: {V}\nb:\n- *c\n- *c\n"),
    Case("merge", "a.yaml", f"base: &b\n  image: {V}\n  tty: true\nc:\n  <<: *b\n  name: c\n"),
    Case("merge-overridden", "a.yaml", f"base: &b {{image: {V}}}\nc:\n  <<: *b\n  image: other:1\n"),
    Case("merge-list", "a.yaml", f"a: &a {{image: {V}}}\nb: &b {{image: x:1}}\nc: {{<<: [*a, *b]}}\n"),
    Case("anchor-defined-again", "a.yaml", f"- &i {W}:0.9\n- image: &i {V}\n- image: *i\n"),
    # --- kustomizations
    Case("kustomization", "kustomization.yaml",
         f'resources: [../base]\nimages:\n- name: {W}\n  newTag: ⟦"1.0"⇒"2.0"⟧\n- name: x\n  newTag: v1\n'),
    Case("kustomization-plain-tag", "kustomization.yml", f"images:\n  - newTag: ⟦v1⇒v2⟧ # c\n    name: {W}\n",
         _image(f"{W}:v2")),
    Case("kustomization-float-tag", "Kustomization", f'images:\n- {{name: {W}, newTag: ⟦1.10⇒"1.20"⟧}}\n',
         _image(f"{W}:1.20")),
    Case("kustomization-octal-tag", "kustomization.yaml", f'images:\n- name: {W}\n  newTag: ⟦abc⇒"0123456"⟧\n',
         _image(f"{W}:0123456")),
    Case("kustomization-digest", "kustomization.yaml",
         f"images:\n- name: {W}\n  digest: ⟦{OTHER}⇒{DIGEST}⟧\n", _image(f"{W}@{DIGEST}")),
    Case("kustomization-both", "kustomization.yaml",
         f"images:\n- digest: ⟦{OTHER}⇒{DIGEST}⟧\n  name: {W}\n  newTag: ⟦v1⇒v2⟧\n", _image(f"{W}:v2@{DIGEST}")),
    Case("kustomization-new-name", "kustomization.yaml",
         f"images:\n- name: web\n  newName: ⟦old.example/web⇒{W}⟧\n  newTag: ⟦v1⇒v2⟧\n",
         _image(f"web={W}:v2")),
    Case("kustomization-by-new-name", "kustomization.yaml",
         f"images:\n- name: web\n  newName: {W}\n  newTag: ⟦v1⇒v2⟧\n", _image(f"{W}:v2")),
    Case("kustomization-with-patch", "kustomization.yaml",
         f"images:\n- name: {W}\n  newTag: ⟦v1⇒v2⟧\npatches:\n- patch: |\n    image: {W}:1.0\n", _image(f"{W}:v2")),
    # --- Helm-style values
    Case("values", "values.yaml", f"image:\n  repository: {W}\n  tag: ⟦v1⇒v2⟧\n  pullPolicy: Always\n", _image(f"{W}:v2")),
    Case("values-tag-first", "values.yaml", f"image:\n  tag: ⟦v1⇒v2⟧   # newest\n  repository: '{W}'\n", _image(f"{W}:v2")),
    Case("values-empty-tag", "values.yaml", f'image:\n  repository: {W}\n  tag: ⟦""⇒"v2"⟧\n', _image(f"{W}:v2")),
    Case("values-no-tag", "values.yaml", f"image:\n  repository: {W}\n  tag:⟦⇒ v2⟧ # chart's\n", _image(f"{W}:v2")),
    Case("values-null-tag", "values.yaml", f"image:\n  repository: {W}\n  tag: ⟦~⇒v2⟧\n", _image(f"{W}:v2")),
    Case("values-flow-no-tag", "values.yaml", f"image: {{tag: ⟦⇒v2⟧, repository: {W}}}\n", _image(f"{W}:v2")),
    Case("values-registry", "values.yaml",
         "image:\n  registry: registry.example\n  repository: web\n  tag: ⟦v1⇒v2⟧\n", _image(f"{W}:v2")),
    Case("values-empty-digest", "values.yaml",
         f'image:\n  repository: {W}\n  tag: ⟦v1⇒v2⟧\n  digest: ""\n', _image(f"{W}:v2")),
    Case("values-digest", "values.yaml",
         f'image:\n  repository: {W}\n  tag: ⟦v1⇒v2⟧\n  digest: ⟦""⇒"{DIGEST}"⟧\n', _image(f"{W}:v2@{DIGEST}")),
    Case("values-at-depth", "values.yaml",
         f"shop:\n  web:\n    image: {{repository: {W}, tag: ⟦v1⇒v2⟧}}\n  db:\n    image: {{repository: pg, tag: v1}}\n",
         _image(f"{W}:v2")),
    Case("values-image-and-tag", "values.yaml", f"web:\n  image: {W}\n  tag: ⟦v1⇒v2⟧\n", _image(f"{W}:v2")),
    Case("values-image-tag-key", "values.yaml", f"web:\n  image: {W}\n  imageTag: ⟦v1⇒v2⟧\n", _image(f"{W}:v2")),
    Case("values-whole", "values.yaml", f"web:\n  image: {V}\n"),
    Case("values-exponent-tag", "values.yaml", f'image: {{repository: {W}, tag: ⟦v1⇒"12e4567"⟧}}\n',
         _image(f"{W}:12e4567")),
    Case("values-sexagesimal-no", "values.yaml", f'image: {{repository: {W}, tag: ⟦v1⇒"2026"⟧}}\n', _image(f"{W}:2026")),
    Case("values-date-tag", "values.yaml", f'image:\n  repository: {W}\n  tag: ⟦v1⇒"2026-11-25"⟧\n', _image(f"{W}:2026-11-25")),
    Case("values-word-tag", "values.yaml", f'image:\n  repository: {W}\n  tag: ⟦v1⇒"on"⟧\n', _image(f"{W}:on")),
    Case("values-moved", "values.yaml",
         "image:\n  registry: ⟦old.example⇒registry.example⟧\n  repository: ⟦x⇒web⟧\n  tag: ⟦v1⇒v2⟧\n",
         _image(f"old.example/x={W}:v2")),
    # --- setter comments
    Case("setter", "a.yaml", f"data:\n  next: ⟦{W}:1.0⇒{W}:2.0⟧ # plumb-set: {W}\n"),
    Case("setter-tag", "a.yaml", f'env:\n- name: VERSION\n  value: "⟦1.0⇒2.0⟧" # plumb-set: {W}:tag\n'),
    Case("setter-number-tag", "a.yaml", f'version: ⟦1.0⇒"2.0"⟧   #   plumb-set:   {W}:tag   \n'),
    Case("setter-name", "a.yaml", f"a: ⟦x⇒{W}⟧ # plumb-set: {W}:name\n"),
    Case("setter-digest", "a.yaml", f"a: ⟦x⇒{DIGEST}⟧ # plumb-set: {W}:digest\n", _image(f"{W}@{DIGEST}")),
    Case("setter-in-config-map", "a.yaml", f"kind: ConfigMap\ndata:\n  IMAGE: '{V}' # plumb-set: {W}\n  B: {W}:1.0\n"),
    Case("setter-in-annotation", "a.yaml", f"metadata:\n  annotations:\n    v: '⟦1.0⇒2.0⟧' # plumb-set: {W}:tag\n"),
    Case("setter-on-block", "a.yaml", f"a: >- # plumb-set: {W}:tag\n  ⟦1.0⇒2.0⟧\n"),
    Case("setter-in-list", "a.yaml", f"a:\n- ⟦v1⇒v2⟧ # plumb-set: {W}:tag\n- v1\n", _image(f"{W}:v2")),
    Case("setter-behind-flow", "a.yaml", f"a: {{n: v1, v: ⟦v1⇒v2⟧}} # plumb-set: {W}:tag\n", _image(f"{W}:v2")),
    Case("setter-by-name", "a.yaml", "replicas: ⟦2⇒5⟧ # plumb-set: web-replicas\n", _set("web-replicas=5")),
    Case("setter-of-another", "a.yaml", f"a: {W}:1.0 # plumb-set: other\nimage: {V}\n"),
    # --- --set
    Case("set-number", "a.yaml", "spec:\n  replicas: ⟦2⇒3⟧ # three\n", _set("spec.replicas=3")),
    Case("set-text-stays-text", "a.yaml", "a: {b: '⟦2⇒3⟧', c: \"⟦x⇒4⟧\", d: ⟦x⇒\"5\"⟧}\n", _set("a.b=3", "a.c=4", "a.d=5")),
    Case("set-boolean", "a.yaml", "a:\n  on: ⟦true⇒false⟧\n", _set("a.true=false")),
    Case("set-null-to-number", "a.yaml", "a:⟦⇒ 3⟧\n", _set("a=3")),
    Case("set-number-to-text", "a.yaml", "a: ⟦3⇒three⟧\n", _set("a=three")),
    Case("set-number-to-odd-text", "a.yaml", 'a: ⟦3⇒"a: b # c"⟧\n', _set("a=a: b # c")),
    Case("set-text-with-quotes", "a.yaml", "a: '⟦x⇒it''s⟧'\nb: \"⟦x⇒say \\\"so\\\" \\\\⟧\"\n", _set("a=it's", 'b=say "so" \\')),
    Case("set-by-index", "a.yaml", "a: [x, ⟦y⇒z⟧, y]\n", _set("a[1]=z")),
    Case("set-by-name", "a.yaml", "c:\n- {name: a, v: 1}\n- {name: b, v: ⟦1⇒2⟧}\n", _set("c[name=b].v=2")),
    Case("set-by-pointer", "a.yaml", "a/b: {x.y: ⟦1⇒2⟧}\n", _set("/a~1b/x.y=2")),
    Case("set-quoted-key", "a.yaml", "metadata: {annotations: {example.org/v: ⟦v1⇒v2⟧}}\n",
         _set('metadata.annotations."example.org/v"=v2')),
    Case("set-in-file", "values.yaml", "tag: ⟦v1⇒v2⟧\n", _set("values.yaml:tag=v2")),
    Case("set-in-json", "a.json", '{"a": ⟦1⇒2⟧, "b": ⟦null⇒"x"⟧, "c": "⟦1⇒2⟧"}\n', _set("a=2", "b=x", "c=2")),
    Case("set-in-flow-needs-quotes", "a.yaml", 'a: {b: ⟦x⇒"y, z"⟧}\n', _set("a.b=y, z")),
    Case("set-empty", "a.yaml", "a: ⟦x⇒\"\"⟧\nb: '⟦x⇒⟧'\n", _set("a=", "b=")),
    Case("set-and-image", "a.yaml", f"replicas: ⟦1⇒2⟧\nimage: {V}\n", (*USUAL, *_set("replicas=2"))),
    Case("set-equals-in-value", "a.yaml", "a: ⟦x⇒b=c⟧\n", _set("a=b=c")),
    Case("set-with-spaces", "a.yaml", "a: ⟦one⇒two words⟧\n", _set("a=two words")),
    Case("two-images", "a.yaml", f"a: {{image: {V}}}\nb: {{image: ⟦db:1⇒db:2⟧}}\n", (*USUAL, *_image("db:2"))),
    # --- done already
    Case("already-there", "a.yaml", f"image: {W}:2.0\n"),
    Case("already-there-in-quotes", "a.yaml", f"image: '{W}:2.0'\nb: {{image: {V}}}\n"),
    Case("already-set", "a.yaml", "a: 3\nb: '3'\n", _set("a=3", "b=3")),
]  # fmt: skip

VARIANTS: dict[str, Callable[[str], bytes]] = {
    "as-it-is": lambda text: text.encode(),
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "bom": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "bom-crlf": lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    "no-final-newline": lambda text: text.rstrip("\n").encode(),
}


def wishes(arguments: Sequence[str]) -> list[Wish]:
    """Read flags as the command line does."""
    pairs = zip(arguments[::2], arguments[1::2], strict=True)
    return [parse_wish(text) if flag == "--image" else parse_set(text) for flag, text in pairs]
