"""Lets every CLI work where there is no network but loopback, and tells which names it asked for.

Run as `unshare --net --mount python -m tests.offline FOLDER`; prints `{agent: [outcome, [names]]}`.
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import sys
import threading
from pathlib import Path
from typing import Any

from tests.driving import CLIS, drive

SIOCSIFFLAGS, IFF_UP, MS_BIND = 0x8914, 0x1, 0x1000
SEARCH = {"codex": [], "claude_code": ["Grep", "Glob"], "opencode": ["grep", "glob"]}


def prepare(folder: Path) -> socket.socket:
    """Bring loopback up and become its name server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    resolv = folder / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\n")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(bytes(resolv), b"/etc/resolv.conf", None, MS_BIND, None):
        raise OSError(ctypes.get_errno(), "mount")
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    return server


def listen(server: socket.socket, names: list[str]) -> None:
    """Note every name that is asked for, and say that there is none."""
    while True:
        query, client = server.recvfrom(4096)
        labels, rest = [], query[12:]
        while length := rest[0]:
            labels.append(rest[1 : length + 1].decode("latin-1"))
            rest = rest[length + 1 :]
        names.append(".".join(labels))
        server.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:], client)


def main(folder: Path) -> None:
    """Drive each CLI through a shell command and a search."""
    names: list[str] = []
    threading.Thread(target=listen, args=(prepare(folder), names), daemon=True).start()
    with_lookup = f"{sys.executable} -c 'import socket; socket.gethostbyname(\"control.invalid\")'; true"
    told = {}
    for name, agent in CLIS.items():
        calls = [{"name": tool, "arguments": {"pattern": "*x"}} for tool in SEARCH[name]]
        turns: list[dict[str, Any]] = [{"shell": with_lookup}, {"text": "Done."}]
        turns[1:1] = [{"tool_calls": calls}] if calls else []
        run = drive(agent(), folder / name, turns, env=dict(os.environ)).run
        told[name] = [run.outcome, sorted(set(names))]
        names.clear()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
