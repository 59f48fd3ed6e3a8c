"""Reports over the dashboards' server: who may read them, and what they may do."""

from __future__ import annotations

import asyncio

import pytest
from jupyter_server.auth.authorizer import AllowAllAuthorizer
from jupyter_server.auth.identity import IdentityProvider
from tornado.httpclient import AsyncHTTPClient
from tornado.httpclient import HTTPResponse as Answer
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application

from arbkit.core.settings import Settings
from arbkit.web.dashboards.report_files import ROUTE, ReportHandler

TOKEN = "tok"
BODY = "<script>steal()</script>" * 100_000


@pytest.fixture
def report(settings: Settings) -> Settings:
    folder = settings.reports_dir / "detect" / "20260801T100000Z-abcdef"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text(BODY)
    (folder / "result.json").write_text("{}")
    (settings.reports_dir / "detect" / "latest").symlink_to(folder.name)
    return settings


def asked(settings: Settings, path: str, *, token: str | None = TOKEN) -> Answer:
    async def ask() -> Answer:
        identity = IdentityProvider(token=TOKEN)
        app = Application(
            [(ROUTE, ReportHandler, {"settings": settings})], identity_provider=identity, base_url="/",
            authorizer=AllowAllAuthorizer(identity_provider=identity), cookie_secret=b"x" * 32, login_url="/login",
            allow_remote_access=True,
        )  # fmt: skip
        listening, port = bind_unused_port()
        server = HTTPServer(app)
        server.add_socket(listening)
        headers = {"Authorization": f"token {token}"} if token else {}
        try:
            return await AsyncHTTPClient().fetch(
                f"http://127.0.0.1:{port}{path}", headers=headers, follow_redirects=False, raise_error=False
            )
        finally:
            server.stop()
            await server.close_all_connections()

    return asyncio.run(ask())


@pytest.mark.parametrize("run", ["20260801T100000Z-abcdef", "latest"])
def test_a_report_is_served_to_who_has_the_token(report: Settings, run: str) -> None:
    answer = asked(report, f"/reports/detect/{run}/report.html")
    assert answer.code == 200
    assert answer.body.decode() == BODY
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("token", [None, "another"])
def test_nobody_else_reads_it(report: Settings, token: str | None) -> None:
    answer = asked(report, "/reports/detect/latest/report.html", token=token)
    assert answer.code in (302, 403)
    assert BODY[:20] not in answer.body.decode()


def test_what_is_in_it_cannot_act_for_its_reader(report: Settings) -> None:
    headers = asked(report, "/reports/detect/latest/report.html").headers
    policy = headers["Content-Security-Policy"].split("; ")
    assert policy[0].startswith("sandbox ")
    assert "allow-same-origin" not in policy[0]
    assert "default-src 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/reports/detect/latest/result.json",
        "/reports/detect/../../arbkit.db",
        "/reports/detect/%2e%2e/report.html",
        "/reports/..%2f..%2fetc/x/report.html",
        "/reports/detect/..%2f..%2f..%2fx/report.html",
        "/reports/detect/none/report.html",
    ],
)
def test_nothing_else_is_served(report: Settings, path: str) -> None:
    answer = asked(report, path)
    assert answer.code == 404
    assert answer.body
