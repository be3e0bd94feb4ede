"""Plumb under an audit hook of the interpreter, which hears of whatever anybody in there does.

A hook can't be taken off again, so each command has a process of its own: faults/warm.py calls
``main`` in it. Reading the modules of the interpreter is allowed, and what AUDIT_ALLOWED names.
"""

from __future__ import annotations

import ipaddress
import json
import os
import sys
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PROCESSES = frozenset({
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork",
    "os.forkpty", "pty.spawn", "os.startfile", "ctypes.dlopen",
})  # fmt: skip
_PATHS = frozenset({
    "os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.rmdir", "os.chmod",
    "os.truncate", "os.listdir", "os.scandir", "shutil.rmtree", "sqlite3.connect",
})  # fmt: skip
# Where the descriptor of the folder is that a path is relative to.
_FOLDERS = {"os.remove": 1, "os.rmdir": 1, "os.mkdir": 2}
# The metrics tell the process's own memory, descriptors and start.
_PROCESS = ("/proc/self", "/proc/stat")


class Hook:
    """What was heard: ``seen`` are events that are not allowed, the rest are addresses."""

    def __init__(self, cache: list[str], read: list[str]) -> None:
        self.seen: list[list[str]] = []
        self.connected: set[str] = set()
        self.bound: set[str] = set()
        self.asked: set[str] = set()
        self._cache = tuple(cache)
        places = (*sys.path, sys.prefix, sys.base_prefix)
        self._read = (*read, *{os.path.realpath(place) for place in places if place})

    def __call__(self, event: str, args: Any) -> None:
        if event in _PROCESSES:
            self.seen.append([event, repr(args[0])])
        elif event in ("socket.connect", "socket.sendto", "socket.bind"):
            self._socket(event, args[1])
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            self._name(str(args[0]))
        elif (event == "open" or event in _PATHS) and isinstance(args[0], (str, bytes)):
            self._path(event, args)

    def _name(self, host: str) -> None:
        """Note a name that is looked up: that too is a question to somebody else."""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            self.asked.add(host)

    def _socket(self, event: str, address: Any) -> None:
        if not isinstance(address, tuple):
            self.seen.append([event, repr(address)])
            return
        into = self.bound if event == "socket.bind" else self.connected
        into.add(f"{address[0]}:{address[1]}")

    def _path(self, event: str, args: Any) -> None:
        path = os.fsdecode(args[0])
        folder = args[_FOLDERS[event]] if event in _FOLDERS else -1
        if isinstance(folder, int) and folder >= 0:
            path = str(Path(f"/proc/self/fd/{folder}").readlink() / path)
        path = os.path.realpath(path)
        is_write = event != "open" or bool((args[2] or 0) & _WRITING)
        is_read = not is_write or event in ("os.listdir", "os.scandir")
        if _is_in(path, self._cache) or path == "/dev/null":
            return
        if is_read and _is_in(path, (*self._read, *_PROCESS, f"/proc/{os.getpid()}")):
            return
        self.seen.append([event, path])


def _is_in(path: str, places: tuple[str, ...]) -> bool:
    return any(path == place or path.startswith(place + os.sep) for place in places)


def main() -> None:
    """Run the command line, and end standard error with a line of what was heard."""
    from engine.cli import main as plumb

    sys.dont_write_bytecode = True
    hook = Hook(**json.loads(os.environ.pop("AUDIT_ALLOWED")))
    sys.addaudithook(hook)
    code: Any = 0
    try:
        plumb()
    except SystemExit as done:
        code = done.code
    heard = {
        "code": code, "seen": hook.seen, "connected": sorted(hook.connected),
        "bound": sorted(hook.bound), "asked": sorted(hook.asked),
    }  # fmt: skip
    sys.stderr.write("\n" + json.dumps(heard) + "\n")
