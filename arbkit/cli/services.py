"""Commands that run: ``up``, and each service on its own."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from arbkit.cli.model_options import given_options, options_from
from arbkit.cli.progress import progress
from arbkit.cli.shared import (
    JSON,
    answer,
    load_settings,
    print_json,
    print_table,
    say,
    start_service,
    state,
    warn_of_exposures,
)
from arbkit.cli.tokens.plan import show_round_cost, values_of
from arbkit.core.errors import UsageError
from arbkit.core.files import sole_process
from arbkit.core.formatting import age_words, counted, money, number, percent
from arbkit.core.service.addresses import is_loopback
from arbkit.core.service.json_log import of_service
from arbkit.core.service.process import stop_on_signals
from arbkit.core.settings import MODE_WORDS, Settings
from arbkit.display.labels import status_label
from arbkit.sources.demo.faults import FAULT_WORDS, parse_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from arbkit.ops.supervisor import Service, Sockets

_MAX_PRINTED = 25
"""Opportunities that are printed without ``--json``."""


def up() -> None:
    """Run everything: producer, consumer, detector, dispatcher of alerts, scheduler, API and dashboards.

    Without a key: without a producer if products are imported, else with the demo market.
    """
    from arbkit.ops.setup import initialise
    from arbkit.ops.supervisor import resolve

    given = load_settings(settled=True, with_key=True)
    warn_of_exposures(given)
    with sole_process(given.home, "supervisor"):
        settings, sockets = resolve(given)
        # A home that is not writable, or a damaged or unreachable store, is one error instead of endless restarts.
        for difference in initialise(settings):
            sys.stderr.write(f"arbkit: {difference}\n")
        _supervise(settings, sockets, token_is_new=not given.token.get_secret_value())


def _supervise(settings: Settings, sockets: Sockets, *, token_is_new: bool) -> None:
    from arbkit.core.service.addresses import TOKEN_IS_NEW
    from arbkit.ops.first_page import leading_to, open_first_page
    from arbkit.ops.supervisor import Supervisor, await_answers, plan_services

    stop = stop_on_signals()
    services = plan_services(settings, token_is_new=token_is_new)
    environment = settings.without_key().environment() | ({TOKEN_IS_NEW: "1"} if token_is_new else {})
    write = _prefixed(services)
    supervisor = Supervisor(services, environment=environment, sockets=sockets, stop=stop, write=write)

    page = {s.name: s.address.url for s in services if s.address is not None}["dashboards"]

    def announce() -> None:
        answers = await_answers(services, stop=stop, given_up=supervisor.given_up)
        if not stop.is_set():
            rows = _addresses(settings, services, answers, token_is_new=token_is_new)
            if state.json_log:
                write("up", ", ".join(f"{name}: {text}" for name, text in rows))
            else:
                _print_addresses(settings, rows)
            if settings.browser and answers["dashboards"]:
                open_first_page(settings, page)

    announcer = threading.Thread(target=announce, name="announce", daemon=True)
    # A token that the user has set is their secret, and they know it.
    with leading_to(settings, page) if token_is_new else nullcontext():
        announcer.start()
        supervisor.run()
        announcer.join(1.0)


def _prefixed(services: list[Service]) -> Callable[[str, str], None]:
    """A function that writes log lines with the name of their service."""
    width = max(len(s.name) for s in services)
    lock = threading.Lock()

    def write(name: str, line: str) -> None:
        shown = of_service(name, line, now=time.time()) if state.json_log else f"{name:<{width}} | {line}"
        with lock:
            sys.stderr.write(f"{shown}\n")
            sys.stderr.flush()

    return write


def _addresses(
    settings: Settings, services: list[Service], answers: dict[str, bool], *, token_is_new: bool
) -> list[tuple[str, str]]:
    """What is where, and the token of who comes from outside."""
    rows = [
        (s.name, s.address.url if answers[s.name] else "not responding: see its log lines above")
        for s in services
        if s.address is not None
    ]
    if not is_loopback(settings.host):
        rows.append(("API token", settings.token.get_secret_value() if token_is_new else "your ARBKIT_TOKEN"))
    return rows


def _print_addresses(settings: Settings, rows: list[tuple[str, str]]) -> None:
    """Print one table, not wrapped at the terminal's width, so that every address can be clicked or copied."""
    width = max(len(name) for name, _ in rows)
    lines = [
        f"arbkit is up ({MODE_WORDS[settings.mode]})",
        *(f"  {name:<{width}}  {text}" for name, text in rows),
        "Press Ctrl-C to stop everything",
    ]
    sys.stderr.write("\n" + "\n".join(lines) + "\n\n")
    sys.stderr.flush()


def init(
    migrate: bool = typer.Option(
        False, "--migrate", help="Rebuild indices that another version of arbkit made, without downtime."
    ),
    files: Path | None = typer.Option(
        None, help="Adopt watchlist.txt, profile.toml, schedule.toml and alerts.toml from this folder."
    ),
) -> None:
    """Create the topics, indices and aliases of log and store. Existing ones are checked; what differs is said."""
    from arbkit.ops.setup import adopt_user_files, adopt_watchlist, initialise, share
    from arbkit.ops.setup import migrate as renew
    from arbkit.ops.status import addresses

    settings = load_settings()
    share(settings)
    differences = initialise(settings)
    if migrate:
        with progress("rebuilding indices"):
            done = renew(settings)
        for line in done:
            say(line)
        differences = initialise(settings) if done else differences
    differences += adopt_user_files(settings, files) if files else []
    differences += adopt_watchlist(settings, files)
    for difference in differences:
        say(f"differs: {difference}")
    if not differences:
        found = addresses(settings)
        say(f"log {found.log} and store {found.store} are ready")


def produce(
    once: bool = typer.Option(False, "--once", help="Poll everything once and exit."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what polling everything once would cost."),
    json: bool = typer.Option(False, "--json", help="With --dry-run: print one JSON document on standard output."),
) -> None:
    """Poll the prices of all watched products on all marketplaces and publish them to the log."""
    if dry_run:
        show_round_cost(load_settings(settled=True), json=json)
        return
    if json:
        raise UsageError("is of --dry-run: polling prints no document", field="--json", remedy="Add --dry-run")
    from arbkit.pipeline.producer import produce as run

    settings, stop = start_service(settled=True, with_key=True)
    run(settings, once=once, stop=stop, values=None if once else values_of(settings))


def consume(
    until_empty: bool = typer.Option(False, "--until-empty", help="Exit when the queue is empty."), json: bool = JSON
) -> None:
    """Process the log and write products, offers and price histories to the store."""
    from dataclasses import asdict

    from arbkit.pipeline.consumer import consume as run

    settings, stop = start_service()
    summary = run(settings, until_empty=until_empty, stop=stop)
    if json:
        print_json(asdict(summary))


def replay(json: bool = JSON) -> None:
    """Rebuild the store from the log, without downtime."""
    from dataclasses import asdict

    from arbkit.pipeline.replay import replay as run

    settings = load_settings()
    with progress("replaying messages") as shown:
        done = run(settings, stop=stop_on_signals(), progress=shown)
    if json:
        print_json(asdict(done))
        return
    say(f"{counted(done.read, 'message')}: {counted(done.rebuilt.offers, 'offer')} rebuilt")
    if done.rebuilt.kept:
        say(f"{counted(done.rebuilt.kept, 'offer')} no longer in the log kept unchanged")
    if done.unusable:
        say(f"{counted(done.unusable, 'message')} rejected; see `arbkit dlq list`")


demo = typer.Typer(name="demo", help="Serve the demo market, or remove its products.")


@demo.callback(invoke_without_command=True)
def demo_serve(
    context: typer.Context,
    fail_every: int = typer.Option(0, min=0, help="Let every n-th request fail, to test how the rest copes."),
    fault: list[str] = typer.Option(
        [], help=f"NAME, or NAME=N for every n-th request only; several times if wanted: {', '.join(FAULT_WORDS)}."
    ),
    fault_seed: int | None = typer.Option(None, help="Let NAME=N strike by chance, drawn from this number."),
) -> None:
    """Serve the demo market: invented products behind a Keepa-compatible API."""
    if context.invoked_subcommand is not None:
        return
    from arbkit.sources.demo.server import serve

    faults = [parse_fault(text) for text in fault]
    settings, stop = start_service()
    serve(settings, stop=stop, fail_every=fail_every, faults=faults, seed=fault_seed)


@demo.command("remove")
def demo_remove(
    yes: bool = typer.Option(False, "--yes", help="Remove them; without it they are only counted."), json: bool = JSON
) -> None:
    """Remove the products of the demo market, with their offers, histories and opportunities, from the store."""
    from arbkit.store import open_store

    settings = load_settings()
    with open_store(settings, read_only=not yes) as store:
        removed = store.remove_demo(dry_run=not yes)
    if json:
        print_json({"dry_run": not yes, "products": removed.products, "offers": removed.offers})
        return
    amounts = f"{counted(removed.products, 'product')} of the demo market, with {counted(removed.offers, 'offer')}"
    if not removed.products:
        say("the store holds no products of the demo market")
    elif yes:
        say(f"removed {amounts}")
    else:
        say(f"{amounts}, would be removed; `arbkit demo remove --yes` does it")


def detect(
    context: typer.Context,
    limit: int | None = typer.Option(None, min=0, help="Maximum number of opportunities to print."),
    components: bool = typer.Option(False, "--components", help="Print every fee and tax too."),
    follow: bool = typer.Option(False, "--follow", help="Price products as they change, until stopped."),
    json: bool = JSON,
) -> None:
    """Price every route of every product and store the profitable ones; options limit only what is printed."""
    if follow:
        _follow(context)
        return
    from arbkit.reports.runner import run_or_raise

    settings = load_settings()
    with progress("pricing every route"):
        done = run_or_raise(settings, "detect", given_options(context), pictures=False)
    result: dict[str, Any] = dict(done.result or {})
    result["items"] = [
        {k: v for k, v in item.items() if components or k != "components"} for item in result["items"][:limit]
    ]
    answer(result, json, _print_opportunities)
    if not json:
        say(f"  report: {done.folder}")


def _follow(context: typer.Context) -> None:
    from arbkit.alerts.announcer import Announcer
    from arbkit.analysis.detector.service import follow

    if given_options(context):
        names = ", ".join(sorted(given_options(context)))
        raise UsageError("limits what is printed, and --follow prints nothing", field=names, remedy="Leave it out")
    settings, stop = start_service()
    follow(settings, stop=stop, announcing=Announcer(settings))


def _print_opportunities(result: Mapping[str, Any]) -> None:
    from rich.text import Text

    from arbkit.display.labels import chance_label

    shown = result["items"][:_MAX_PRINTED]
    origins = {o["demo"] for o in shown}
    chance, per_day = "profit_chance_pct", "expected_profit_per_day_pct"
    forecast = (">chance", ">per day") if any(o[chance] is not None for o in shown) else ()
    rows = [
        (
            f"{o['source']} → {o['target']}",
            Text.assemble(f"{o['asin']} {(o['title'] or '')[:48]}", (_marks(o, is_mixed=len(origins) > 1), "yellow")),
            money(o["buy_price"], o["buy_currency"]),
            money(o["sell_price"], o["sell_currency"]),
            money(o["profit"], o["currency"]),
            percent(o["roi_pct"]),
            *((chance_label(o[chance]), percent(o[per_day], 2)) if forecast else ()),
            number(o["confidence"]),
            age_words(o["data_age_s"]),
        )
        for o in shown
    ]
    say(f"{result['seller']} (change: `arbkit profile init`)")
    if origins == {True}:
        say("DEMO: invented products and prices")
    title = f"{_count_found(result['total'], result['stored'])} on {counted(result['routes'], 'route')}"
    columns = ("route", "product", ">buy", ">sell", ">profit", ">ROI", *forecast, ">confidence", ">data age")
    if rows:
        print_table(columns, rows, title=title)
    else:
        say(title)
    if result["need_size"] and not any(o["status"] == "needs_size" for o in shown):
        say(f"  need a size: {counted(result['need_size'], 'route')}, listed with --all")
    for reason, routes in result["unknown"].items():
        say(f"  not priced: {counted(routes, 'route')}, {reason}")


def _marks(opportunity: Mapping[str, Any], *, is_mixed: bool) -> str:
    """What has to be said behind a product's name; ``is_mixed``: real and invented products stand side by side."""
    marks = [status_label(opportunity["status"])] if opportunity["status"] != "opportunity" else []
    return "".join(f" {mark}" for mark in [*marks, *(["DEMO"] if opportunity["demo"] and is_mixed else [])])


def _count_found(shown: int, stored: int) -> str:
    """How many routes are shown, of how many opportunities; losses and routes without a size are routes only."""
    if shown > stored:
        return f"{counted(shown, 'route')} within the limits, {stored:,} of them opportunities,"
    of = f" within the limits, of {stored:,}," if shown < stored else ""
    return f"{counted(shown, 'opportunity', 'opportunities')}{of}"


def register(app: typer.Typer) -> None:
    """Add the services and ``detect`` to the command line."""
    for command in (init, up, produce, consume, replay):
        app.command()(command)
    parameters = "arbkit.analysis.detection_parameters:DetectParameters"
    options = options_from(parameters, skip=("source", "target"), sources="source", targets="target", all_routes="all")
    app.command(cls=options)(detect)
    app.add_typer(demo)
