"""What a page shows of the pipeline: log, services, tokens and store, all of it read in threads."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from arbkit.analysis.detection_inputs import profile_note
from arbkit.analysis.track_record.results import TrackRecord
from arbkit.analysis.track_record.run import kept_track_record
from arbkit.core.formatting import age_words, count
from arbkit.ops.service_checks import ServiceObservations, assess, observe_services
from arbkit.ops.stream_state import StreamState, Throughput, read_stream_state
from arbkit.reports.catalogue.find import own_reports
from arbkit.reports.catalogue.own_reports import BadNotebook
from arbkit.sources.keepa_api.token_budget import Tokens, read_tokens
from arbkit.store import Stats
from arbkit.store.mode import store_if_any
from arbkit.stream import Stream, open_stream
from arbkit.web.dashboards.background_task import BackgroundTask
from arbkit.web.dashboards.composed.subject import Subject
from arbkit.web.dashboards.html import Figure
from arbkit.web.dashboards.pipeline.charts import AGE_LIMITS
from arbkit.web.dashboards.pipeline.dead_letters import DeadLetter, latest_dead_letters, parse_dead_letter_id
from arbkit.web.dashboards.pipeline.html import FiledRun, Known, pipeline_figures
from arbkit.web.dashboards.pipeline.shown_plan import ShownPlan, read_shown_plan
from arbkit.web.dashboards.report_files import report_file

if TYPE_CHECKING:
    from arbkit.web.dashboards.composed.page import Page

_STORE_EVERY_S = 30.0
_PLAN_EVERY_S = 15.0
_SLOW_S = 8.0
"""How long an answer may take before the page says that it waits for it."""
_LETTERS = 50
_RUNS = 20
_MOST_OBSERVED = 2_000
_MOST_NEEDED = 10_000_000


@dataclass(frozen=True, slots=True)
class StoredState:
    """What is read from the store."""

    stats: Stats
    ages: Mapping[str, Sequence[int]]
    runs: Sequence[FiledRun]
    bad_notebooks: Sequence[BadNotebook]
    profile_note: str
    forecasts: TrackRecord | None


class PipelineState(Subject):
    """The pipeline over log, store and home: what is known of it.

    ``faults`` say why something may be out of date, ``refused`` those of an answer that came. ``letter`` is
    the id of the dead letter that is to be shown in full, ``needed`` how many tokens were asked about.
    """

    NAME = "pipeline"
    NEEDS_STORE = False

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.known = Known()
        self.through = Throughput()
        self.stored: StoredState | None = None
        self.letters: Sequence[DeadLetter] = ()
        self.letter = ""
        self.needed: int | None = None
        self.needed_text = self.wrong = ""
        self.faults: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.observed_tokens: deque[tuple[float, int]] = deque(maxlen=_MOST_OBSERVED)
        self._log: Stream | None = None
        self._letters_of: tuple[object, ...] | Mapping[str, object] | None = None
        self._notified = ""
        self._away: tuple[str, ...] = ()
        self.plan: ShownPlan | None = None
        self._store_at = self._plan_at = 0.0
        self._for_log = BackgroundTask(self._log_read)
        self._for_store = BackgroundTask(self._store_read)
        self._for_services = BackgroundTask(self._services_read)
        self._for_plan = BackgroundTask(self._plan_read)

    def open(self, search: str) -> Mapping[str, str]:
        """Take the tokens and the dead letter of an address."""
        asked = parse_qs(search.removeprefix("?"))
        self.need(asked.get("tokens", [""])[0])
        if not (name := asked.get("letter", [""])[0]):
            return {}
        if parse_dead_letter_id(name) is None:
            return {"letter": "no such dead letter. Select one in the table"}
        self.letter = name
        return {}

    def search(self) -> str:
        """The tokens that were asked about, and the dead letter that is shown in full."""
        asked = {"tokens": self.needed_text, "letter": self.letter}
        return urlencode({name: text for name, text in asked.items() if text}, safe="/")

    def load(self, *, now: float) -> None:  # noqa: ARG002  # each reading has a time of its own
        """Ask everything anew, unless it is being asked."""
        self._store_at = self._plan_at = 0.0
        self.tick()

    def tick(self) -> None:
        """Ask the log and the services, and the store from time to time."""
        now = time.time()
        self.ask_log()
        settings = self.page.settings
        self._for_services.start(lambda: (observe_services(self.page.in_force), read_tokens(settings)))
        if now - self._store_at >= _STORE_EVERY_S or "store" in self.faults:
            self._for_store.start(self._read_store)
        if now - self._plan_at >= _PLAN_EVERY_S:
            self._for_plan.start(self._read_plan)
        for name, began in (("log", self._for_log.began_at), ("store", self._for_store.began_at)):
            if began is not None and now - began > _SLOW_S:
                self._note_fault(name, f"The {name} has not answered for {age_words(now - began)}")
        self._notify_faults()

    def figures(self) -> list[Figure]:
        """The state of the pipeline in seven numbers; none while nothing is known."""
        if not self.faults and self.known == Known():
            return []
        return pipeline_figures(self.known, self.through, now=time.time())

    async def settled(self) -> None:
        """Wait until nothing is being read."""
        for task in (self._for_log, self._for_store, self._for_services, self._for_plan):
            await task.settled()

    def need(self, text: str) -> None:
        """Ask when there will be this number of tokens, as it was typed."""
        self.needed_text, self.needed, self.wrong = text.strip()[:20], None, ""
        digits = self.needed_text.replace(",", "")
        if digits.isascii() and digits.isdigit() and 0 < int(digits) <= _MOST_NEEDED:
            self.needed = int(digits)
        elif digits:
            self.wrong = f"Tokens: not a whole number up to {count(_MOST_NEEDED)}. Try 900"

    def open_log(self) -> Stream:
        """The one log of this page. Only one thread at a time asks for it first."""
        if self._log is None:
            self._log = open_stream(self.page.settings)
        return self._log

    def ask_log(self) -> None:
        """Read the state of the log, unless it is being read."""
        self._for_log.start(self._read_log)

    def _read_log(self) -> tuple[StreamState, Sequence[DeadLetter] | None]:
        log = self.open_log()
        state = read_stream_state(log, now=time.time())
        return state, latest_dead_letters(log, _LETTERS) if state.dead_letter_watermarks() != self._letters_of else None

    def _log_read(self, found: tuple[StreamState, Sequence[DeadLetter] | None] | None, fault: str) -> None:
        self._note_answer("log", fault)
        if found is not None:
            state, letters = found
            if letters is not None:
                self.letters, self._letters_of = letters, state.dead_letter_watermarks()
            self.known.state = state
            self.through.note(state)
        self._show()
        self._notify_faults()

    def _read_store(self) -> StoredState:
        now, settings, store = time.time(), self.page.settings, self.page.store
        runs = store.runs(limit=_RUNS)
        filed = [FiledRun(r, report_file(settings, r.report, r.run_id) is not None) for r in runs]
        ages = store.ages(AGE_LIMITS, now=now)
        known = {m: ages[m] for m in (*settings.markets, *ages) if m in ages}
        bad, note = own_reports(settings).bad, profile_note(settings, store.swept())
        return StoredState(store.stats(), known, filed, bad, note, kept_track_record(store))

    def _store_read(self, found: StoredState | None, fault: str) -> None:
        self._note_answer("store", fault)
        if found is not None:
            self._store_at = time.time()
            self.stored, self.known.ages = found, found.ages
            self.page.take_stats(found.stats, found.profile_note)
            self.page.widget.run_guarded(self.page.show_header)
        self._show()
        self._notify_faults()

    def _services_read(self, found: tuple[ServiceObservations, Tokens | None] | None, fault: str) -> None:
        if found is None:
            self.page.widget.notify(fault, "bad")
            return
        seen, tokens = found
        now = time.time()
        moved = self.through.progressed_at
        home = str(self.page.settings.shared or self.page.settings.home)
        self.known.services = assess(seen, home=home, progress_age_s=None if moved is None else now - moved)
        self.known.tokens = tokens
        if tokens is not None and (not self.observed_tokens or self.observed_tokens[-1][0] < tokens.at):
            self.observed_tokens.append((tokens.at, tokens.left))
        self._show()

    def _read_plan(self) -> ShownPlan:
        return read_shown_plan(self.page.in_force, store_if_any(lambda: self.page.store), time.time())

    def _plan_read(self, found: ShownPlan | None, fault: str) -> None:
        if found is None:
            self.page.widget.notify(fault, "bad")
            return
        self._plan_at, self.plan = time.time(), found
        self._show()

    def _show(self) -> None:
        self.page.widget.run_guarded(lambda: self.page.redraw(self))

    def _note_answer(self, name: str, fault: str) -> None:
        self._note_fault(name, fault)
        self.refused.pop(name, None)
        if fault:
            self.refused[name] = self.faults[name]

    def _note_fault(self, name: str, fault: str) -> None:
        if fault:
            self.faults[name] = fault.rstrip(".")
        else:
            self.faults.pop(name, None)

    def _notify_faults(self) -> None:
        """Say what does not answer, and when all of it does again; each once."""
        text = " ".join(f"{fault}." for fault in self.faults.values())
        # Seconds that count up are no news.
        shape = re.sub(r"\d+", "", text)
        if text and shape != self._notified:
            self.page.widget.notify(f"{text} What is shown of it may be out of date. Updates automatically.", "bad")
        elif self._notified and not text:
            self.page.widget.notify(" ".join(f"The {name} answers again." for name in self._away), "good")
        self._notified, self._away = shape, tuple(self.faults)
