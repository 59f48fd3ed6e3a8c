"""Who is let into the dashboards: by the token once, then by a cookie that outlives a restart and expires."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlencode

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.identity import PasswordIdentityProvider, User
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.base.handlers import JupyterHandler
from markupsafe import Markup
from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher
from tornado.web import Finish, RequestHandler

from arbkit.core.files import file_lock, writing
from arbkit.core.service.failed_logins import FailedLogins
from arbkit.web.dashboards.server.plain import PlainErrors, RefusalError, plain_page
from arbkit.web.policies import STATIC_PAGE

_KEY_BYTES = 32
_LOCK_S = 30.0
"""Seconds to wait for another process that makes the key: it takes a moment, on a slow disk a few seconds."""
_WRONG = "wrong"
_STALE = "The token in that address is not the one in force: it is mistyped, or of an earlier start of arbkit."
_MISSING = "This browser is not logged in, or its login has expired."
_OTHERS = 0o077
"""The rights of everybody but the owner."""


def cookie_secret(home: Path, *, own_token: str) -> bytes:
    """What login cookies are signed with: the same after a restart, another with another ``own_token``.

    The key lies in ``home``, for its owner alone.

    Raises:
        ServiceError: it can be neither read nor written.
    """
    path = home / "dashboards.key"
    with file_lock(path.with_suffix(".lock"), what="another start of the dashboards", wait_s=_LOCK_S), writing(path):
        if not (os.path.lexists(path) and _is_secret(path)):
            path.unlink(missing_ok=True)
            # Nobody else may read it, not even before it is written.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
        return hmac.digest(path.read_bytes(), own_token.encode(), sha256)


def _is_secret(path: Path) -> bool:
    """Whether the key is whole, and nobody else could read it or knows it because they put it there."""
    found = path.lstat()
    if os.name == "posix" and (found.st_mode & _OTHERS or found.st_uid != os.geteuid()):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == _KEY_BYTES


class DashboardIdentity(PasswordIdentityProvider):
    """Takes the token from a form or a header, never from an address; wrong ones are limited."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.failed = FailedLogins()

    def get_token(self, handler: RequestHandler) -> str | None:
        """The token of the ``Authorization`` header, if it is the right one."""
        match = self.auth_header_pat.match(handler.request.headers.get("Authorization", ""))
        return str(self.token) if match is not None and self.knows(handler, match.group(2)) else None

    def process_login_form(self, handler: RequestHandler) -> User | None:
        """The user if the form holds the token."""
        known = self.knows(handler, handler.get_body_argument("password", ""))
        return self.generate_anonymous_user(handler) if known else None

    def knows(self, handler: RequestHandler, token: str) -> bool:
        """Whether this is the token.

        Raises:
            Finish: too many wrong ones came from this address; it has been answered.
        """
        address = handler.request.remote_ip or ""
        if wait := self.failed.wait_s(address):
            # Whatever handler was asked answers this, whichever way it shows its errors.
            handler.set_status(429)
            handler.set_header("Retry-After", str(wait))
            handler.set_header("Content-Security-Policy", STATIC_PAGE)
            handler.finish(plain_page("Too many requests", f"Too many wrong tokens: try again in {wait} seconds."))
            raise Finish
        if hmac.compare_digest(token.encode("utf-8", "replace"), str(self.token).encode()):
            return True
        self.failed.note(address)
        return False


class TokenInAddress(Matcher):
    """Matches every request whose address holds a token."""

    def match(self, request: HTTPServerRequest) -> dict[str, str] | None:
        """No arguments for the handler; None for any other request."""
        return {} if "token" in request.query_arguments else None


class TokenLogin(PlainErrors, JupyterHandler):
    """Logs in by an address with a token and goes on to the same address without it, before anything else sees it."""

    identity_provider: DashboardIdentity

    @allow_unauthenticated
    def get(self) -> None:
        """Redirect; a wrong token leads to the login form, which says so."""
        identity = self.identity_provider
        is_known = self.current_user is not None
        if not is_known and identity.knows(self, self.get_query_arguments("token")[-1]):
            identity.set_login_cookie(self, identity.generate_anonymous_user(self))
            is_known = True
        rest = [
            (n, value) for n in self.request.query_arguments if n != "token" for value in self.get_query_arguments(n)
        ]
        # A browser takes two slashes, or a backslash, for another host.
        path = "/" + self.request.path.lstrip("/\\").replace("\\", "%5C")
        self.set_header("Cache-Control", "no-store")
        following = f"{path}?{urlencode(rest)}" if rest else path
        self.redirect(following if is_known else f"/login?{urlencode({'next': following, _WRONG: 1})}")

    head = get

    @allow_unauthenticated
    def post(self) -> None:
        """Refuse it.

        Raises:
            RefusalError: 400, always.
        """
        raise RefusalError(400, "Send the token in the header `Authorization: token …`.")

    put = patch = delete = options = post


class Login(PlainErrors, LoginFormHandler):
    """The form that asks for the token."""

    @property
    def content_security_policy(self) -> str:
        """That of a page without a script."""
        return STATIC_PAGE

    def _redirect_safe(self, url: str, default: str | None = None) -> None:
        # No header takes a line's end: the answer to a right token would be a fault of ours.
        super()._redirect_safe("".join(filter(str.isprintable, url)), default)  # type: ignore[no-untyped-call]

    def _render(self, message: dict[str, str] | None = None) -> None:
        following = "?" + urlencode({"next": self.get_query_argument("next", default=self.base_url)})
        is_wrong = _WRONG in self.request.query_arguments
        text = "This is not the token." if message else _STALE if is_wrong else _MISSING
        proof = Markup(self.xsrf_form_html())  # noqa: S704 - made by tornado
        self.finish(plain_page("Log in", text, following=following, proof=proof))


class Logout(JupyterHandler):
    """Ends the session of a browser."""

    @allow_unauthenticated
    def get(self) -> None:
        """Remove the cookie and show the login form."""
        self.identity_provider.clear_login_cookie(self)
        self.redirect("/login")
