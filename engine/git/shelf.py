"""Objects of one repository taken piece by piece: a commit without its files, then some of those.

The cache (engine.git.cache) holds commits whole, since a sync reads all of an application. An edit
reads a few files of perhaps ten thousand, so it asks for what it reads, in a folder of its own that
is gone afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from dulwich.objects import ObjectID

from engine.errors import GitError
from engine.git.cache import Generation
from engine.git.connection import connect
from engine.git.conversation import decoded
from engine.git.objects import Objects
from engine.git.pack import IncomingPack, PackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from engine.git.address import Address
    from engine.git.failures import Terms
    from engine.model import Credentials


class Shelf:
    """Where pieces of a repository gather. For one thread."""

    def __init__(self, folder: Path, address: Address, credentials: Credentials | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._generation = Generation(folder)
        self._address = address
        self._credentials = credentials
        self.starts: dict[str, str] = {}  # for whoever wants to remember where a ref was
        self.objects = Objects(self._generation.store, where=address.text)

    def close(self) -> None:
        self.objects.close()

    def take(
        self, wants: Callable[[Mapping[str, str]], list[str]], *, terms: Terms, ref: str,
        depth: int | None = None, leave_out: str = "", haves: Iterable[str] = (),
    ) -> dict[str, str]:  # fmt: skip
        """Ask for the objects that ``wants`` picks from the refs listed, and return those refs.

        ``leave_out`` is a filter of Git, as "blob:none"; a server that knows none sends all.
        ``haves`` are commits that are here; each ends the history that is here.
        """
        pack: IncomingPack | None = None
        known = [ObjectID(name.encode()) for name in haves]

        def pick(refs: Mapping[bytes, bytes], depth: int | None = None) -> list[ObjectID]:  # noqa: ARG001 - dulwich's signature
            nonlocal pack
            wanted = wants(decoded(refs))
            if wanted:
                pack = IncomingPack(
                    self._generation.packs_folder, limits=terms.limits, deadline=terms.deadline,
                    where=terms.failures.where,
                )  # fmt: skip
            return [ObjectID(name.encode()) for name in wanted]

        client, path = connect(self._address, self._credentials, terms)
        try:
            result = client.fetch_pack(
                path, cast("Any", pick), cast("Any", _Walker(known)),
                lambda data: cast("IncomingPack", pack).write(data),
                depth=depth, ref_prefix=[ref.encode()], filter_spec=leave_out.encode() or None,
            )  # fmt: skip
            if pack is not None:
                self._keep(pack, terms)
        except GitError:
            terms.deadline.check()
            raise
        except Exception as error:  # noqa: BLE001 - whatever dulwich meets
            terms.deadline.check()
            # Not chained: a traceback would show the server's words as they came.
            raise terms.failures.translate(error) from None
        finally:
            if pack is not None:
                pack.discard()
            client.close()
        return decoded(result.refs)

    def _keep(self, pack: IncomingPack, terms: Terms) -> None:
        if not pack.size_bytes:
            raise PackError(
                "PLB215", "the server sent nothing", where=terms.failures.where,
                why="it was asked for objects and did not give them", hint="try again",
            )  # fmt: skip
        pack.install(self._generation.store)


class _Walker:
    """The commits that are here, as dulwich asks for them."""

    def __init__(self, haves: list[ObjectID]) -> None:
        self.shallow = set(haves)
        self._haves = iter(haves)

    def __next__(self) -> ObjectID | None:
        return next(self._haves, None)

    def ack(self, sha: ObjectID) -> None:
        """Hear that the server knows a commit, too."""

    def nak(self) -> None:
        """Hear that the server knows none of them."""
