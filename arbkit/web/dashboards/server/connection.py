"""The socket between a page in a browser and its kernel."""

from __future__ import annotations

import asyncio

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

SUBSCRIBED_S = 0.05
"""Seconds in which a subscription to what a kernel says has reached it, on one machine: it takes some milliseconds."""


class PageConnection(ZMQChannelsWebsocketConnection):
    """Asks the kernel whether it hears once it can: Jupyter asks at once, then half a second later.

    Its first question mostly comes before the subscription, so that every page would wait for the second one.
    """

    def nudge(self) -> asyncio.Future[None]:
        """See the base class: done once the kernel has been heard."""

        async def later() -> None:
            await asyncio.sleep(SUBSCRIBED_S)
            # The browser may have gone meanwhile.
            if not self.channels["iopub"].closed():
                await super(PageConnection, self).nudge()

        return asyncio.ensure_future(later())
