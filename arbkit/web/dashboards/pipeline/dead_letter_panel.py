"""The pipeline page's dead letters: the table, one in full, replay and download."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from arbkit.core.formatting import count
from arbkit.ops.stream_state import DEAD_TOPICS, StreamState
from arbkit.stream import Stream
from arbkit.stream.dead_letters import replay
from arbkit.web.dashboards.background_task import BackgroundTask
from arbkit.web.dashboards.cells import TABLES
from arbkit.web.dashboards.content import UserEvent
from arbkit.web.dashboards.page_widget import PageWidget
from arbkit.web.dashboards.pipeline.dead_letters import (
    DeadLetter,
    DeadLetterId,
    dead_letter_html,
    dead_letter_rows,
    parse_dead_letter_id,
    read_dead_letter,
    shown_dead_letter,
)
from arbkit.web.dashboards.pipeline.html import dead_html

_CHUNK = 1 << 20


class DeadLetterPanel:
    """Three regions: ``dead`` (a summary), ``letters`` (the table) and ``letter`` (one in full).

    What the user asks for is done in a thread, one action at a time. ``then`` is called after each, and ``on_open``
    where another one, or none, is shown in full.
    """

    def __init__(
        self, widget: PageWidget, log: Callable[[], Stream], *, then: Callable[[], None], on_open: Callable[[], None]
    ) -> None:
        self._widget = widget
        self._log = log
        self._then = then
        self._on_open = on_open
        self._state: StreamState | None = None
        self._letters: Sequence[DeadLetter] = ()
        self._letter: DeadLetter | None = None
        self._as_hex = False
        self._notice = ""
        self.action: BackgroundTask[Callable[[], None]] = BackgroundTask(self._done)
        """the running action"""

    @property
    def opened(self) -> str:
        """The id of the one shown in full; empty if none is."""
        return str(self._letter.id) if self._letter else ""

    def update(self, state: StreamState, letters: Sequence[DeadLetter]) -> None:
        """Show the state of the log and its latest dead letters."""
        self._state, self._letters = state, letters
        self._show()

    def open(self, name: str) -> bool:
        """Show the dead letter with this id as soon as it is read; False where the text is no id."""
        letter_id = parse_dead_letter_id(name)
        if letter_id is None:
            return False
        self._start(f"Reading dead letter {letter_id} …", lambda: self._read(letter_id))
        return True

    def act(self, event: UserEvent) -> None:
        """React to a button of these regions."""
        name, target = str(event["name"]), str(event.get("id", ""))
        letter_id = parse_dead_letter_id(target)
        if name == "letter":
            self.open(target)
        elif name == "close":
            self._open(None)
        elif name == "hex":
            self._as_hex = not self._as_hex
            self._show_letter()
        elif name == "download" and letter_id is not None:
            self._start(f"Reading dead letter {letter_id} …", lambda: self._download(letter_id))
        elif name == "replay" and letter_id is not None:
            self._start(f"Replaying dead letter {letter_id} …", lambda: self._replay(letter_id.topic, letter_id))
        elif name == "replay-all" and target in DEAD_TOPICS:
            self._start(f"Replaying the dead letters of {target} …", lambda: self._replay(target, None))

    def _start(self, notice: str, work: Callable[[], Callable[[], None]]) -> None:
        """Run ``work`` in a thread; what it returns is then called on the page."""
        if self.action.began_at is not None:
            self._widget.notify("Another action on the dead letters is still running. Try again in a moment.")
            return
        self._notice = notice
        self.action.start(work)
        self._show()

    def _done(self, finish: Callable[[], None] | None, error: str) -> None:
        self._notice = ""
        if finish is None:
            self._notice = f"{error.rstrip('.')}."
            self._widget.notify(self._notice, "bad")
        else:
            self._widget.run_guarded(finish)
        self._show()
        self._then()

    # In a thread

    def _read(self, letter_id: DeadLetterId) -> Callable[[], None]:
        letter = shown_dead_letter(read_dead_letter(self._log(), letter_id), letter_id.topic)
        return lambda: self._open(letter)

    def _download(self, letter_id: DeadLetterId) -> Callable[[], None]:
        data = read_dead_letter(self._log(), letter_id).value

        def finish() -> None:
            for start in range(0, len(data), _CHUNK):
                self._widget.chunk(data[start : start + _CHUNK])
            self._widget.save(f"dead-letter-{str(letter_id).replace('/', '-')}.bin", "application/octet-stream")

        return finish

    def _replay(self, topic: str, letter_id: DeadLetterId | None) -> Callable[[], None]:
        number = replay(self._log(), (letter_id.offset,) if letter_id else (), topic=topic)

        def finish() -> None:
            if letter_id:
                self._notice = f"Dead letter {letter_id} is back on {topic}."
            elif number:
                self._notice = f"{count(number)} dead letters are back on {topic}."
            else:
                self._notice = f"No dead letter of {topic} was left to replay."
            if number:
                self._notice += " What fails again returns here, with one more attempt."
            self._widget.notify(self._notice, "good")

        return finish

    # Showing

    def _open(self, letter: DeadLetter | None) -> None:
        self._letter, self._as_hex = letter, False
        self._show_letter()

    def _show_letter(self) -> None:
        if self._letter is None:
            self._widget.hide("letter")
        else:
            self._widget.show_html("letter", dead_letter_html(self._letter, as_hex=self._as_hex))
        self._show()
        self._on_open()

    def _show(self) -> None:
        if self._state is None:
            return
        busy = self.action.began_at is not None
        html = dead_html(self._state, shown=len(self._letters), notice=self._notice, busy=busy)
        self._widget.show_html("dead", html)
        if not self._letters:
            self._widget.hide("letters")
            return
        self._widget.show_table(
            "letters",
            {
                "caption": "Latest dead letters",
                "columns": list(TABLES["dead_letters"].values()),
                "rows": dead_letter_rows(self._letters, now=time.time()),
                "selects": True,
                "selected": self.opened,
                "message": "",
            },
        )
