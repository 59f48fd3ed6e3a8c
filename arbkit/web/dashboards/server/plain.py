"""Pages without a script, for whatever is said instead of a dashboard; files that are served to anybody."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from http import HTTPStatus
from types import TracebackType

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
from markupsafe import Markup
from tornado.web import HTTPError, RequestHandler, StaticFileHandler
from voila.static_file_handler import MultiStaticFileHandler, TemplateStaticFileHandler

from arbkit.display.html import render
from arbkit.web.policies import SECURITY_HEADERS, STATIC_PAGE

_Raised = tuple[type[BaseException], BaseException, TracebackType]


class RefusalError(HTTPError):
    """An error with a sentence for the reader, and perhaps with seconds after which to try again."""

    def __init__(self, status: int, text: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(status, reason=HTTPStatus(status).phrase)
        self.text = text
        self.retry_after_s = retry_after_s


def plain_page(title: str, text: str = "", *, following: str = "", proof: Markup | None = None) -> str:
    """A page with a title and a sentence.

    With ``proof``, a hidden field that only our own page holds, it asks for the token and goes on to the query
    ``following``.
    """
    values = {"title": title, "text": text, "following": following, "proof": proof}
    return render("plain.html.j2", package="arbkit.web.dashboards", **values)


class PlainErrors(RequestHandler):
    """Answers an error with a plain page."""

    def write_error(self, status_code: int, **raised: _Raised) -> None:
        """Say what was wrong; what a fault of ours was stands in the log alone."""
        error = raised["exc_info"][1] if "exc_info" in raised else None
        refusal = error if isinstance(error, RefusalError) else None
        if refusal is not None and refusal.retry_after_s is not None:
            self.set_header("Retry-After", str(refusal.retry_after_s))
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Content-Security-Policy", STATIC_PAGE)
        self.finish(plain_page(HTTPStatus(status_code).phrase, refusal.text if refusal else ""))


class NotFound(PlainErrors, JupyterHandler):
    """Answers every address that means nothing here, the same to everybody."""

    @allow_unauthenticated
    def get(self, *_: str) -> None:
        """Refuse it.

        Raises:
            RefusalError: 404, always.
        """
        raise RefusalError(404, "There is no such page.")

    head = post = put = patch = delete = options = get


class _Files(PlainErrors, StaticFileHandler):
    """Static files: what names none of them is not found, whatever is odd about it."""

    def set_default_headers(self) -> None:
        """The policies of every answer."""
        _set(self, SECURITY_HEADERS)

    async def get(self, path: str, include_body: bool = True) -> None:
        """Send the file.

        Raises:
            RefusalError: 404, there is none.
        """
        try:
            sent: Awaitable[None] = super().get(path, include_body)
            await sent
        except (AssertionError, LookupError, OSError, UnboundLocalError, ValueError):
            raise RefusalError(404, "There is no such file.") from None

    async def head(self, path: str) -> None:
        """As :meth:`get`, without the content."""
        await self.get(path, include_body=False)


class TemplateFiles(_Files, TemplateStaticFileHandler):  # type: ignore[misc]
    """The files of Voilà's templates."""


class StaticFiles(_Files, MultiStaticFileHandler):  # type: ignore[misc]
    """Voilà's own files and the charts' library."""


class ExtensionFiles(PlainErrors, FileFindHandler):
    """The scripts of widgets."""

    @allow_unauthenticated
    async def get(self, path: str, include_body: bool = True) -> None:
        """Send the file.

        Raises:
            RefusalError: 404, there is none.
        """
        try:
            await super().get(path, include_body)
        except (OSError, ValueError):
            raise RefusalError(404, "There is no such file.") from None


def _set(handler: RequestHandler, headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        handler.set_header(name, value)
