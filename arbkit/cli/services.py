"""Commands that run: ``up`` and each service by itself."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arbkit.analysis.detection_parameters import DetectParameters
from arbkit.cli.model_options import takes_options_of
from arbkit.cli.shared import begin, console, print_json
from arbkit.core.filters import FilterValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from arbkit.core.settings import Settings
    from arbkit.ops.supervisor import Service

__all__ = ["register"]

_JSON = typer.Option(False, "--json", help="One JSON document on standard output.")


def up() -> None:
    """Run everything: producer, consumer, detection, API, dashboards, and the demo market without a key."""
    from arbkit.core.service.process import stop_on_signals
    from arbkit.ops.setup import initialise
    from arbkit.ops.supervisor import Supervisor, await_answers, plan_services, resolve

    settings = resolve(begin())
    # A home that cannot be written to, or a store that is damaged or away, should be one error and no row of restarts.
    for difference in initialise(settings):
        sys.stderr.write(f"arbkit: {difference}\n")
    stop = stop_on_signals()
    services = plan_services(settings)
    supervisor = Supervisor(services, environment=settings.environment(), stop=stop, write=_prefixed(services))

    def announce() -> None:
        answers = await_answers(services, stop=stop, given_up=supervisor.given_up)
        if not stop.is_set():
            _print_addresses(settings, services, answers)

    announcer = threading.Thread(target=announce, name="announce", daemon=True)
    announcer.start()
    supervisor.run()
    announcer.join(1.0)


def _prefixed(services: list[Service]) -> Callable[[str, str], None]:
    """A writer of log lines behind the name of their service."""
    width = max(len(s.name) for s in services)
    lock = threading.Lock()

    def write(name: str, line: str) -> None:
        with lock:
            sys.stderr.write(f"{name:<{width}} | {line}\n")
            sys.stderr.flush()

    return write


def _print_addresses(settings: Settings, services: list[Service], answers: dict[str, bool]) -> None:
    """One table, not broken at the terminal's width, so that every address can be clicked or copied."""
    from arbkit.core.settings import is_loopback

    rows = [
        (s.name, s.address.url if answers[s.name] else "not answering: see its lines above")
        for s in services
        if s.address is not None
    ]
    if not is_loopback(settings.host):
        rows.append(("API token", settings.token.get_secret_value()))
    width = max(len(name) for name, _ in rows)
    mode = "DEMO market: invented products and prices" if settings.demo_mode else "prices from Keepa"
    lines = [f"arbkit is up ({mode})", *(f"  {name:<{width}}  {text}" for name, text in rows), "Ctrl-C ends everything"]
    sys.stderr.write("\n" + "\n".join(lines) + "\n\n")
    sys.stderr.flush()


def init(
    migrate: bool = typer.Option(
        False, "--migrate", help="Renew the indices of another arbkit, while all that runs goes on."
    ),
    files: Path | None = typer.Option(
        None, help="Take watchlist.txt, profile.toml and schedule.toml over from this folder."
    ),
) -> None:
    """Create what log and store need: topics, indices, aliases. What is there is compared and never changed."""
    from arbkit.ops.setup import initialise
    from arbkit.ops.setup import migrate as renew
    from arbkit.ops.user_files import take

    settings = begin()
    differences = initialise(settings)
    if migrate and (done := renew(settings)):
        for line in done:
            console().print(line, markup=False)
        differences = initialise(settings)
    differences += take(settings, files) if files else []
    for difference in differences:
        console().print(f"differs: {difference}", markup=False)
    if not differences:
        shown = settings.masked()
        log, store = shown["ARBKIT_LOG"] or settings.log_url, shown["ARBKIT_STORE"] or settings.store_url
        console().print(f"log {log} and store {store} are ready", markup=False)


def produce(
    once: bool = typer.Option(False, "--once", help="Look at everything one time, then end."),
) -> None:
    """Watch prices: watchlist × marketplaces → log."""
    from arbkit.core.service.process import die_with_parent, stop_on_signals
    from arbkit.pipeline.producer import produce as run

    settings = begin()
    die_with_parent()
    run(settings, once=once, stop=stop_on_signals())


def consume(
    until_empty: bool = typer.Option(False, "--until-empty", help="End when nothing is left to do."),
) -> None:
    """Enrich what the log holds: log → store."""
    from arbkit.core.service.process import die_with_parent, stop_on_signals
    from arbkit.pipeline.consumer import consume as run

    settings = begin()
    die_with_parent()
    run(settings, until_empty=until_empty, stop=stop_on_signals())


def replay(json: bool = _JSON) -> None:
    """Rebuild the store from the log, while all that runs goes on: log → store."""
    from dataclasses import asdict

    from rich.progress import Progress

    from arbkit.core.service.process import stop_on_signals
    from arbkit.pipeline.replay import replay as run

    settings = begin()
    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("messages", total=None)
        done = run(
            settings, stop=stop_on_signals(), progress=lambda n, total: bar.update(task, completed=n, total=total)
        )
    if json:
        print_json(asdict(done))
        return
    out = console()
    out.print(f"{done.read} messages: {done.rebuilt.offers} offers made anew")
    if done.rebuilt.kept:
        out.print(f"{done.rebuilt.kept} offers that the log has no more are kept as they were")
    if done.unusable:
        out.print(f"{done.unusable} messages are of no use; see `arbkit dlq list`")


def demo(
    fail_every: int = typer.Option(0, min=0, help="Let each n-th request fail, to see what the rest does."),
) -> None:
    """Serve the demo market: invented products behind a Keepa-compatible address."""
    from arbkit.core.service.process import die_with_parent, stop_on_signals
    from arbkit.sources.demo.server import serve

    settings = begin()
    die_with_parent()
    serve(settings, stop=stop_on_signals(), fail_every=fail_every)


@takes_options_of(DetectParameters, skip=("source", "target", "sources", "targets"))
def detect(
    sources: list[str] = typer.Option([], "--source", help="Marketplace to buy on; may be given again."),
    targets: list[str] = typer.Option([], "--target", help="Marketplace to sell on; may be given again."),
    limit: int | None = typer.Option(None, min=0, help="Most opportunities to print."),
    components: bool = typer.Option(False, "--components", help="Print every fee and tax too."),
    json: bool = _JSON,
    **fields: FilterValue,
) -> None:
    """Price every route of every product and store what leaves money."""
    from arbkit.reports.runner import run_or_raise

    settings = begin()
    given = {"sources": sources or None, "targets": targets or None, **fields}
    asked = {name: value for name, value in given.items() if value is not None}
    done = run_or_raise(settings, "detect", asked, pictures=False)
    result = dict(done.result or {})
    result["items"] = [
        {k: v for k, v in item.items() if components or k != "components"} for item in result["items"][:limit]
    ]
    if json:
        print_json(result)
        return
    _print_opportunities(result, str(done.folder))


def _print_opportunities(result: dict[str, object], folder: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    items = result["items"]
    out = console()
    table = Table(title=f"{result['total']} opportunities among {result['routes']} routes", title_justify="left")
    for name in ("route", "product", "buy", "sell", "profit", "ROI %", "confidence"):
        table.add_column(name, justify="left" if name in ("route", "product") else "right")
    for o in items[:25] if isinstance(items, list) else []:
        table.add_row(
            f"{o['source']} → {o['target']}",
            escape(f"{o['asin']} {(o['title'] or '')[:48]}") + (" [yellow]DEMO[/]" if o["demo"] else ""),
            f"{o['buy_price']:.2f} {o['buy_currency']}",
            f"{o['sell_price']:.2f} {o['sell_currency']}",
            f"{o['profit']:.2f} {o['currency']}",
            f"{o['roi_pct']:.1f}",
            f"{o['confidence']:.2f}",
        )
    out.print(table)
    unknown = result["unknown"]
    if isinstance(unknown, dict):
        for reason, count in unknown.items():
            out.print(f"  not priced: {count} routes, {escape(str(reason))}")
    out.print(f"  report: {escape(folder)}")


def register(app: typer.Typer) -> None:
    for command in (init, up, produce, consume, replay, detect, demo):
        app.command()(command)
