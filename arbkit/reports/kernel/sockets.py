"""How a program talks to the Jupyter kernels that it starts, so that no other user of the machine can listen."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import zmq
from jupyter_core.paths import jupyter_runtime_dir

_LONGEST_SOCKET_PATH = 100
"""Characters of a Unix socket's path; macOS allows 103, Linux 107."""
_SOCKET_NAME = "/kernel-00000000-0000-0000-0000-000000000000-ipc-9999"


def transport(folder: Path) -> str:
    """``ipc`` or ``tcp``: how to talk to kernels whose connection files lie in ``folder``.

    Sockets in a private folder are their owner's, and their names are free. Over TCP every user of the machine could
    listen, and another program may take a port between its choice and its use: the kernel then dies at its start.
    """
    fits = len(str(folder)) + len(_SOCKET_NAME) <= _LONGEST_SOCKET_PATH
    return "ipc" if fits and sys.platform != "win32" and zmq.has("ipc") else "tcp"


def private_sockets() -> dict[str, str]:
    """What a kernel manager has to be told for a kernel of its own: how to talk to it, and where its sockets lie.

    Raises:
        OSError: the folder for the files of running kernels cannot be made.
    """
    folder = Path(jupyter_runtime_dir())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Without a name of its own the sockets would lie in the folder that the kernel is started in.
    return {"transport": transport(folder), "connection_file": str(folder / f"kernel-{uuid4()}.json")}
