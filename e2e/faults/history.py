"""What happens in a random story: commits, other people, faults. All of it drawn from one seed.

A family says which faults come; everything else is the same for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from e2e.faults import packs
from e2e.faults.lane import Fault, no_fault
from e2e.faults.objects import GROUP, KINDS, Ref, draw_refs, manifest
from e2e.faults.schedule import (
    DROP,
    LATE,
    LOST,
    RESET,
    Storm,
    answers,
    corrupt,
    first_of,
    git_status,
    half,
    kill_at,
    on,
    on_api,
    on_git,
    on_label,
    on_write,
    pack_of,
    refusal,
    reported_gone,
    reported_stale,
    without_token,
)
from e2e.faults.story import BROKEN

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from e2e.faults.lane import Decide, Exchange
    from e2e.faults.story import Rest, Story

Family: TypeAlias = "Callable[[Teller], Decide]"
_REMOVALS = 5  # more of them together would be held back, as they should
_REQUESTS = 26  # of a run that has something to do, about


@dataclass
class Teller:
    """Draws one story and lets it happen."""

    story: Story
    random: random.Random
    wanted: dict[Ref, object] = field(default_factory=dict)
    value: int = 1
    removals: int = 0

    def tell(self, family: Family) -> Rest:
        """Let it all happen, with faults, and then come to rest without them."""
        draw = self.random
        refs = draw_refs(draw, draw.randint(4, 8))
        self.wanted = {ref: manifest(ref, "1", extra=draw.random() < 0.5) for ref in refs}
        self.story.commit(self.wanted)
        if draw.random() < 0.5:
            self.story.sync()
        for _ in range(draw.randint(2, 5)):
            self.change_git()
            if draw.random() < 0.6:
                self.others()
            self.story.sync(family(self))
        self.story.lane.page_size = 0
        self.story.commit(self.wanted)
        return self.story.settle()

    def seed(self) -> str:
        return f"{self.random.getrandbits(64):x}"

    # --- Git ---------------------------------------------------------------------------------

    def change_git(self) -> None:
        """Commit something, most of the time something sensible."""
        drawn = self.random.random()
        if drawn < 0.1:
            self.story.commit(self.wanted, files={"broken.yaml": BROKEN}, is_whole=False)
        elif drawn < 0.17:
            self.story.commit({}, is_whole=False)
        elif drawn < 0.9:
            self.edit_git()

    def edit_git(self) -> None:
        draw = self.random
        self.value += 1
        for ref in draw.sample(sorted(self.wanted), min(len(self.wanted), draw.randint(0, 3))):
            self.wanted[ref] = manifest(ref, str(self.value), extra=draw.random() < 0.5)
        if draw.random() < 0.4:
            ref = draw_refs(draw, 1)[0]
            self.wanted.setdefault(ref, manifest(ref, str(self.value)))
        if draw.random() < 0.5 and self.removals < _REMOVALS and len(self.wanted) > 2:
            self.removals += 1
            del self.wanted[draw.choice(sorted(self.wanted))]
        self.story.commit(self.wanted)

    # --- other people ------------------------------------------------------------------------

    def others(self) -> None:
        """Let somebody do something to the cluster."""
        people, draw = self.story.people, self.random
        ref = draw.choice(sorted(self.wanted))
        match draw.choice(["edit", "edit", "add", "add", "delete", "recreate", "make", "copy",
                           "protect"]):  # fmt: skip
            case "edit":
                people.edit(ref)
            case "add":
                people.add(ref)
            case "delete":
                people.delete(ref)
            case "recreate":
                people.recreate(ref)
            case "make":
                people.make(draw.choice(sorted(KINDS)))
            case "copy":
                people.make(ref.kind, like=ref)
            case _:
                people.protect(ref)


# --- families --------------------------------------------------------------------------------


def _is_discovery(exchange: Exchange) -> bool:
    return exchange.side == "api" and (
        exchange.request.path in ("/api", "/apis") or exchange.request.path.startswith("/openapi")
    )


def _nothing(_: Teller) -> Decide:
    return no_fault


def _busy(teller: Teller) -> Decide:
    faults = [*answers(500, 503, 504), Fault("answer", "429", refusal(429, retry_after_s=0)),
              Fault("answer", "503 later", refusal(503, retry_after_s=0))]  # fmt: skip
    return Storm(teller.seed(), teller.random.uniform(0.01, 0.3), faults, on_api)


def _refusing(teller: Teller) -> Decide:
    faults = answers(401, 403, 404, 409, 410, 413, 422)
    return Storm(teller.seed(), teller.random.uniform(0.01, 0.2), faults, on_api)


def _lossy(teller: Teller) -> Decide:
    rate = teller.random.uniform(0.05, 0.4)
    return first_of(
        Storm(teller.seed(), rate, [LOST, RESET, *LATE], on_write),
        Storm(teller.seed(), rate / 4, [RESET, LOST], on_api),
    )


def _flaky(teller: Teller) -> Decide:
    slow = [Fault("delay", seconds=teller.random.uniform(0.01, 0.2)), DROP]
    return Storm(teller.seed(), teller.random.uniform(0.05, 0.3), slow, on_api)


def _half_blind(teller: Teller) -> Decide:
    group = teller.random.choice([GROUP, "apps"])
    hidden = teller.random.choice([reported_gone(group), reported_stale(group), RESET,
                                   *answers(500, 503, 404, 403)])  # fmt: skip
    return Storm(teller.seed(), teller.random.choice([0.3, 1.0]), [hidden], _is_discovery)


def _cut_lists(teller: Teller) -> Decide:
    teller.story.lane.page_size = teller.random.randint(1, 2)
    gone = [*answers(410, 500, 404), RESET, LOST]
    return first_of(
        Storm(teller.seed(), teller.random.uniform(0.1, 0.6), gone, on_label("(next page)")),
        Storm(teller.seed(), teller.random.choice([0.0, 0.3]), [without_token()], on("GET")),
    )


def _bad_git(teller: Teller) -> Decide:
    faults = [*map(git_status, (401, 403, 404, 500, 503)), DROP, RESET, LOST, half()]
    return Storm(teller.seed(), teller.random.uniform(0.2, 1.0), faults, on_git)


def _bad_packs(teller: Teller) -> Decide:
    faults = [corrupt(), half(), RESET, pack_of(packs.without_base(), "thin"),
              pack_of(packs.empty(), "empty"), pack_of(packs.bomb(blobs=8), "bomb")]  # fmt: skip
    return Storm(teller.seed(), teller.random.choice([0.5, 1.0]), faults, on_label("git pack"))


def _moving_refs(teller: Teller) -> Decide:
    step = teller.random.choice(["git refs", "git pack"])
    move = Fault("act", "refs move", act=teller.edit_git)
    return Storm(teller.seed(), 1.0, [move], lambda e: on_label(step)(e) and e.nth == 1)


def _busy_people(teller: Teller) -> Decide:
    act = Fault("act", "others at work", act=teller.others)
    return Storm(teller.seed(), teller.random.uniform(0.1, 0.5), [act], on_api)


def _killed(teller: Teller) -> Decide:
    return kill_at(teller.random.randint(1, _REQUESTS), after=teller.random.random() < 0.5)


def _killed_in_a_storm(teller: Teller) -> Decide:
    storm = teller.random.choice([_busy, _refusing, _lossy, _flaky, _busy_people])
    return first_of(_killed(teller), storm(teller))


def _everything(teller: Teller) -> Decide:
    families = [_busy, _refusing, _lossy, _flaky, _half_blind, _cut_lists, _bad_git, _bad_packs,
                _moving_refs, _busy_people, _killed]  # fmt: skip
    return first_of(*(family(teller) for family in teller.random.sample(families, 3)))


FAMILIES: dict[str, Family] = {
    "no fault": _nothing,
    "API server busy: 429, 500, 503, 504": _busy,
    "refusals: 401 403 404 409 410 413 422": _refusing,
    "answers lost, reset, or 500 after the fact": _lossy,
    "connections dropped, delays": _flaky,
    "discovery and schemas: hidden, stale, failing": _half_blind,
    "lists cut at a page, tokens lost": _cut_lists,
    "Git: 401 403 404 500 503, dropped, cut": _bad_git,
    "Git: corrupt, thin, empty packs, bombs": _bad_packs,
    "Git: refs move between two requests": _moving_refs,
    "others edit between plan and write": _busy_people,
    "SIGKILL at a random request": _killed,
    "SIGKILL in a storm": _killed_in_a_storm,
    "everything at once": _everything,
}
