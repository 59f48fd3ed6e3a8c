"""The pipeline page: what runs, what waits, how fast it goes, and what could not be used."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from arbkit.core.formatting import age_words, count
from arbkit.core.settings import Settings
from arbkit.ops.service_checks import ServiceObservations, assess, observe_services
from arbkit.ops.stream_state import DEAD_TOPICS, StreamState, Throughput, read_stream_state
from arbkit.sources.token_budget import Tokens, read_tokens
from arbkit.store import Stats
from arbkit.stream import Stream, open_stream
from arbkit.stream.dead_letters import replay
from arbkit.web.dashboards.background_task import Errand
from arbkit.web.dashboards.html_parts import figures_html
from arbkit.web.dashboards.page import Board
from arbkit.web.dashboards.page_widget import Region, Wish
from arbkit.web.dashboards.pipeline.charts import AGE_LIMITS, ages_figure, pace_figure, tokens_figure
from arbkit.web.dashboards.pipeline.dead_letters import (
    COLUMNS,
    Letter,
    Place,
    found_letter,
    latest_letters,
    letter_html,
    parse_place,
    rows,
    shown_letter,
)
from arbkit.web.dashboards.pipeline.html import (
    FiledRun,
    Known,
    ages_html,
    dead_html,
    figures,
    lag_html,
    pace_words,
    runs_html,
    services_html,
    tokens_html,
)
from arbkit.web.dashboards.report_files import report_file

__all__ = ["PipelineBoard"]

_STORE_EVERY_S = 30.0
_SLOW_S = 8.0
"""How long an answer may take before the page says that it waits for it."""
_LETTERS = 50
_RUNS = 20
_MOST_SEEN = 2_000
_MOST_NEEDED = 10_000_000
_CHUNK = 1 << 20
_BACK = {"log": "The log answers again.", "store": "The store answers again."}


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is read of the store."""

    stats: Stats
    ages: Mapping[str, Sequence[int]]
    runs: Sequence[FiledRun]


class PipelineBoard(Board):
    """The page over log, store and home. All of it is read in threads, and the page shows what it has meanwhile."""

    NAME = "pipeline"
    TITLE = "Pipeline"
    REGIONS = (
        Region("head", "html", waiting="Pipeline"),
        Region("figures", "html", waiting="Asking the log, the store and the services …"),
        Region("services", "html", title="Services", waiting="Looking for heartbeats …"),
        Region("lag", "html", title="Log", waiting="Asking the log …"),
        Region("pace", "html", title="Throughput", waiting="How fast records go is known from the second look on …"),
        Region("pacechart", "chart"),
        Region("tokens", "html", title="Keepa tokens", waiting="Looking for what the producer left …"),
        Region("need", "form"),
        Region("tokenchart", "chart"),
        Region("ages", "html", title="Age of the offers", waiting="Asking the store …"),
        Region("agechart", "chart"),
        Region("dead", "html", title="Dead letters", waiting="Asking the log …"),
        Region("letters", "table"),
        Region("letter", "html"),
        Region("runs", "html", title="Reports", waiting="Asking the store …"),
    )

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._log: Stream | None = None
        self._known = Known()
        self._through = Throughput()
        self._letters: list[Letter] = []
        self._letters_of: object = None
        self._seen_tokens: deque[tuple[float, int]] = deque(maxlen=_MOST_SEEN)
        self._drawn_tokens: object = None
        self._needed: int | None = None
        self._needed_text = ""
        self._wrong = ""
        self._letter: Letter | None = None
        self._as_hex = False
        self._told = ""
        self._faults: dict[str, str] = {}
        self._faults_told = ""
        self._away: tuple[str, ...] = ()
        self._store_at = 0.0
        self._for_log = Errand(self._log_read)
        self._for_store = Errand(self._store_read)
        self._for_services = Errand(self._services_read)
        self._acting: Errand[Callable[[], None]] = Errand(self._acted)

        # What the first page would wait for is done while it is kept warm.
        for figure in (pace_figure(()), ages_figure({}), tokens_figure((), (), needed=None)):
            figure.to_json()

    async def settled(self) -> None:
        """Wait until nothing is read or done."""
        await self._acting.settled()
        await self._for_log.settled()
        await self._for_store.settled()
        await self._for_services.settled()

    # Reading

    def open(self, search: str) -> None:
        asked = parse_qs(search.removeprefix("?"))
        self._take_needed(asked.get("tokens", [""])[0])
        self._show_need()
        if (name := asked.get("letter", [""])[0]) and not self._open_letter(name):
            self.page.say("letter: there is no such dead letter. Choose one of the table.", "bad")

    def again(self) -> None:
        """Ask everything anew, unless it is being asked."""
        self.show_head()
        self._store_at = 0.0
        self.on_tick({})

    def on_tick(self, _: Wish) -> None:
        now = time.time()
        self._for_log.start(self._read_log)
        self._for_services.start(lambda: (observe_services(self.settings), read_tokens(self.settings)))
        if now - self._store_at >= _STORE_EVERY_S or "store" in self._faults:
            self._for_store.start(self._read_store)
        for name, began in (("log", self._for_log.began_at), ("store", self._for_store.began_at)):
            if began is not None and now - began > _SLOW_S:
                self._fault(name, f"The {name} has not answered for {age_words(now - began)}")
        self._tell_faults()

    def _opened(self) -> Stream:
        """The one log of this page. Only one thread at a time asks for it first."""
        if self._log is None:
            self._log = open_stream(self.settings)
        return self._log

    def _read_log(self) -> tuple[StreamState, list[Letter] | None]:
        log = self._opened()
        state = read_stream_state(log, now=time.time())
        return state, latest_letters(log, _LETTERS) if state.dead_letter_watermarks() != self._letters_of else None

    def _log_read(self, found: tuple[StreamState, list[Letter] | None] | None, fault: str) -> None:
        self._fault("log", fault)
        if found is not None:
            state, letters = found
            if letters is not None:
                self._letters, self._letters_of = letters, state.dead_letter_watermarks()
            self._known.state = state
            self._through.note(state)
        self._show(self._show_log, self._show_figures, self._tell_faults)

    def _read_store(self) -> _Stored:
        now = time.time()
        runs = self.store.runs(limit=_RUNS)
        filed = [FiledRun(r, report_file(self.settings, r.report, r.run_id) is not None) for r in runs]
        ages = self.store.ages(AGE_LIMITS, now=now)
        return _Stored(self.store.stats(), {m: ages[m] for m in (*self.settings.markets, *ages) if m in ages}, filed)

    def _store_read(self, found: _Stored | None, fault: str) -> None:
        self._fault("store", fault)
        if found is not None:
            self._store_at = time.time()
            self._stats, self._known.ages = found.stats, found.ages
            self._show(self.show_head, lambda: self._show_ages(found.ages), lambda: self._show_runs(found.runs))
        elif self._known.ages is None:
            self._show(self._show_no_store)
        self._show(self._show_figures, self._tell_faults)

    def _services_read(self, found: tuple[ServiceObservations, Tokens | None] | None, fault: str) -> None:
        if found is None:
            self.page.say(fault, "bad")
            return
        seen, tokens = found
        now = time.time()
        moved = self._through.progressed_at
        home = str(self.settings.home)
        self._known.services = assess(seen, home=home, progress_age_s=None if moved is None else now - moved)
        self._known.tokens = tokens
        if tokens is not None and (not self._seen_tokens or self._seen_tokens[-1][0] < tokens.at):
            self._seen_tokens.append((tokens.at, tokens.left))
        self._show(self._show_services, self._show_tokens, self._show_figures)

    def _fault(self, name: str, fault: str) -> None:
        if fault:
            self._faults[name] = fault.rstrip(".")
        else:
            self._faults.pop(name, None)

    def _tell_faults(self) -> None:
        """Say what does not answer, and when all of it does again; each once."""
        text = " ".join(f"{fault}." for fault in self._faults.values())
        # Seconds that count up are no news.
        shape = re.sub(r"\d+", "", text)
        if text and shape != self._faults_told:
            self.page.say(f"{text} What you see of it is as it was; this page looks again by itself.", "bad")
        elif self._faults_told and not text:
            self.page.say(" ".join(_BACK[name] for name in self._away), "good")
        self._faults_told, self._away = shape, tuple(self._faults)

    # Showing

    def _show(self, *acts: Callable[[], object]) -> None:
        for act in acts:
            self.page.guard(act)

    def _show_figures(self) -> None:
        self.page.show("figures", {"html": figures_html(figures(self._known, self._through, now=time.time()))})

    def _show_services(self) -> None:
        self.page.show("services", {"html": services_html(self._known.services or ())})

    def _show_log(self) -> None:
        state = self._known.state
        if state is None:
            why = f"<p>{_sentence(self._faults.get('log', ''))}</p>"
            for region in ("lag", "dead"):
                self.page.show(region, {"html": why})
            return
        self.page.show("lag", {"html": lag_html(state)})
        words = pace_words(self._through)
        self.page.show("pace", {"html": f"<p>{words}</p>"})
        if self._through.paces:
            self.page.draw("pacechart", pace_figure(self._through.paces), label=words)
        self._show_dead()

    def _show_dead(self) -> None:
        state = self._known.state
        if state is None:
            return
        busy = self._acting.began_at is not None
        self.page.show("dead", {"html": dead_html(state, shown=len(self._letters), told=self._told, busy=busy)})
        if not self._letters:
            self.page.hide("letters")
            return
        self.page.show(
            "letters",
            {
                "caption": "Latest dead letters",
                "columns": COLUMNS,
                "rows": rows(self._letters, now=time.time()),
                "selects": True,
                "selected": str(self._letter.place) if self._letter else "",
                "message": "",
            },
        )

    def _show_tokens(self) -> None:
        tokens, now = self._known.tokens, time.time()
        self.page.show("tokens", {"html": tokens_html(tokens, needed=self._needed, now=now)})
        self._show_need()
        if tokens is None:
            self._drawn_tokens = None
            self.page.hide("tokenchart")
            return
        forecast = tokens.forecast(now)
        # Making a figure takes a tenth of a second: only where it is another one.
        drawn = (tokens.at, forecast[1:], self._needed)
        if drawn == self._drawn_tokens:
            return
        self._drawn_tokens = drawn
        figure = tokens_figure(self._seen_tokens, forecast, needed=self._needed)
        words = f"Forecast of the tokens: {count(tokens.level(now))} now, {count(tokens.full)} at most"
        self.page.draw("tokenchart", figure, label=words)

    def _show_need(self) -> None:
        field = {
            "name": "tokens", "label": "When will there be so many tokens?", "kind": "number", "placeholder": "900",
            "value": self._needed_text, "wrong": self._wrong, "hint": "A product with its buy box costs 3 tokens",
        }  # fmt: skip
        self.page.show("need", {"fields": [field]})

    def _show_ages(self, ages: Mapping[str, Sequence[int]]) -> None:
        self.page.show("ages", {"html": ages_html(ages)})
        if not ages:
            self.page.hide("agechart")
            return
        total = count(sum(map(sum, ages.values())))
        self.page.draw("agechart", ages_figure(ages), label=f"{total} offers by age, a bar for each marketplace")

    def _show_runs(self, runs: Sequence[FiledRun]) -> None:
        self.page.show("runs", {"html": runs_html(runs, now=time.time(), limit_s=self.settings.report_time_limit)})

    def _show_no_store(self) -> None:
        for region in ("ages", "runs"):
            self.page.show(region, {"html": f"<p>{_sentence(self._faults['store'])}</p>"})

    def _show_letter(self) -> None:
        if self._letter is None:
            self.page.hide("letter")
        else:
            self.page.show("letter", {"html": letter_html(self._letter, as_hex=self._as_hex)})
        self._show_dead()
        self._show_address()

    def _show_address(self) -> None:
        asked = {"tokens": self._needed_text, "letter": str(self._letter.place) if self._letter else ""}
        self.page.address(urlencode({name: text for name, text in asked.items() if text}, safe="/"))

    # What the user wishes

    def on_form(self, wish: Wish) -> None:
        self._take_needed(str(wish["values"]["tokens"]))
        self._show_tokens()
        self._show_address()

    def _take_needed(self, text: str) -> None:
        self._needed_text, self._needed, self._wrong = text.strip()[:20], None, ""
        digits = self._needed_text.replace(",", "")
        if digits.isascii() and digits.isdigit() and 0 < int(digits) <= _MOST_NEEDED:
            self._needed = int(digits)
        elif digits:
            self._wrong = f"Tokens: not a whole number up to {count(_MOST_NEEDED)}. Try 900"

    def on_select(self, wish: Wish) -> None:
        self._open_letter(str(wish["id"]))

    def on_press(self, wish: Wish) -> None:
        name, one = str(wish["name"]), str(wish.get("id", ""))
        place = parse_place(one)
        if name == "letter":
            self._open_letter(one)
        elif name == "close":
            self._letter = None
            self._show_letter()
        elif name == "hex":
            self._as_hex = not self._as_hex
            self._show_letter()
        elif name == "download" and place is not None:
            self._do(f"Reading dead letter {place} …", lambda: self._downloaded(place))
        elif name == "replay" and place is not None:
            self._do(f"Replaying dead letter {place} …", lambda: self._replayed(place.topic, place))
        elif name == "replay-all" and one in DEAD_TOPICS:
            self._do(f"Replaying the dead letters of {one} …", lambda: self._replayed(one, None))

    def _open_letter(self, name: str) -> bool:
        """Show it, in a moment; whether the name is one of a dead letter."""
        place = parse_place(name)
        if place is None:
            return False
        self._do(f"Reading dead letter {place} …", lambda: self._read_letter(place))
        return True

    def _do(self, saying: str, act: Callable[[], Callable[[], None]]) -> None:
        """Do it in a thread; what it gives is then done on the page."""
        if self._acting.began_at is not None:
            self.page.say("Something is being done with the dead letters still. Try again in a moment.")
            return
        self._told = saying
        self._acting.start(act)
        self._show_dead()

    def _acted(self, then: Callable[[], None] | None, fault: str) -> None:
        self._told = ""
        if then is None:
            self._told = _sentence(fault)
            self.page.say(self._told, "bad")
        else:
            self.page.guard(then)
        self._show_dead()
        self._for_log.start(self._read_log)

    # In a thread

    def _read_letter(self, place: Place) -> Callable[[], None]:
        letter = shown_letter(found_letter(self._opened(), place), place.topic)

        def then() -> None:
            self._letter, self._as_hex = letter, False
            self._show_letter()

        return then

    def _downloaded(self, place: Place) -> Callable[[], None]:
        data = found_letter(self._opened(), place).value

        def then() -> None:
            for start in range(0, len(data), _CHUNK):
                self.page.chunk(data[start : start + _CHUNK])
            self.page.save(f"dead-letter-{str(place).replace('/', '-')}.bin", "application/octet-stream")

        return then

    def _replayed(self, topic: str, place: Place | None) -> Callable[[], None]:
        number = replay(self._opened(), (place.offset,) if place else (), topic=topic)

        def then() -> None:
            if place:
                self._told = f"Dead letter {place} is back on {topic}."
            elif number:
                self._told = f"{count(number)} dead letters are back on {topic}."
            else:
                self._told = f"No dead letter of {topic} was left to replay."
            if number:
                self._told += " What is still of no use comes back here, with one more attempt."
            self.page.say(self._told, "good")

        return then


def _sentence(fault: str) -> str:
    return f"{fault.rstrip('.')}." if fault else ""
