"""One active replica among several: a Lease, taken and renewed by compare-and-swap.

Belongs here: who holds it, and for how long that may be believed. A Lease is no fence: what is
written is guarded by its own precondition and by the record (record.py).

Clocks of machines are never compared. A holder counts from the moment it sent its last renewal, an
observer from the moment it saw the Lease change, each on its own clock; so the holder gives up
before anybody else may begin.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from engine.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    InvalidError,
    NotFoundError,
    PlumbError,
    RefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.kube.client import Client
    from engine.model import JSON

_API: Final = "/apis/coordination.k8s.io/v1"
_LOOK_EVERY_S: Final = 1.0  # a released Lease is taken within 2 s
_BELIEVED: Final = 0.8  # of its duration: what is left is for a request that is on its way
_NO_NAMESPACE: Final = "PLB406"
_RELEASE_S: Final = 3.0

# Counts while the machine sleeps too, which time.monotonic() does not on Linux.
_CLOCK: Final[Callable[[], float]] = (
    functools.partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    if hasattr(time, "CLOCK_BOOTTIME")
    else time.monotonic
)


class Lease:
    """Held by one process at a time; threads share it.

    ``identity`` names this process and no other, also not the one that was here before a restart.
    ``client`` should be the Lease's own, with a timeout not above ``renew_every_s`` and without a
    stop event: others' traffic must not delay a renewal, and releasing comes after stopping.
    ``on_lost`` is called once for each loss, from the renewing thread; ``on_error`` whenever the
    API server gives another reason than before why the Lease can be neither taken nor renewed.
    """

    def __init__(  # noqa: PLR0913 - each of them is somebody's decision
        self,
        client: Client,
        *,
        name: str = "plumb",
        namespace: str,
        identity: str,
        duration_s: float = 15.0,
        renew_every_s: float = 5.0,
        stop: threading.Event,
        on_lost: Callable[[], None] | None = None,
        on_error: Callable[[PlumbError], None] | None = None,
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.identity = identity
        self._client = client
        self._duration_s = duration_s
        self._renew_every_s = renew_every_s
        self._stop = stop
        self._on_lost = on_lost
        self._on_error = on_error
        self._body: JSON = None  # as it was last read or written
        self._seen_at = 0.0  # when another holder's Lease was first seen as it is
        self._renewed_at = 0.0
        self._is_taken = False
        self._trouble = ""
        self._lock = threading.Lock()
        self._resign = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def holder(self) -> str:
        """Who held it when it was last looked at; "" is nobody."""
        body = self._body
        return str((body or {}).get("spec", {}).get("holderIdentity") or "")

    def acquire(self) -> bool:
        """Wait until it is held, then keep renewing it; False when stopped."""
        self._end_renewing()
        self._body, self._resign = None, threading.Event()
        while not self._stop.is_set():
            try:
                if self._try_to_take():
                    self._thread = threading.Thread(
                        target=self._renew_for_ever, args=(self._resign,), name="lease", daemon=True
                    )
                    self._thread.start()
                    return True
            except PlumbError as error:
                self._tell(error)
            self._stop.wait(_LOOK_EVERY_S)
        return False

    def is_held(self) -> bool:
        """Whether it is held at this moment; known without asking, also after a freeze."""
        with self._lock:
            return self._is_taken and self._age_s() < self._duration_s * _BELIEVED

    def check(self) -> None:
        """Raise RefusedError unless it is held at this moment."""
        if not self.is_held():
            raise RefusedError(
                "PLB550", "this replica is not the active one", where=self._ref,
                why=f"it renewed its Lease last {self._age_s():.0f} s ago"
                if self._renewed_at else "it never held the Lease",
                hint="nothing more is written by this one; the replica that holds it goes on",
            )  # fmt: skip

    def release(self) -> None:
        """Give it up, so that another replica need not wait until it expires. Never raises."""
        self._end_renewing()
        with self._lock:
            was_taken, self._is_taken = self._is_taken, False
        if not was_taken:
            return
        with contextlib.suppress(PlumbError):
            for _ in range(2):
                try:
                    self._write(holder="")
                except ConflictError:
                    self._read()  # a renewal whose answer was lost
                    if self.holder != self.identity:
                        return
                else:
                    return

    # --- taking ------------------------------------------------------------------------------

    def _try_to_take(self) -> bool:
        try:
            self._read()
        except NotFoundError:
            return self._create()
        held_s = float((self._body.get("spec") or {}).get("leaseDurationSeconds") or 0)
        if self.holder not in ("", self.identity) and (
            _CLOCK() - self._seen_at < (held_s or self._duration_s)
        ):
            return False
        with contextlib.suppress(ConflictError, NotFoundError):
            self._write(holder=self.identity)
            return True
        return False

    def _create(self) -> bool:
        sent_at = _CLOCK()
        body = {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace,
                         "labels": {"app.kubernetes.io/managed-by": "plumb"}},
        }  # fmt: skip
        wanted = {**body, "spec": self._spec({}, holder=self.identity)}
        try:
            answer = self._client.create(self._collection, wanted, ref=self._ref)
        except AlreadyExistsError:
            return False
        except InvalidError as error:
            if error.code != _NO_NAMESPACE:
                raise
            self._create_namespace()
            return False
        self._take(answer.body, sent_at, self._resign)
        return True

    def _create_namespace(self) -> None:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        try:
            self._client.create("/api/v1/namespaces", body, ref=f"Namespace/{self.namespace}")
        except AlreadyExistsError:
            return
        except ApiError as error:
            error.hint = f"create the namespace {self.namespace} once"
            raise

    def _take(self, body: JSON, sent_at: float, resign: threading.Event) -> None:
        with self._lock:
            self._body, self._renewed_at = body, sent_at
            self._is_taken = not resign.is_set()
        self._trouble = ""

    # --- renewing ----------------------------------------------------------------------------

    def _renew_for_ever(self, resign: threading.Event) -> None:
        pause_s = self._renew_every_s
        while not resign.wait(pause_s):
            pause_s = _LOOK_EVERY_S
            try:
                if not self.is_held() or not self._renew():
                    break
                pause_s = self._renew_every_s
            except PlumbError as error:
                self._tell(error)
        if resign.is_set():
            return
        with self._lock:
            self._is_taken = False
        if self._on_lost is not None:
            self._on_lost()

    def _renew(self) -> bool:
        """Renew it; False when it is another's."""
        try:
            self._write(holder=self.identity)
        except (ConflictError, NotFoundError):
            # A renewal whose answer was lost, a label set by hand, a Lease that was deleted.
            try:
                self._read()
            except NotFoundError:
                return False
            if self.holder != self.identity:
                return False
            self._write(holder=self.identity)
        return True

    def _end_renewing(self) -> None:
        self._resign.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_RELEASE_S)
        self._thread = None

    # --- requests ----------------------------------------------------------------------------

    def _read(self) -> None:
        body = self._client.get(self._path, ref=self._ref)
        with self._lock:
            before = self._body["metadata"]["resourceVersion"] if self._body else None
            if body["metadata"]["resourceVersion"] != before:
                self._seen_at = _CLOCK()
            self._body = body

    def _write(self, *, holder: str) -> None:
        """Write the Lease if it is still as it was last read, else raise ConflictError."""
        sent_at, resign = _CLOCK(), self._resign
        before = self._body
        body = {**before, "spec": self._spec(before.get("spec") or {}, holder=holder)}
        answer = self._client.put(self._path, body, ref=self._ref)
        if holder:
            self._take(answer.body, sent_at, resign)

    def _spec(self, before: JSON, *, holder: str) -> JSON:
        # For people: nobody decides anything by these two times.
        now = datetime.fromtimestamp(time.time(), tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        is_new = holder not in ("", before.get("holderIdentity"))
        spec = {**before, "holderIdentity": holder, "renewTime": now,
                "leaseDurationSeconds": max(1, round(self._duration_s))}  # fmt: skip
        if is_new:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(before.get("leaseTransitions") or 0) + bool(before)
        return spec

    def _tell(self, error: PlumbError) -> None:
        if self._on_error is not None and str(error) != self._trouble:
            self._on_error(error)
        self._trouble = str(error)

    def _age_s(self) -> float:
        return _CLOCK() - self._renewed_at

    @property
    def _collection(self) -> str:
        return f"{_API}/namespaces/{self.namespace}/leases"

    @property
    def _path(self) -> str:
        return f"{self._collection}/{self.name}"

    @property
    def _ref(self) -> str:
        return f"Lease/{self.namespace}/{self.name}"
