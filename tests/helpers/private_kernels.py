"""A pytest plugin for nbval: its kernels talk over private sockets, for a port they choose may be taken meanwhile."""

from __future__ import annotations

from typing import Any

import nbval.kernel  # type: ignore[import-untyped]
from jupyter_client.manager import KernelManager

from arbkit.reports.kernel.sockets import private_sockets


class PrivateKernel(KernelManager):
    """The kernel of a notebook; its sockets lie beside its connection file."""

    def __init__(self, **rest: Any) -> None:
        super().__init__(**private_sockets(), **rest)


nbval.kernel.KernelManager = PrivateKernel
