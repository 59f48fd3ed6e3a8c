"""Which services of ``arbkit up`` work: what they leave behind, whether they answer, and what to do if not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import requests

from arbkit.core.formatting import age_words
from arbkit.core.service.heartbeat import LIMIT_S, SERVICES, silence
from arbkit.core.settings import Settings
from arbkit.ops.supervisor import plan_services

__all__ = ["Sign", "Signs", "judge", "read_signs"]

_LIVELY_S = 30.0
"""A service at work shows itself every second or so; a store that is slow may hold it up for longer."""
_ANSWER_S = 2.0
_REMEDIES = {
    "producer": "No new prices come in. Start it with `arbkit up`, or alone with `arbkit produce`",
    "consumer": "What is on the log waits there, nothing is lost. Start it with `arbkit up`, or alone with "
    "`arbkit consume`; if it ended because too much was of no use, look at the dead letters first",
    "scheduler": "No new detection begins. Start it with `arbkit up`, or alone with `arbkit schedule`",
    "api": "Start it with `arbkit up`, or alone with `arbkit api`",
    "demo": "The producer gets no invented prices. Start it with `arbkit up`, or alone with `arbkit demo`",
}
Standing = Literal["works", "quiet", "silent", "unknown"]


@dataclass(frozen=True, slots=True)
class Sign:
    """How a service stands, in words; ``remedy`` is empty where nothing is amiss."""

    name: str
    standing: Standing
    says: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Signs:
    """What was seen: seconds since each sign of life (None: never), and who answers at which address.

    An address is None where the setting leaves it to chance.
    """

    silences: Mapping[str, float | None]
    answers: Mapping[str, bool]
    addresses: Mapping[str, str | None]


def read_signs(settings: Settings) -> Signs:
    """Look for signs of life, and ask those that have an address; takes seconds at most."""
    addresses: dict[str, str | None] = {}
    answers = {}
    for service in plan_services(settings):
        if service.address is None or service.name == "dashboards":
            continue
        port = settings.api_port if service.name == "api" else settings.demo_port
        addresses[service.name] = service.address.url.removesuffix("/docs") if port else None
        if port:
            answers[service.name] = _answers(service.address.probe)
    return Signs({name: silence(settings, name) for name in SERVICES}, answers, addresses)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=_ANSWER_S, allow_redirects=False).status_code < 400
    except requests.RequestException:
        return False


def judge(signs: Signs, *, home: str, moved_s: float | None) -> list[Sign]:
    """Each service's state, in the order in which data goes through them.

    ``moved_s`` is how long ago the consumer's group went on, as seen on the log: it may run on another machine.
    """
    found = [_beaten(name, signs.silences[name], home, moved_s) for name in SERVICES]
    found += [_answering(name, signs.addresses[name], answers=signs.answers.get(name)) for name in signs.addresses]
    found.append(Sign("dashboards", "works", "this page comes from it"))
    order = ["demo", *SERVICES, "api", "dashboards"]
    return sorted(found, key=lambda one: order.index(one.name))


def _beaten(name: str, silent_s: float | None, home: str, moved_s: float | None) -> Sign:
    if silent_s is not None and silent_s <= _LIVELY_S:
        return Sign(name, "works", f"sign of life {age_words(silent_s)} ago")
    if name == "consumer" and moved_s is not None and moved_s <= LIMIT_S:
        return Sign(name, "works", f"its group went on {age_words(moved_s)} ago; its signs of life are elsewhere")
    if silent_s is None:
        return Sign(
            name, "unknown", f"never a sign of life in {home}", f"{_REMEDIES[name]}. It must have this ARBKIT_HOME"
        )
    if silent_s <= LIMIT_S:
        says = f"no sign of life for {age_words(silent_s)}: it waits for something, or has ended"
        return Sign(name, "quiet", says, f"Wait: after {age_words(LIMIT_S)} it counts as silent")
    return Sign(name, "silent", f"no sign of life for {age_words(silent_s)}", _REMEDIES[name])


def _answering(name: str, address: str | None, *, answers: bool | None) -> Sign:
    if address is None:
        variable = Settings.variable(f"{name}_port")
        return Sign(name, "unknown", f"its port was left to chance ({variable}=0), so it cannot be asked")
    if answers:
        return Sign(name, "works", f"answers at {address}")
    return Sign(
        name,
        "silent",
        f"does not answer at {address}",
        f"{_REMEDIES[name]}. If it runs on another machine, all is well",
    )
