"""What `arbkit up` prints: a token that it made, never the user's own."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from arbkit.cli.services import _addresses, _print_addresses
from arbkit.core.settings import Settings
from arbkit.ops.supervisor import plan_services

TOKEN = "the-token"


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("is_new", [True, False])
def test_only_a_token_that_was_made_for_this_run_is_printed(
    settings: Settings, capsys: pytest.CaptureFixture[str], host: str, is_new: bool
) -> None:
    resolved = settings.model_copy(update={"token": SecretStr(TOKEN), "host": host})
    services = plan_services(resolved, token_is_new=is_new)
    _print_addresses(resolved, _addresses(resolved, services, {s.name: True for s in services}, token_is_new=is_new))
    said = capsys.readouterr().err
    assert "/voila/render/opportunities.ipynb" in said
    assert (TOKEN in said) is is_new
    assert all(TOKEN not in one.address.probe for one in services if one.address)
