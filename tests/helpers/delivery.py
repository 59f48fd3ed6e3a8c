"""Alerts and files of channels, for tests of their delivery."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from arbkit.alerts.alert import Alert
from arbkit.core.models import Opportunity
from arbkit.core.results import OpportunityOut
from arbkit.core.settings import Settings
from arbkit.store import open_store
from arbkit.store.alerts import AlertRecord
from arbkit.store.queries import AlertQuery
from arbkit.stream import ALERTS_TOPIC, Record, open_stream
from tests.helpers.factories import opportunity
from tests.helpers.receivers import SECRET

RULE = "worth-it"


def alert(number: int = 1, *, route: Opportunity | None = None, **fields: Any) -> Alert:
    """The alert ``a<number>`` of a product of its own, made now; its priority is its number."""
    now = time.time()
    o = route or opportunity(f"B{number:09}", profit=10.0 + number, evaluated_at=now, data_at=int(now) - 600)
    defaults: dict[str, Any] = {
        "id": f"a{number}",
        "type": "new_opportunity",
        "at": now,
        "expires_at": now + 86_400,
        "asin": o.asin,
        "source": o.source,
        "target": o.target,
        "rule": RULE,
        "why": f"the low end of its profit is {o.profit:.2f} EUR",
        "priority": float(number),
        "opportunity": OpportunityOut.model_validate(o.public(now=now)),
    }
    return Alert(**{**defaults, **fields})


def publish(settings: Settings, alerts: Iterable[Alert]) -> None:
    records = [Record(one.asin, orjson.dumps(one.to_dict())) for one in alerts]
    with open_stream(settings) as stream:
        stream.publish(ALERTS_TOPIC, records)


def write_plan(settings: Settings, text: str) -> None:
    """Make this the file of rules and channels."""
    assert settings.alerts is not None
    settings.alerts.write_text(text)


def webhook(url: str, name: str = "hook", more: str = "") -> str:
    return f'[[channel]]\nname = "{name}"\nwebhook = {{ url = "{url}", secret_env = "HOOK_SECRET" }}\n{more}\n'


def rule(more: str = "") -> str:
    return f'timezone = "UTC"\n[[rule]]\nname = "{RULE}"\n{more}\n'


def kept(settings: Settings) -> dict[str, AlertRecord]:
    """Every alert of the store, by id."""
    with open_store(settings, read_only=True) as store:
        return {one.id: one for one in store.alerts(AlertQuery(limit=10_000)).items}


def with_plan(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same with an alerts.toml of its own, and the secret of webhooks in the environment."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    return settings.model_copy(update={"alerts": folder / "alerts.toml"})
