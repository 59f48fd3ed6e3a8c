"""The ports of the producer's and consumers' own metrics: as hard to guess and to hold up as the API."""

from __future__ import annotations

import socket

import pytest
import requests
from pydantic import SecretStr

from arbkit.core.service.metrics import expose
from arbkit.core.settings import Settings

TOKEN = "a-token"
_VARIABLE = "ARBKIT_CONSUMER_METRICS_PORT"


def ask(port: int, token: str = "") -> requests.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.get(f"http://127.0.0.1:{port}/metrics", headers=headers, timeout=60)


def test_who_guesses_the_token_must_wait(settings: Settings) -> None:
    guarded = settings.model_copy(update={"host": "0.0.0.0", "token": SecretStr(TOKEN)})
    port = expose(guarded, 0, _VARIABLE)
    assert port is not None
    assert [ask(port, "wrong").status_code for _ in range(10)] == [401] * 10
    refused = ask(port, TOKEN)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    # Who gives none guesses nothing.
    assert ask(port).status_code == 401


def test_who_gives_no_token_is_not_counted(settings: Settings) -> None:
    guarded = settings.model_copy(update={"host": "0.0.0.0", "token": SecretStr(TOKEN)})
    port = expose(guarded, 0, _VARIABLE)
    assert port is not None
    assert {ask(port).status_code for _ in range(12)} == {401}
    assert ask(port, TOKEN).status_code == 200


def test_a_caller_that_never_finishes_holds_up_nobody_and_is_ended(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("arbkit.core.service.metrics._Bounded.timeout", 2.0)
    port = expose(settings, 0, _VARIABLE)
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), timeout=60) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nHost:")
        assert ask(port).status_code == 200
        assert slow.recv(1) == b""
    # As the server would show what a handler raised; the log's own faults of other tests end there too.
    assert "Exception occurred" not in capfd.readouterr().err
