"""Git against Git without a cluster: a definition in the same tree tells what its objects mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from e2e.test_diff_clones import clone, commit, origin, plumb

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["clone", "origin"]

DEFINITION = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: stalls.shop.example}
spec:
  group: shop.example
  scope: Namespaced
  names: {plural: stalls, singular: stall, kind: Stall, listKind: StallList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            x-kubernetes-validations:
            - {rule: self.owner == oldSelf.owner, message: the owner stays}
            properties:
              owner: {type: string}
              size: {type: integer, default: 3}
              goods:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties: {name: {type: string}, price: {type: integer}}
              tags: {type: array, x-kubernetes-list-type: set, items: {type: string}}
"""
STALL = """apiVersion: shop.example/v1
kind: Stall
metadata: {name: corner}
spec:
  owner: ann
  goods:
  - {name: pears, price: 2}
  - {name: figs, price: 5}
  tags: [fresh, cheap]
"""


def changed(folder: Path, text: str) -> tuple[str, list[str]]:
    """Return what a change of the stall comes to, and the paths of what it changes."""
    commit(folder, {"apps/shop/stall.yaml": text})
    report = json.loads(plumb(folder, "diff", "--base=HEAD~1", "--head=HEAD", "-o", "json").stdout)
    [change] = [c for a in report["applications"] for c in a["plan"]["changes"]]
    return change["action"], [edit["path"] for edit in change.get("edits") or ()]


def test_lists_are_compared_by_the_keys_of_the_definition(clone: Callable[..., Path]) -> None:
    folder = clone()
    commit(folder, {"apps/shop/crd.yaml": DEFINITION, "apps/shop/stall.yaml": STALL})

    dearer = STALL.replace("price: 5", "price: 6")
    assert changed(folder, dearer) == ("update", ["/spec/goods/[name=figs]/price"])
    assert changed(folder, dearer.replace("[fresh, cheap]", "[fresh, new]")) == (
        "update", ["/spec/tags/[=cheap]", "/spec/tags/[=new]"],
    )  # fmt: skip
    commit(folder, {"apps/shop/stall.yaml": dearer.replace("owner: ann", "owner: bob")})
    said = plumb(folder, "diff", "--base=HEAD~1", "--head=HEAD", expect=8).output
    assert "must be replaced: /spec/owner cannot be changed" in said


def test_without_the_definition_the_list_is_a_whole(clone: Callable[..., Path]) -> None:
    folder = clone()
    commit(folder, {"apps/shop/stall.yaml": STALL})

    assert changed(folder, STALL.replace("price: 5", "price: 6")) == ("update", ["/spec/goods"])
