"""``arbkit doctor``: every check of configuration and connections, each with its remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress

from arbkit.core.errors import ArbkitError, KeepaError, StoreError, StreamError
from arbkit.core.results import Result
from arbkit.core.service.addresses import url_answers
from arbkit.core.service.exposure import exposures
from arbkit.core.settings import Settings
from arbkit.ops.data_checks import check_clock, check_digests, check_integrity, check_sqlite
from arbkit.ops.supervisor import demo_probe, own_demo
from arbkit.store.mode import settle_mode

_LOW_SPACE = 1 << 30


class Check(Result):
    """One finding. ``exit_code`` is what the command ends with if it is not ``ok``."""

    name: str
    ok: bool
    says: str
    remedy: str | None = None
    exit_code: int = 0


def examine(settings: Settings, *, deep: bool = False) -> list[Check]:
    """All checks, in the order in which data passes; one that fails does not keep the others from running.

    With ``deep`` also those that read every byte of log and store.
    """
    with suppress(ArbkitError):
        settings = settle_mode(settings)
    checks = {**_CHECKS, **(_DEEP_CHECKS if deep else {})}
    return [_check(settings, name, say) for name, say in checks.items()]


def _check(settings: Settings, name: str, say: Callable[[Settings], str]) -> Check:
    try:
        return Check(name=name, ok=True, says=say(settings))
    except ArbkitError as error:
        return Check(name=name, ok=False, says=error.what, remedy=error.remedy, exit_code=error.exit_code)


def _mode(settings: Settings) -> str:
    return {
        "demo": "demo market: invented products and prices",
        "keepa": "Keepa",
        "imported": "imported data only: there is no key, so nothing is polled",
    }[settle_mode(settings).mode]


class _WarningError(ArbkitError):
    """Something to know and to mend, which keeps nothing from running."""

    exit_code = 0


def _secrets(settings: Settings) -> str:
    found = exposures(settings)
    if found:
        more = f" (and {len(found) - 1} more)" if found[1:] else ""
        raise _WarningError(f"{found[0].what}{more}", remedy="; ".join(each.remedy for each in found))
    return "none is sent in plain text, and no other user may read .env"


def _home(settings: Settings) -> str:
    from arbkit.core.files import write_atomically

    probe = settings.home / ".doctor"
    write_atomically(probe, b"")
    probe.unlink()
    free = shutil.disk_usage(settings.home).free
    if free < _LOW_SPACE:
        remedy = "Free some space or move ARBKIT_HOME"
        raise ArbkitError(f"only {free >> 20} MiB free", field=str(settings.home), remedy=remedy)
    return f"{settings.home} can be written, {free >> 30} GiB free"


def _watchlist(settings: Settings) -> str:
    from arbkit.pipeline.watchlist.reading import is_list_in_store, load, place, unread_edits
    from arbkit.store import open_store

    if not is_list_in_store(settings):
        watchlist = load(settings, None)
    else:
        with open_store(settings, read_only=True) as store:
            watchlist, edits = load(settings, store), unread_edits(settings, store)
        if edits is not None:
            raise _WarningError(edits)
    if settings.mode == "imported" and not watchlist.items:
        return "none, and none is needed: nothing is polled"
    bad = f"; {len(watchlist.bad)} lines are skipped: {watchlist.bad[0]}" if watchlist.bad else ""
    return f"{place(settings)}: {len(watchlist.items)} products{bad}"


def _profile(settings: Settings) -> str:
    from arbkit.profit import load_profile

    profile = load_profile(settings.profile_path, settings.profile_name)
    return f"{profile.name} ({settings.profile_path or 'built in'})"


def _schedule(settings: Settings) -> str:
    from arbkit.reports.schedule.schedule_file import load_schedule

    schedule = load_schedule(settings)
    for wrong in schedule.bad:
        raise wrong.error
    names = [entry.name for entry in schedule.entries if entry.enabled]
    return f"{schedule.where}: {', '.join(names) or 'every entry is disabled'}"


def _alerts(settings: Settings) -> str:
    from arbkit.alerts.channels.senders import open_sender
    from arbkit.alerts.delivery.plan import channel_faults, load_plan
    from arbkit.alerts.rules_file import load_rules

    found, plan = load_rules(settings), load_plan(settings)
    for error in [*(bad.error for bad in found.bad), *channel_faults(settings)]:
        raise error
    for channel in plan.channels.values():
        open_sender(channel).close()
    rules = ", ".join(rule.name for rule in found.rules) or "no rule, so nothing is announced"
    return f"{found.where}: {rules}; {', '.join(plan.channels) or 'no channel, so nothing is sent'}"


def _tables(_: Settings) -> str:
    from arbkit.profit import load_tables

    return f"version {load_tables().version}"


def _rates(_: Settings) -> str:
    from arbkit.profit import load_rates

    return f"ECB reference rates up to {load_rates().last_date}"


def _source(settings: Settings) -> str:
    from arbkit.sources.keepa_api.client import KeepaSource

    if settings.mode == "imported":
        return "of imported files, nothing is polled"
    if not settings.demo_mode and not settings.keepa_api_key.get_secret_value():
        return f"{settings.shown_source}: the producer has the key"
    if own_demo(settings) and not url_answers(demo_probe(settings)):
        return f"the demo market at {settings.shown_source} is not running; `arbkit up` starts it"
    with KeepaSource(settings) as source:
        tokens = source.tokens()
    if tokens.left <= 0:
        remedy = f"They refill at {tokens.refill_rate} a minute: watch fewer products or wait"
        raise KeepaError(f"{settings.shown_source} answers, but {tokens.left} tokens are left", remedy=remedy)
    return f"{settings.shown_source} answers, {tokens.left} tokens left"


def _log(settings: Settings) -> str:
    from arbkit.stream import ENRICH_GROUP, RAW_TOPIC, open_stream
    from arbkit.stream.holes import find_holes, skip_command

    with open_stream(settings) as log:
        behind = sum(log.lag(ENRICH_GROUP, RAW_TOPIC).values())
        for hole in find_holes(log, ENRICH_GROUP, RAW_TOPIC):
            raise StreamError(
                f"{hole.messages} messages of {hole.topic_partition} were removed before the consumer had read them",
                remedy=f"Import or fetch them again. To go on after them: "
                f"{skip_command(ENRICH_GROUP, hole.topic_partition)}",
            )
    return f"{settings.masked()['ARBKIT_LOG'] or settings.log_url}: {behind} messages wait for the consumer"


def _store(settings: Settings) -> str:
    from arbkit.store import open_store

    try:
        with open_store(settings, read_only=True) as store:
            stats = store.stats()
    except StoreError as error:
        if error.kind == "empty":
            return "nothing stored yet"
        raise
    demo = f", {stats.demo_products} of them from the demo market" if stats.demo_products else ""
    if stats.hidden_products:
        demo = f" ({stats.hidden_products} of the demo market are hidden; `arbkit demo remove` removes them)"
    where = settings.masked()["ARBKIT_STORE"] or settings.store_url
    found = f"{where}: {stats.products} products{demo}, {stats.opportunities} opportunities"
    return "; ".join([found, *_left_over(settings)])


def _left_over(settings: Settings) -> list[str]:
    """What became of indices that killed processes have left in Elasticsearch."""
    if settings.store_url.startswith("sqlite:"):
        return []
    from arbkit.store import elastic_options
    from arbkit.store.elastic.indices import discard_abandoned

    return discard_abandoned(settings.store_url, **elastic_options(settings))


_CHECKS: Mapping[str, Callable[[Settings], str]] = {
    "mode": _mode, "secrets": _secrets, "home": _home, "watchlist": _watchlist, "profile": _profile,
    "schedule": _schedule, "alerts": _alerts, "fee tables": _tables, "exchange rates": _rates, "prices": _source,
    "log": _log, "clock": check_clock, "store": _store, "sqlite": check_sqlite,
}  # fmt: skip
"""The checks in the order in which data passes."""
_DEEP_CHECKS: Mapping[str, Callable[[Settings], str]] = {"integrity": check_integrity, "digests": check_digests}
"""Those that read every byte."""
