"""The pipeline page: services, lag, throughput, tokens, dead letters and reports."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from arbkit.analysis.detection_inputs import profile_note
from arbkit.analysis.track_record.results import TrackRecord
from arbkit.analysis.track_record.run import kept_track_record
from arbkit.core.formatting import age_words, count
from arbkit.core.settings import Settings
from arbkit.ops.service_checks import ServiceObservations, assess, observe_services
from arbkit.ops.stream_state import StreamState, Throughput, read_stream_state
from arbkit.reports.catalogue.find import own_reports
from arbkit.reports.catalogue.own_reports import BadNotebook
from arbkit.sources.keepa_api.token_budget import Tokens, read_tokens
from arbkit.sources.keepa_api.token_costs import tokens_of_look
from arbkit.store import Stats
from arbkit.stream import Stream, open_stream
from arbkit.web.dashboards.background_task import BackgroundTask
from arbkit.web.dashboards.content import Field, Region, UserEvent
from arbkit.web.dashboards.page import DashboardPage
from arbkit.web.dashboards.part import Figures
from arbkit.web.dashboards.pipeline.charts import AGE_LIMITS, ages_figure, throughput_figure, tokens_figure
from arbkit.web.dashboards.pipeline.dead_letter_panel import DeadLetterPanel
from arbkit.web.dashboards.pipeline.dead_letters import DeadLetter, latest_dead_letters
from arbkit.web.dashboards.pipeline.html import (
    FiledRun,
    Known,
    ages_html,
    forecasts_html,
    lag_html,
    paragraph_html,
    pipeline_figures,
    runs_html,
    services_html,
    throughput_words,
    tokens_html,
)
from arbkit.web.dashboards.report_files import report_file

_STORE_EVERY_S = 30.0
_SLOW_S = 8.0
"""How long an answer may take before the page says that it waits for it."""
_LETTERS = 50
_RUNS = 20
_MOST_OBSERVED = 2_000
_MOST_NEEDED = 10_000_000


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is read from the store."""

    stats: Stats
    ages: Mapping[str, Sequence[int]]
    runs: Sequence[FiledRun]
    bad_notebooks: Sequence[BadNotebook]
    profile_note: str
    forecasts: TrackRecord | None


class PipelinePage(DashboardPage):
    """The page over log, store and home. All of it is read in threads, and the page shows what it has meanwhile."""

    NAME = "pipeline"
    TITLE = "Pipeline"
    REGIONS = (
        Region("head", "html", waiting="Pipeline"),
        Region("figures", "html", waiting="Asking the log, the store and the services …"),
        Region("services", "html", title="Services", waiting="Checking the services …"),
        Region("lag", "html", title="Log", waiting="Asking the log …"),
        Region("pace", "html", title="Throughput", waiting="Available after the next refresh …"),
        Region("pacechart", "chart"),
        Region("tokens", "html", title="Keepa tokens", waiting="Reading the producer's state …"),
        Region("need", "form"),
        Region("tokenchart", "chart"),
        Region("ages", "html", title="Age of the offers", waiting="Asking the store …"),
        Region("agechart", "chart"),
        Region("forecasts", "html", title="Past forecasts", waiting="Asking the store …"),
        Region("dead", "html", title="Dead letters", waiting="Asking the log …"),
        Region("letters", "table"),
        Region("letter", "html"),
        Region("runs", "html", title="Reports", waiting="Asking the store …"),
    )

    def __init__(self, settings: Settings) -> None:
        self._figures = Figures()
        super().__init__(settings, (self._figures,))
        self._log: Stream | None = None
        self._known = Known()
        self._through = Throughput()
        self._letters: Sequence[DeadLetter] = ()
        self._letters_of: tuple[object, ...] | Mapping[str, object] | None = None
        self._observed_tokens: deque[tuple[float, int]] = deque(maxlen=_MOST_OBSERVED)
        self._drawn_tokens: tuple[object, ...] | None = None
        self._needed: int | None = None
        self._needed_text = ""
        self._wrong = ""
        self._faults: dict[str, str] = {}
        self._notified = ""
        self._away: tuple[str, ...] = ()
        self._store_at = 0.0
        self._for_log = BackgroundTask(self._log_read)
        self._for_store = BackgroundTask(self._store_read)
        self._for_services = BackgroundTask(self._services_read)
        self._dead_letters = DeadLetterPanel(
            self.widget, self._open_log, then=self._ask_log, on_open=self._show_address
        )

        # What the first page would wait for is done while it is kept warm.
        for figure in (throughput_figure(()), ages_figure({}), tokens_figure((), (), needed=None)):
            figure.to_json()

    async def settled(self) -> None:
        """Wait until no background task is running."""
        for task in (self._dead_letters.action, self._for_log, self._for_store, self._for_services):
            await task.settled()

    # Reading

    def open(self, search: str) -> None:
        """Show the tokens and the dead letter that the address asks for."""
        asked = parse_qs(search.removeprefix("?"))
        self._take_needed(asked.get("tokens", [""])[0])
        self._show_need()
        if (name := asked.get("letter", [""])[0]) and not self._dead_letters.open(name):
            self.widget.notify("letter: no such dead letter. Select one in the table.", "bad")

    def refresh(self) -> None:
        """Ask everything anew, unless it is being asked."""
        self.show_header()
        self._store_at = 0.0
        self.on_tick({"type": "tick"})

    def on_tick(self, _: UserEvent) -> None:
        """Ask the log and the services, and the store from time to time."""
        now = time.time()
        self._ask_log()
        self._for_services.start(lambda: (observe_services(self.in_force), read_tokens(self.settings)))
        if now - self._store_at >= _STORE_EVERY_S or "store" in self._faults:
            self._for_store.start(self._read_store)
        for name, began in (("log", self._for_log.began_at), ("store", self._for_store.began_at)):
            if began is not None and now - began > _SLOW_S:
                self._note_fault(name, f"The {name} has not answered for {age_words(now - began)}")
        self._notify_faults()

    def _open_log(self) -> Stream:
        """The one log of this page. Only one thread at a time asks for it first."""
        if self._log is None:
            self._log = open_stream(self.settings)
        return self._log

    def _ask_log(self) -> None:
        self._for_log.start(self._read_log)

    def _read_log(self) -> tuple[StreamState, Sequence[DeadLetter] | None]:
        log = self._open_log()
        state = read_stream_state(log, now=time.time())
        return state, latest_dead_letters(log, _LETTERS) if state.dead_letter_watermarks() != self._letters_of else None

    def _log_read(self, found: tuple[StreamState, Sequence[DeadLetter] | None] | None, fault: str) -> None:
        self._note_fault("log", fault)
        if found is not None:
            state, letters = found
            if letters is not None:
                self._letters, self._letters_of = letters, state.dead_letter_watermarks()
            self._known.state = state
            self._through.note(state)
        self._show(self._show_log, self._show_figures, self._notify_faults)

    def _read_store(self) -> _Stored:
        now = time.time()
        runs = self.store.runs(limit=_RUNS)
        filed = [FiledRun(r, report_file(self.settings, r.report, r.run_id) is not None) for r in runs]
        ages = self.store.ages(AGE_LIMITS, now=now)
        known = {m: ages[m] for m in (*self.settings.markets, *ages) if m in ages}
        bad, note = own_reports(self.settings).bad, profile_note(self.settings, self.store.swept())
        return _Stored(self.store.stats(), known, filed, bad, note, kept_track_record(self.store))

    def _store_read(self, found: _Stored | None, fault: str) -> None:
        self._note_fault("store", fault)
        if found is not None:
            self._store_at = time.time()
            self._stats, self._known.ages, self.profile_note = found.stats, found.ages, found.profile_note
            self._show(self.show_header, lambda: self._show_ages(found.ages), lambda: self._show_runs(found))
            self._show(lambda: self._show_forecasts(found.forecasts))
        elif self._known.ages is None:
            self._show(lambda: self._show_fault("store", "ages", "forecasts", "runs"))
        self._show(self._show_figures, self._notify_faults)

    def _services_read(self, found: tuple[ServiceObservations, Tokens | None] | None, fault: str) -> None:
        if found is None:
            self.widget.notify(fault, "bad")
            return
        seen, tokens = found
        now = time.time()
        moved = self._through.progressed_at
        home = str(self.settings.shared or self.settings.home)
        self._known.services = assess(seen, home=home, progress_age_s=None if moved is None else now - moved)
        self._known.tokens = tokens
        if tokens is not None and (not self._observed_tokens or self._observed_tokens[-1][0] < tokens.at):
            self._observed_tokens.append((tokens.at, tokens.left))
        self._show(self._show_services, self._show_tokens, self._show_figures)

    def _note_fault(self, name: str, fault: str) -> None:
        if fault:
            self._faults[name] = fault.rstrip(".")
        else:
            self._faults.pop(name, None)

    def _notify_faults(self) -> None:
        """Say what does not answer, and when all of it does again; each once."""
        text = " ".join(f"{fault}." for fault in self._faults.values())
        # Seconds that count up are no news.
        shape = re.sub(r"\d+", "", text)
        if text and shape != self._notified:
            self.widget.notify(f"{text} What is shown of it may be out of date. Updates automatically.", "bad")
        elif self._notified and not text:
            self.widget.notify(" ".join(f"The {name} answers again." for name in self._away), "good")
        self._notified, self._away = shape, tuple(self._faults)

    # Showing

    def _show(self, *handlers: Callable[[], None]) -> None:
        for handler in handlers:
            self.widget.run_guarded(handler)

    def _show_figures(self) -> None:
        self._figures.show(pipeline_figures(self._known, self._through, now=time.time()))

    def _show_services(self) -> None:
        self.widget.show_html("services", services_html(self._known.services or ()))

    def _show_log(self) -> None:
        state = self._known.state
        if state is None:
            self._show_fault("log", "lag", "dead")
            return
        self.widget.show_html("lag", lag_html(state))
        words = throughput_words(self._through)
        self.widget.show_html("pace", paragraph_html(words))
        if self._through.paces:
            self.widget.draw("pacechart", throughput_figure(self._through.paces), label=words)
        self._dead_letters.update(state, self._letters)

    def _show_tokens(self) -> None:
        tokens, now = self._known.tokens, time.time()
        self.widget.show_html("tokens", tokens_html(tokens, needed=self._needed, now=now))
        self._show_need()
        if tokens is None:
            self._drawn_tokens = None
            self.widget.hide("tokenchart")
            return
        forecast = tokens.forecast(now)
        # Making a figure takes a tenth of a second: only where it is another one.
        drawn = (tokens.at, forecast[1:], self._needed)
        if drawn == self._drawn_tokens:
            return
        self._drawn_tokens = drawn
        figure = tokens_figure(self._observed_tokens, forecast, needed=self._needed)
        words = f"Forecast of the tokens: {count(tokens.level(now))} now, {count(tokens.full)} at most"
        self.widget.draw("tokenchart", figure, label=words)

    def _show_need(self) -> None:
        field: Field = {
            "name": "tokens", "label": "When will I have … tokens?", "kind": "number", "placeholder": "900",
            "value": self._needed_text, "wrong": self._wrong,
            "hint": f"A product with its buy box costs {tokens_of_look(buybox=True)} tokens",
        }  # fmt: skip
        self.widget.show_form("need", [field])

    def _show_ages(self, ages: Mapping[str, Sequence[int]]) -> None:
        self.widget.show_html("ages", ages_html(ages))
        if not ages:
            self.widget.hide("agechart")
            return
        total = count(sum(map(sum, ages.values())))
        self.widget.draw("agechart", ages_figure(ages), label=f"{total} offers by age, a bar for each marketplace")

    def _show_forecasts(self, found: TrackRecord | None) -> None:
        self.widget.show_html("forecasts", forecasts_html(found, is_recalibrated=self.settings.recalibrate))

    def _show_runs(self, found: _Stored) -> None:
        limit_s = self.settings.report_time_limit
        html = runs_html(found.runs, found.bad_notebooks, now=time.time(), limit_s=limit_s)
        self.widget.show_html("runs", html)

    def _show_fault(self, name: str, *regions: str) -> None:
        """Why what stands in these regions is not known yet."""
        for region in regions:
            self.widget.show_html(region, paragraph_html(f"{self._faults[name]}."))

    def _show_address(self) -> None:
        asked = {"tokens": self._needed_text, "letter": self._dead_letters.opened}
        self.widget.address(urlencode({name: text for name, text in asked.items() if text}, safe="/"))

    # What the user does

    def on_form(self, event: UserEvent) -> None:
        """Another number of tokens."""
        self._take_needed(str(event["values"]["tokens"]))
        self._show_tokens()
        self._show_address()

    def on_select(self, event: UserEvent) -> None:
        """A row of the dead letters."""
        self._dead_letters.open(str(event["id"]))

    def on_action(self, event: UserEvent) -> None:
        """A button of the dead letters."""
        self._dead_letters.act(event)

    def _take_needed(self, text: str) -> None:
        self._needed_text, self._needed, self._wrong = text.strip()[:20], None, ""
        digits = self._needed_text.replace(",", "")
        if digits.isascii() and digits.isdigit() and 0 < int(digits) <= _MOST_NEEDED:
            self._needed = int(digits)
        elif digits:
            self._wrong = f"Tokens: not a whole number up to {count(_MOST_NEEDED)}. Try 900"
