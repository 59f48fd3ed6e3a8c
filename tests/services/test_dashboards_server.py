"""The dashboards' server as somebody meets it who may not come in, and as a browser that may."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import websockets

from arbkit.core.settings import Settings
from tests.helpers.dashboards import KEY, PAGE, TOKEN, Served, serving

_PATIENCE_S = 120


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("dashboards") / "var"
    with serving(Settings.load(_env_file=None, home=home), key=KEY, pages=2) as one:
        yield one


def eventually(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.1)


def raw(served: Served, request: str, *, head_only: bool = False) -> bytes:
    """What is answered to these bytes: a client that normalises nothing."""
    parts = urlsplit(served.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=30) as connection:
        connection.sendall(request.encode())
        answer = b""
        while not (head_only and b"\r\n\r\n" in answer) and (piece := connection.recv(4096)):
            answer += piece
    return answer


def asked(served: Served, path: str, *headers: str) -> bytes:
    lines = (f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(headers or ("Connection: close",)), "", "")
    return raw(served, "\r\n".join(lines), head_only=bool(headers))


_SOCKET = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


def test_no_secret_is_in_anything_that_another_user_sees(served: Served) -> None:
    eventually(lambda: len(served.kernel_ids()) == 4, "no kernels are kept warm")
    page = requests.get(f"{served.url}{PAGE}?token={TOKEN}&profit=5", timeout=_PATIENCE_S)
    assert page.status_code == 200
    assert [(one.status_code, one.headers["Location"]) for one in page.history] == [(302, f"{PAGE}?profit=5")]
    assert page.history[0].headers["Cache-Control"] == "no-store"
    assert TOKEN not in page.text
    for kernel in served.kernels():
        shown = " ".join((*kernel.cmdline(), *kernel.environ().values()))
        assert TOKEN not in shown
        assert KEY not in shown
    # Who listens to a kernel over plain TCP needs no key to hear what it prints.
    for connection in served.connections():
        assert json.loads(connection.read_text())["transport"] == "ipc"
        assert (connection.stat().st_mode | connection.parent.stat().st_mode) & 0o077 == 0
    for kernel_id in served.kernel_ids():
        paths = (f"/voila/query/{kernel_id}", f"/api/kernels/{kernel_id}/channels", f"/voila/execution/{kernel_id}")
        for path in paths:
            answer = asked(served, path, *_SOCKET)
            assert answer.split(b" ")[1] in {b"403", b"404"}, (path, answer)
            assert TOKEN.encode() not in answer
        assert asked(served, f"/api/kernels/{kernel_id}").split(b" ")[1] == b"403"
        refused = requests.post(f"{served.url}/voila/api/shutdown/{kernel_id}", timeout=30)
        assert refused.status_code == 403
    log = served.log.read_text()
    assert TOKEN not in log
    assert KEY not in log
    # Nor a warning that says nothing to whoever reads it.
    assert "is not trusted" not in log
    assert "eavesdropping" not in log


def test_the_query_socket_tells_not_even_who_is_logged_in(served: Served) -> None:
    session = served.logged_in()
    eventually(lambda: len(served.kernel_ids()) >= 4, "no kernels are kept warm")
    for kernel_id in served.kernel_ids():
        assert session.get(f"{served.url}/voila/query/{kernel_id}", timeout=30).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/logout",
        "/voila/templates/..%2f..%2fetc/passwd",
        "/voila/templates/x",
        "/voila/templates/",
        "/voila/templates/lab/nothing/x.js",
        "/voila/templates/%00/static/x",
        "/voila/templates/none/static/x.js",
        "/voila/static/..%2f..%2f..%2fetc%2fpasswd",
        "/voila/static/%00",
        "/voila/static/" + "a" * 5000,
        "/voila/labextensions/..%2f..%2fetc%2fpasswd",
        "/voila/labextensions/%00",
        "/voila/labextensions/" + "a" * 5000,
        "/voila/api/themes/..%2fx",
        "/voila/api/themes/%00",
        "/voila/files/%00",
        "/voila/render/%00",
        "/voila/render/..%2f..%2fsecret.ipynb",
        "/voila/tree/%00",
        "/voila/api/contents/%00",
        "/voila/query/x",
        "/reports/detect/latest/report.html",
        "/api/kernels/00000000-0000-0000-0000-000000000000",
        "/login?next=%00",
        "/login?next=//elsewhere.example",
        "/%ff%fe",
        "/nothing",
        "//elsewhere.example/?token=wrong-one",
        "/\\elsewhere.example/?token=wrong-two",
    ],
)
def test_who_is_not_logged_in_gets_no_fault_and_no_way_out(served: Served, path: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        answer = raw(
            served, f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        status = int(answer.split(b" ")[1])
        assert status < 500, answer
        head = answer.partition(b"\r\n\r\n")[0]
        location = next((line for line in head.split(b"\r\n") if line.lower().startswith(b"location:")), b"")
        assert b"//elsewhere" not in location.partition(b"?")[0]
        assert b"root:" not in answer
    assert "Traceback" not in served.log.read_text()


def test_who_is_logged_in_gets_no_fault_for_a_page_that_is_none(served: Served) -> None:
    session = served.logged_in()
    for path in (
        "/voila/render/none.ipynb",
        "/voila/render/../x.ipynb",
        "/voila/render/api.py",
        "/voila/files/x",
        "/x",
    ):
        assert session.get(f"{served.url}{path}", timeout=30).status_code in {403, 404}, path


def test_every_answer_carries_the_policies(served: Served) -> None:
    session = served.logged_in()
    for path in ("/login", PAGE, "/voila/tree", "/nothing", "/voila/static/plotly.min.js", "/voila/static/none.js"):
        headers = session.get(f"{served.url}{path}", timeout=_PATIENCE_S).headers
        assert headers["X-Frame-Options"] == "DENY", path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin", path
        if "text/html" in headers["Content-Type"]:
            assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
            assert "https:" not in headers["Content-Security-Policy"], path


def test_the_cookie_is_for_this_site_and_expires(served: Served) -> None:
    answer = requests.get(f"{served.url}{PAGE}?token={TOKEN}", timeout=30, allow_redirects=False)
    words = [word.strip().lower() for word in answer.headers["Set-Cookie"].split(";")]
    assert {"httponly", "samesite=lax", "path=/"} <= set(words)
    [ends] = [parsedate_to_datetime(word.partition("=")[2]) for word in words if word.startswith("expires=")]
    # As docs/concepts/security.md says.
    assert timedelta(days=13, hours=23) < ends - datetime.now(UTC) < timedelta(days=14, hours=1)


def test_logging_out_ends_the_session_of_that_browser(served: Served) -> None:
    session, other = served.logged_in(), served.logged_in()
    session.get(f"{served.url}/logout", timeout=30)
    asked = [
        one.get(f"{served.url}/voila/tree", timeout=30, allow_redirects=False).is_redirect for one in (session, other)
    ]
    assert asked == [True, False]


def test_who_is_not_logged_in_reads_what_is_installed_for_everybody_and_no_page(served: Served) -> None:
    assert requests.get(f"{served.url}/voila/static/plotly.min.js", timeout=30).status_code == 200
    for path in (PAGE, "/voila/tree", "/reports/detect/latest/report.html", "/voila/api/contents"):
        answer = requests.get(f"{served.url}{path}", timeout=30, allow_redirects=False)
        assert answer.status_code in {302, 403}, path
        assert "arb-" not in answer.text, path


def test_the_form_takes_the_token_and_goes_on_to_the_page(served: Served) -> None:
    session = requests.Session()
    asks = session.get(f"{served.url}/voila/tree", timeout=30)
    assert 'type="password"' in asks.text
    form = dict(re.findall(r'name="(_xsrf)" value="([^"]+)"', asks.text))
    wrong = session.post(asks.url, data={**form, "password": "guess"}, timeout=30)
    assert wrong.status_code == 401
    assert "This is not the token" in wrong.text
    right = session.post(asks.url, data={**form, "password": TOKEN}, timeout=30)
    assert urlsplit(right.url).path == "/voila/tree"


def test_the_root_leads_to_the_opportunities(served: Served) -> None:
    # Drawing the page would take long, and is not what this is about.
    found = served.logged_in().get(f"{served.url}/", allow_redirects=False, timeout=30)
    assert (found.status_code, found.headers["Location"]) == (302, PAGE)
    asks = requests.get(f"{served.url}/", timeout=30)
    assert "is not logged in" in asks.text


def test_a_wrong_token_in_an_address_is_said_to_be_wrong(served: Served) -> None:
    session = requests.Session()
    asks = session.get(f"{served.url}{PAGE}?token=of-yesterday&profit=5", timeout=30)
    assert "is not the one in force" in asks.text
    assert "of-yesterday" not in asks.text + asks.url
    proof = re.search(r'name="_xsrf"[^>]*value="([^"]+)"', asks.text)
    assert proof is not None
    right = session.post(
        asks.url, data={"_xsrf": proof[1], "password": TOKEN}, allow_redirects=False, timeout=30
    )  # fmt: skip
    assert right.headers["Location"] == f"{PAGE}?profit=5"


@pytest.mark.parametrize("following", ["/x\r\nX-Made-Up: 1", "/x\ny", "/\x00"])
def test_where_to_go_on_after_a_login_is_an_address_whatever_it_holds(served: Served, following: str) -> None:
    session = requests.Session()
    form = session.get(f"{served.url}/login", params={"next": following}, timeout=30)
    proof = re.search(r'name="_xsrf"[^>]*value="([^"]+)"', form.text)
    assert proof is not None
    done = session.post(
        f"{served.url}/login", params={"next": following}, data={"_xsrf": proof[1], "password": TOKEN},
        allow_redirects=False, timeout=30,
    )  # fmt: skip
    assert done.status_code == 302
    assert "X-Made-Up" not in done.headers
    assert done.headers["Location"].startswith("/")


def test_more_pages_than_there_is_room_for_are_refused_in_words(served: Served) -> None:
    session = served.logged_in()

    def shut() -> None:
        for kernel_id in served.kernel_ids():
            session.post(f"{served.url}/voila/api/shutdown/{kernel_id}", timeout=60)

    shut()
    eventually(lambda: session.get(f"{served.url}{PAGE}", timeout=60).status_code == 200, "no room after all ended")
    answers = [session.get(f"{served.url}{PAGE}", timeout=60) for _ in range(3)]
    refused = answers[-1]
    assert refused.status_code == 503
    assert "2 pages are open" in refused.text
    assert "ARBKIT_DASHBOARD_PAGES" in refused.text
    assert refused.headers["Retry-After"] == "60"
    shut()
    eventually(
        lambda: session.get(f"{served.url}{PAGE}", timeout=60).status_code == 200, "the room is never free again"
    )


def test_a_request_has_bounds(served: Served) -> None:
    with contextlib.suppress(ConnectionResetError):
        assert b"200 OK" not in asked(served, "/login?" + "x" * 100_000)
    large = "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000\r\n\r\n"
    assert raw(served, large).split(b" ")[1] in {b"400", b"413"}


def test_guessing_is_slowed_down_and_sessions_go_on(settings: Settings, served: Served) -> None:
    session = served.logged_in()
    for n in range(30):
        requests.get(f"{served.url}{PAGE}?token=guess-{n}", timeout=30)
    guesser = requests.Session()
    form = dict(re.findall(r'name="(_xsrf)" value="([^"]+)"', guesser.get(f"{served.url}/login", timeout=30).text))
    for attempt in (
        guesser.post(f"{served.url}/login", data={**form, "password": TOKEN}, timeout=30),
        requests.get(f"{served.url}/voila/tree?token={TOKEN}", timeout=30),
        requests.get(f"{served.url}/voila/tree", headers={"Authorization": f"token {TOKEN}"}, timeout=30),
    ):
        assert attempt.status_code == 429
        assert 1 <= int(attempt.headers["Retry-After"]) <= 60
        assert "Too many wrong tokens" in attempt.text
    assert session.get(f"{served.url}/voila/tree", timeout=30).url.endswith("/voila/tree")
    assert session.get(f"{served.url}/voila/tree?token=old-link", timeout=30).url.endswith("/voila/tree")


@pytest.mark.parametrize(
    ("before", "after", "is_new", "stays"),
    [("one", "one", False, True), ("one", "another", False, False), ("one", "another", True, True)],
)
def test_a_login_outlives_a_restart_and_ends_when_the_user_changes_the_token(
    settings: Settings, before: str, after: str, is_new: bool, stays: bool
) -> None:
    browser = requests.Session()
    with serving(settings, token=before, is_new=is_new) as first:
        browser.get(f"{first.url}/voila/tree?token={before}", timeout=60)
    assert (settings.home / "dashboards.key").stat().st_mode & 0o777 == 0o600
    with serving(settings, token=after, is_new=is_new, port=urlsplit(first.url).port or 0) as again:
        answer = browser.get(f"{again.url}/voila/tree", timeout=60)
        assert ("/login" not in answer.url) is stays


def test_a_socket_that_answers_pings_stays_open_and_one_that_does_not_is_closed(settings: Settings) -> None:
    """A tab whose machine has gone says nothing any more; one in the background still answers."""
    with serving(settings) as served:
        session = served.logged_in()
        page = session.get(f"{served.url}{PAGE}", timeout=_PATIENCE_S).text
        kernel_id = re.findall(r'"kernelId": "([0-9a-f-]{36})"', page)[0]
        address = f"{served.url.replace('http', 'ws')}/api/kernels/{kernel_id}/channels?session_id="
        cookie = "; ".join(f"{one.name}={one.value}" for one in session.cookies)

        async def hold() -> None:
            connect = partial(websockets.connect, additional_headers={"Cookie": cookie}, ping_interval=None)
            async with connect(f"{address}one") as alive, connect(f"{address}two") as silent:
                # Nobody reads it any more, so that nothing answers the server's pings.
                silent.transport.pause_reading()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(40):
                        await alive.wait_closed()
                assert alive.state.name == "OPEN"
                silent.transport.resume_reading()
                async with asyncio.timeout(_PATIENCE_S):
                    await silent.wait_closed()

        asyncio.run(hold())


def test_where_no_socket_fits_into_the_folder_kernels_are_encrypted(settings: Settings, tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20)
    deep.mkdir()
    with serving(settings, temporary=deep) as served:
        assert served.logged_in().get(f"{served.url}{PAGE}", timeout=_PATIENCE_S).status_code == 200
        assert served.connections()
        for connection in served.connections():
            found = json.loads(connection.read_text())
            assert (found["transport"], "curve_secretkey" in found) == ("tcp", True)
            assert connection.stat().st_mode & 0o077 == 0


def test_nothing_in_the_folder_of_the_user_is_run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # Voilà takes a voila.py of the current folder for its configuration, and Python any module for its own.
    folder = settings.home.parent
    for name in ("voila", "jupyter_config", "jupyter_server_config", "ipython_config", "polars", "sitecustomize"):
        (folder / f"{name}.py").write_text(f"open({str(folder / 'ran')!r}, 'a').write('{name} ')\n")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    with serving(settings) as one:
        assert one.logged_in().get(f"{one.url}{PAGE}", timeout=_PATIENCE_S).status_code == 200
    assert not (folder / "ran").exists()
