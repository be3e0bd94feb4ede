"""What a traceback or a debugger shows of the core's values holds no value of a Secret."""

from __future__ import annotations

from base64 import b64encode

from engine.inventory import Inventory
from engine.model import Adopt, Create, Credentials, Delete, Edit, Keep, Outcome, Patch, Update, Why
from engine.parse import documents
from engine.plan import make_plan
from engine.promote.difference import values
from tests.situations import body, entry, live, manifest, ref_of, situation

CANARY = "canary-5c1f0e"
ENCODED = b64encode(CANARY.encode()).decode()


def test_no_value_shows_in_a_repr() -> None:
    wanted = body("Secret", "s", data={"k": ENCODED}, stringData={"t": CANARY})
    there = live(body("Secret", "s", data={"k": ENCODED}))
    known = entry(wanted, applied=wanted, pending=wanted)
    patch = Patch(({"op": "add", "path": "/data/k", "value": ENCODED},),
                  (Edit("/data/k", CANARY, ENCODED, Why.CHANGED),))  # fmt: skip
    made = situation(desired=[wanted], there=[there], record=[known])
    create = Create(manifest(wanted), wanted)
    values = [
        manifest(wanted), there, known, patch, made, make_plan(made), create,
        Update(manifest(wanted), there, patch), Adopt(manifest(wanted), there, patch),
        Delete(there.ref, there, "gone"), Keep(there.ref, "Confirm", "why", live=there),
        Outcome(there.ref, "created", live=there, change=create),
        Inventory("id", "a/b", {known.ref: known}),
        Credentials(username="u", password=CANARY, token=CANARY, ssh_key=CANARY.encode()),
        *documents(f"kind: Secret\nstringData: {{k: {CANARY}}}\n".encode(), path="a.yaml"),
    ]  # fmt: skip

    for value in values:
        assert CANARY not in repr(value), type(value).__name__
        assert ENCODED not in repr(value), type(value).__name__
    assert str(ref_of(wanted)) in f"{create.ref}"


def test_a_history_masks_the_copies_that_tools_keep_of_an_object() -> None:
    noted = "kubectl.kubernetes.io/last-applied-configuration"
    before, after = (
        f"kind: Secret\nmetadata: {{annotations: {{{noted}: {CANARY}-{n}}}}}\n".encode()
        for n in (1, 2)
    )

    (edit,) = values(before, after, "apps/a.yaml")

    assert noted in edit.pointer
    assert (edit.before, edit.after) == ("***", "***")
