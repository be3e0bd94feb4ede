"""What must hold, judged by somebody who knows nothing of how Plumb decides.

It knows what Git held, what others did (people.py), every request that passed the proxy, and what
the API server says when asked directly. It imports nothing of the engine, and must not.
"""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from e2e.faults.objects import KINDS, Ref, contains, has_addition, ref_at
from e2e.faults.people import MARK, PRUNE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from e2e.faults.direct import Direct
    from e2e.faults.lane import Exchange, Lane
    from e2e.faults.people import People

JSON: TypeAlias = Any
RECORDS = "plumb-system"
# The rule that holds deletions back, from the documents: more than 5 and more than 30 %.
_MANY, _PERCENT = 5, 30


@dataclass(frozen=True, slots=True)
class Commit:
    """What Git wants at a commit. ``is_whole``: one that may be applied and pruned by."""

    id: str
    objects: Mapping[Ref, JSON]
    is_whole: bool = True


@dataclass
class Checker:
    """Watches one application in one namespace; ``violations`` are sentences for people.

    ``heads`` are the commits that the branch pointed to at any time during a run. ``also`` are
    paths of what Git has beside the objects it knows. ``confirmed``: many deletions are agreed to.
    """

    direct: Direct
    lane: Lane
    namespace: str
    application: str
    people: People
    heads: dict[int, list[Commit]] = field(default_factory=lambda: defaultdict(list))
    violations: list[str] = field(default_factory=list)
    owned: dict[str, Ref] = field(default_factory=dict)
    object_writes: int = 0
    also: tuple[str, ...] = ()
    confirmed: bool = False
    _acts_before: int = 0
    _judged: int = 0
    _suspicions: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    _entries: dict[int, int] = field(default_factory=dict)
    _deleted: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # --- while it happens --------------------------------------------------------------------

    def witness(self, exchange: Exchange) -> None:
        """Look at the cluster right before a DELETE gets there; it counts if it then lands."""
        ref = self._ref(exchange)
        if exchange.request.method != "DELETE" or ref is None:
            return
        with self._lock:
            if exchange.run not in self._entries:
                self._entries[exchange.run] = len(self.record()[0])
        live = self.people.look(ref)
        if live is None:
            return
        suspicions = self._suspicions[id(exchange)]
        uid = live["metadata"]["uid"]
        if (live["metadata"].get("annotations") or {}).get(PRUNE) in ("disabled", "confirm"):
            suspicions.append("its prune annotation forbids it")
        if uid not in self.owned and not self._was_written(uid):
            suspicions.append("Plumb never wrote that very object")
        willing = [c for c in self.heads[exchange.run] if c.is_whole and ref not in c.objects]
        if not willing:
            suspicions.append("no whole commit of this run is without it")
        elif not any(self._is_in_place(commit) for commit in willing):
            suspicions.append("not everything that Git wants is in place")

    def _was_written(self, uid: str) -> bool:
        """Whether a write of the run under way, which is not judged yet, is that object's."""
        return any(_uid(e) == uid for e in self.lane.log[self._judged :] if e.has_landed)

    def _is_in_place(self, commit: Commit) -> bool:
        if self.people.acts != self._acts_before:
            return True  # others change things meanwhile: nobody can say
        return all(
            (live := self.people.look(ref)) is not None and contains(live, wanted)
            for ref, wanted in commit.objects.items()
        )

    def begin(self, run: int, head: Commit) -> None:
        """Note that a run begins while the branch points to ``head``."""
        self.heads[run].append(head)
        self._acts_before = self.people.acts

    # --- after a run -------------------------------------------------------------------------

    def judge(self) -> None:
        """Judge every request that has come in since the last time."""
        for exchange in self.lane.log[self._judged :]:
            self._judged += 1
            if exchange.is_write and exchange.answer is not None:
                self._judge_write(exchange)

    def _judge_write(self, exchange: Exchange) -> None:
        asked, ref = exchange.request, self._ref(exchange)
        if ref is None:
            if not self._is_record(exchange) and not asked.path.startswith(self.also):
                self._blame(exchange, "it is neither the record nor an object of the application")
            return
        self.object_writes += 1
        if asked.method == "DELETE":
            self._judge_delete(exchange, ref)
            return
        if exchange.has_landed and (uid := _uid(exchange)):
            self.owned[uid] = ref
        whole = [commit for commit in self.heads[exchange.run] if commit.is_whole]
        if not any(ref in commit.objects for commit in whole):
            self._blame(exchange, "no whole commit of this run has that object")

    def _judge_delete(self, exchange: Exchange, ref: Ref) -> None:
        options = json.loads(exchange.request.body or b"{}")
        preconditions = options.get("preconditions") or {}
        if not (preconditions.get("uid") and preconditions.get("resourceVersion")):
            self._blame(exchange, "a DELETE without uid and resourceVersion")
        if options.get("propagationPolicy") != "Background":
            self._blame(exchange, "a DELETE without background propagation")
        if not exchange.has_landed:
            return
        for suspicion in self._suspicions.pop(id(exchange), ()):
            self._blame(exchange, f"{ref} was deleted: {suspicion}")
        self._deleted[exchange.run] += 1
        count, total = self._deleted[exchange.run], self._entries.get(exchange.run, 0)
        if not self.confirmed and count > _MANY and count * 100 > _PERCENT * total:
            self._blame(exchange, f"{count} of {total} objects were deleted without a confirmation")

    def _is_record(self, exchange: Exchange) -> bool:
        asked = exchange.request
        body = _body(exchange.request.body)
        name = str(((body or {}).get("metadata") or {}).get("name", "")) if body else ""
        if asked.path == "/api/v1/namespaces":
            return asked.method == "POST" and name == RECORDS
        collection = f"/api/v1/namespaces/{RECORDS}/configmaps"
        if not asked.path.startswith(collection):
            return False
        name = asked.path.removeprefix(collection).removeprefix("/") or name
        shard, _, application = name.partition(".")
        return shard.startswith("plumb") and application == self.application.replace("/", ".")

    def _blame(self, exchange: Exchange, why: str) -> None:
        where = f"run {exchange.run}, request {exchange.number}, {exchange.label}"
        fault = f" ({exchange.fault})" if exchange.fault else ""
        self.violations.append(f"{where}{fault}: {why}")

    def _ref(self, exchange: Exchange) -> Ref | None:
        body = _body(exchange.request.body) if exchange.request.method == "POST" else None
        return ref_at(exchange.request.path, self.namespace, body)

    # --- the state ---------------------------------------------------------------------------

    def live(self) -> dict[Ref, JSON]:
        """Return everything in the namespace, as the API server has it."""
        found = {}
        for kind in KINDS:
            listed = self.direct.get(Ref(kind, "").path(self.namespace)) or {"items": []}
            for item in listed["items"]:  # which lists leave without their kind
                head = {"apiVersion": KINDS[kind].api_version, "kind": kind}
                found[Ref(kind, item["metadata"]["name"])] = {**head, **item}
        found.pop(Ref("ConfigMap", "kube-root-ca.crt"), None)
        return found

    def record(self) -> tuple[dict[Ref, JSON], str]:
        """Return the entries of the record and the application's id, decoded by hand."""
        entries, shards, number, owner = dict[Ref, JSON](), 1, 0, ""
        while number < shards:
            shard = f"plumb-{number}" if number else "plumb"
            name = f"{shard}.{self.application.replace('/', '.')}"
            found = self.direct.get(f"/api/v1/namespaces/{RECORDS}/configmaps/{name}")
            if found is None:
                return entries, owner
            body = json.loads(gzip.decompress(base64.b64decode(found["binaryData"]["record"])))
            if number == 0:
                shards, owner = body["shards"], body["id"]
            for entry in body["entries"]:
                entries[Ref(entry["ref"][1], entry["ref"][3])] = entry
            number += 1
        return entries, owner

    def differences(self, commit: Commit, live: Mapping[Ref, JSON]) -> list[str]:
        """Return what is not as this commit wants it."""
        missing = [
            f"{ref} is not as Git wants it" if ref in live else f"{ref} is not there"
            for ref, wanted in commit.objects.items()
            if not contains(live.get(ref), wanted)
        ]
        left = [
            f"{ref} is still there"
            for ref, body in live.items()
            if ref not in commit.objects and self._should_go(body)
        ]
        return missing + left

    def _should_go(self, body: JSON) -> bool:
        uid = body["metadata"]["uid"]
        return uid in self.owned and uid not in self.people.protected

    def at_rest(self, commit: Commit) -> list[str]:
        """Return what is wrong when all faults are over and nothing moves any more."""
        live = self.live()
        found = self.differences(commit, live)
        entries, owner = self.record()
        for ref, body in live.items():
            metadata = body["metadata"]
            mark = (metadata.get("annotations") or {}).get(MARK, "")
            names_itself = mark.endswith(f"/{ref.kind}/{self.namespace}/{ref.name}")
            if names_itself and mark.startswith(f"{owner}:") and ref not in entries:
                found.append(f"{ref} carries the mark and is forgotten")
            elif metadata["uid"] in self.owned and ref not in entries:
                found.append(f"{ref} was written by Plumb and is forgotten")
            elif ref in commit.objects and not names_itself:
                found.append(f"{ref} does not carry the mark")
        found += self._foreign(live)
        found += [
            f"the record still waits for {ref}"
            for ref, entry in entries.items()
            if "pending" in entry and ref in commit.objects
        ]
        return found

    def _foreign(self, live: Mapping[Ref, JSON]) -> Iterable[str]:
        for ref, made in self.people.strangers.items():
            now = live.get(ref)
            if now is None or now["metadata"]["uid"] != made["metadata"]["uid"]:
                yield f"{ref}, made by others, is gone"
            elif _as_made(now) != _as_made(made):
                yield f"{ref}, made by others, was changed"
        for ref, body in live.items():
            for name in self.people.additions.get(body["metadata"]["uid"], ()):
                if not has_addition(ref, name, body):
                    yield f"{name}, added to {ref} by others, is not as it was"


def _as_made(body: JSON) -> JSON:
    """Return what its maker chose, without what the server and controllers keep up to date."""
    labels = body["metadata"].get("labels") or {}
    annotations = dict(body["metadata"].get("annotations") or {})
    annotations.pop("deployment.kubernetes.io/revision", None)
    rest = {key: value for key, value in body.items() if key not in ("metadata", "status")}
    return {**rest, "metadata": [labels, annotations]}


def _body(data: bytes) -> JSON:
    try:
        body = json.loads(data) if data else None
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _uid(exchange: Exchange) -> str:
    """Return the uid in the real server's answer to a write."""
    if not exchange.is_write or exchange.request.method == "DELETE" or exchange.answer is None:
        return ""
    return str(((_body(exchange.answer.body) or {}).get("metadata") or {}).get("uid", ""))
