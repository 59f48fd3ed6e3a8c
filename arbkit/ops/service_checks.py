"""Whether each service of ``arbkit up`` runs: its heartbeat, whether it answers, and what to do if not."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from arbkit.core.files import shipped_table
from arbkit.core.formatting import age_words
from arbkit.core.service.addresses import url_answers
from arbkit.core.service.heartbeat import LIMIT_S, SERVICES, Fault, read_fault, seconds_since_heartbeat
from arbkit.core.settings import Settings
from arbkit.ops.supervisor import plan_services

_FRESH_S = 30.0
"""A running service sends a heartbeat every second or so; a slow store may hold it up for longer."""
_PASSES_S = 10.0
"""What fails for a moment, and works at one of the next tries, is no news."""
_REMEDIES = shipped_table(dict[str, str], "arbkit.ops", "service_remedies.toml")
_FAILING_REMEDY = "It tries again by and by: its log says more"
HealthState = Literal["running", "failing", "late", "down", "unknown"]


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """The state of a service and what it was concluded from; ``remedy`` is empty where nothing is wrong.

    One is ``failing`` that runs and gets nothing done: ``why`` is what each try ends with, and may name addresses.
    """

    name: str
    state: HealthState
    detail: str
    remedy: str = ""
    why: str = ""

    @property
    def says(self) -> str:
        """The whole finding but its remedy."""
        return f"{self.detail}: {self.why}" if self.why else self.detail


@dataclass(frozen=True, slots=True)
class ServiceObservations:
    """What was seen of the services.

    ``heartbeat_ages``: service → seconds since its last heartbeat (None: never one); ``answers``: service → whether
    its address answers; ``addresses``: service → its address, None where the setting leaves the port to chance;
    ``faults``: what each try fails with, of the services that say so.
    """

    heartbeat_ages: Mapping[str, float | None]
    answers: Mapping[str, bool]
    addresses: Mapping[str, str | None]
    faults: Mapping[str, Fault] = field(default_factory=dict)


def observe_services(settings: Settings) -> ServiceObservations:
    """Read the heartbeats and ask every service that has an address; takes seconds at most."""
    addresses: dict[str, str | None] = {}
    answers = {}
    planned = plan_services(settings)
    for service in planned:
        if service.address is None or service.name == "dashboards":
            continue
        port = settings.api_port if service.name == "api" else settings.demo_port
        addresses[service.name] = service.address.url.removesuffix("/docs") if port else None
        if port:
            answers[service.name] = url_answers(service.address.probe)
    names = [service.name for service in planned if service.name in SERVICES]
    ages = {name: seconds_since_heartbeat(settings, name) for name in names}
    return ServiceObservations(ages, answers, addresses, _faults(settings, names))


def heartbeat_health(settings: Settings) -> list[ServiceHealth]:
    """The state of each service of these settings that sends heartbeats, in the order in which data passes them."""
    names = {service.name for service in plan_services(settings)}
    ages = {name: seconds_since_heartbeat(settings, name) for name in SERVICES if name in names}
    faults = _faults(settings, ages)
    return [_by_heartbeat(name, age_s, faults.get(name), "$ARBKIT_HOME", None) for name, age_s in ages.items()]


def _faults(settings: Settings, names: Iterable[str]) -> dict[str, Fault]:
    return {name: fault for name in names if (fault := read_fault(settings, name)) is not None}


def running_services(settings: Settings) -> frozenset[str]:
    """The services of these settings that have left a heartbeat a moment ago."""
    return frozenset(one.name for one in heartbeat_health(settings) if one.state in ("running", "failing"))


def remedy_of(service: str) -> str:
    """What follows where this service does not run, and what to do about it."""
    return _REMEDIES[service]


def assess(seen: ServiceObservations, *, home: str, progress_age_s: float | None) -> list[ServiceHealth]:
    """The state of each service, in the order in which data passes them.

    ``progress_age_s`` is how long ago the consumer group last committed (None: never seen): the consumer may run on
    another machine, whose heartbeat is not in this home.
    """
    health = [
        _by_heartbeat(name, age_s, seen.faults.get(name), home, progress_age_s)
        for name, age_s in seen.heartbeat_ages.items()
    ]
    health += [_by_answer(name, seen.addresses[name], answers=seen.answers.get(name)) for name in seen.addresses]
    health.append(ServiceHealth("dashboards", "running", "serves this page"))
    order = ["demo", *SERVICES, "api", "dashboards"]
    return sorted(health, key=lambda service: order.index(service.name))


def _by_heartbeat(
    name: str, age_s: float | None, fault: Fault | None, home: str, progress_age_s: float | None
) -> ServiceHealth:
    failed_s = 0.0 if fault is None else max(0.0, time.time() - fault.since)
    if age_s is not None and age_s <= _FRESH_S:
        if fault is not None and failed_s >= _PASSES_S:
            detail = f"runs, but has got nothing done for {age_words(failed_s)}"
            return ServiceHealth(name, "failing", detail, fault.remedy or _FAILING_REMEDY, fault.why)
        return ServiceHealth(name, "running", f"heartbeat {age_words(age_s)} ago")
    if name == "consumer" and progress_age_s is not None and progress_age_s <= LIMIT_S:
        detail = f"its group committed {age_words(progress_age_s)} ago; it runs with another home"
        return ServiceHealth(name, "running", detail)
    if age_s is None:
        remedy = f"{_REMEDIES[name]}. It must have this ARBKIT_HOME"
        return ServiceHealth(name, "unknown", f"no heartbeat yet in {home}", remedy)
    detail = f"no heartbeat for {age_words(age_s)}"
    why = "" if fault is None else fault.why
    if why:
        detail = f"{detail}, and each try before had failed"
    if age_s > LIMIT_S:
        return ServiceHealth(name, "down", detail, _REMEDIES[name], why)
    remedy = f"Wait: after {age_words(LIMIT_S)} it counts as down"
    return ServiceHealth(
        name, "late", detail if why else f"{detail}: it waits for something, or has ended", remedy, why
    )


def _by_answer(name: str, address: str | None, *, answers: bool | None) -> ServiceHealth:
    if address is None:
        variable = Settings.variable(f"{name}_port")
        return ServiceHealth(name, "unknown", f"its port was left to chance ({variable}=0), so it cannot be asked")
    if answers:
        return ServiceHealth(name, "running", f"answers at {address}")
    remedy = f"{_REMEDIES[name]}. If it runs on another machine, all is well"
    return ServiceHealth(name, "down", f"does not answer at {address}", remedy)
