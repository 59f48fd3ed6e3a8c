"""How `arbkit up` leads somebody to the dashboards: by a private file, never with a token in a list of processes."""

from __future__ import annotations

import stat
import sys
import webbrowser

import pytest

from arbkit.core.settings import Settings
from arbkit.ops.first_page import first_page_file, leading_to, open_first_page

URL = "http://127.0.0.1:8866/voila/render/opportunities.ipynb?token=secret&a=b"


class Window(webbrowser.BackgroundBrowser):
    """A browser with a window, that notes what is opened."""

    def __init__(self) -> None:
        super().__init__("window")
        self.opened: list[str] = []

    def open(self, url: str, *_: object, **__: object) -> bool:
        self.opened.append(url)
        return True


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch) -> Window:
    """A desktop: a display, a browser, and somebody at a terminal."""
    found = Window()
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("BROWSER", raising=False)
    monkeypatch.setattr(webbrowser, "get", lambda: found)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    return found


def test_the_file_is_private_leads_there_and_goes_with_the_block(settings: Settings) -> None:
    path = first_page_file(settings)
    settings.home.mkdir()
    path.write_text("left by one that was killed")
    path.chmod(0o644)
    with leading_to(settings, URL):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert URL.replace("&", "&amp;") in path.read_text()
    assert not path.exists()


def test_a_browser_gets_the_file_and_not_the_token(settings: Settings, window: Window) -> None:
    with leading_to(settings, URL):
        assert open_first_page(settings, URL)
    assert window.opened == [first_page_file(settings).as_uri()]


def test_without_the_file_it_gets_the_address_which_holds_no_token_then(settings: Settings, window: Window) -> None:
    assert open_first_page(settings, "http://127.0.0.1:8866/x")
    assert window.opened == ["http://127.0.0.1:8866/x"]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")
def test_nothing_opens_on_a_server_or_where_nobody_sits(
    settings: Settings, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser("lynx"))
    assert not open_first_page(settings, URL)
    monkeypatch.setattr(webbrowser, "get", lambda: window)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert not open_first_page(settings, URL)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not open_first_page(settings, URL)
    assert window.opened == []
