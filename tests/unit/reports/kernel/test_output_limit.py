"""What a notebook puts out is bounded where it is put out, with a note."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from arbkit.reports.kernel import output_limit


class _Session:
    def __init__(self) -> None:
        self.sent: list[tuple[Any, dict[str, Any]]] = []

    def send(self, stream: Any, message: Any, content: Any = None, **_: Any) -> None:
        self.sent.append((message, content))


def bounded(monkeypatch: pytest.MonkeyPatch) -> _Session:
    """A kernel's session that is bounded to a few characters."""
    monkeypatch.setattr(output_limit, "MOST_PRINTED", 10)
    monkeypatch.setattr(output_limit, "MOST_DISPLAYED", 100)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, _Stream())
    session = _Session()
    shell: Any = SimpleNamespace(kernel=SimpleNamespace(session=session))
    output_limit.load_ipython_extension(shell)
    return session


class _Stream(io.StringIO):
    """A text stream with attributes of its own, as that of a kernel has."""


def test_printed_text_ends_with_a_note_whichever_stream_it_goes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    session = bounded(monkeypatch)
    for _ in range(3):
        assert sys.stdout.write("four") == 4
        assert sys.stderr.write("more") == 4
    printed = [stream.getvalue() for stream in (sys.stdout, sys.stderr) if isinstance(stream, _Stream)]
    assert printed[0].startswith("four")
    assert "".join(printed).count("cut here") == 1
    assert len("".join(printed).replace("\n", "")) < 10 + 80
    assert session.sent == []


def test_what_is_displayed_ends_with_a_note_and_all_other_messages_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    session = bounded(monkeypatch)

    def display(kind: str, text: str) -> None:
        message = {"msg_type": kind, "content": {"data": {"text/html": text}, "metadata": {}}}
        session.send(None, message)

    display("display_data", "a" * 60)
    display("execute_result", "b" * 60)
    display("display_data", "c")
    session.send(None, "error", {"evalue": "e" * 200})
    session.send(None, {"msg_type": "comm_msg", "content": {"data": "d" * 200}})
    kinds = [message if isinstance(message, str) else message["msg_type"] for message, _ in session.sent]
    assert kinds == ["display_data", "execute_result", "error", "comm_msg"]
    assert "left out" in session.sent[1][0]["content"]["data"]["text/plain"]
