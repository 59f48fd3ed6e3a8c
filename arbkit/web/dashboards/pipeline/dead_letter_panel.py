"""The part about dead letters: the table, one in full, replay and download."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from arbkit.core.errors import StreamError
from arbkit.core.formatting import count
from arbkit.core.settings import Settings
from arbkit.ops.stream_state import DEAD_TOPICS, StreamState
from arbkit.stream import Stream
from arbkit.stream.dead_letters import replay
from arbkit.web.dashboards.background_task import BackgroundTask
from arbkit.web.dashboards.cells import TABLES
from arbkit.web.dashboards.content import Region, UserEvent
from arbkit.web.dashboards.part import Part, Slot
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
from arbkit.web.dashboards.pipeline.parts import PipelinePart
from arbkit.web.dashboards.pipeline.state import PipelineState

_CHUNK = 1 << 20


class DeadLetters(PipelinePart):
    """The dead letters of all topics: how many, the latest in a table, and one in full, with replay and download.

    What the user asks for is done in a thread, one action at a time.
    """

    REGION = Region("dead", "html", title="Dead letters", waiting="Asking the log …")

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self._table = Slot(Region("letters", "table"), self)
        self._full = Slot(Region("letter", "html"), self)
        self._state: StreamState | None = None
        self._letters: Sequence[DeadLetter] = ()
        self._letter: DeadLetter | None = None
        self._as_hex = self._has_asked = False
        self._notice = ""
        self._action: BackgroundTask[Callable[[], None]] = BackgroundTask(self._done)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What there is, the table, and one in full."""
        return self, self._table, self._full

    def forget(self) -> None:
        """Another address may name another dead letter."""
        self._has_asked = False

    def follow(self, shown: PipelineState) -> None:
        """Show the state of the log and its latest dead letters, and read the one that the address names."""
        if not self._has_asked:
            self._has_asked = True
            self.open(shown.letter)
        if shown.known.state is None:
            self._say_fault(shown, "log")
        elif self._is_news(shown.known.state):
            self._state, self._letters = shown.known.state, shown.letters
            self._show()

    async def settled(self) -> None:
        """Wait until no action is running."""
        await self._action.settled()

    @property
    def _opened(self) -> str:
        """The id of the one shown in full; empty if none is."""
        return str(self._letter.id) if self._letter else ""

    def _log(self) -> Stream:
        if self.subject is None:
            raise StreamError("is read within a page only", field="dead letters")
        return self.subject.open_log()

    def open(self, name: str) -> bool:
        """Show the dead letter with this id as soon as it is read; False where the text is no id."""
        letter_id = parse_dead_letter_id(name)
        if letter_id is None:
            return False
        self._start(f"Reading dead letter {letter_id} …", lambda: self._read(letter_id))
        return True

    def handle(self, event: UserEvent) -> bool:
        """React to a row of the table, or to a button."""
        if event["type"] == "select":
            self.open(str(event["id"]))
        elif event["type"] == "action":
            self._act(event)
        else:
            return False
        return True

    def _act(self, event: UserEvent) -> None:
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
        if self._action.began_at is not None:
            self.widget.notify("Another action on the dead letters is still running. Try again in a moment.")
            return
        self._notice = notice
        self._action.start(work)
        self._show()

    def _done(self, finish: Callable[[], None] | None, error: str) -> None:
        self._notice = ""
        if finish is None:
            self._notice = f"{error.rstrip('.')}."
            self.widget.notify(self._notice, "bad")
        else:
            self.widget.run_guarded(finish)
        self._show()
        if self.subject is not None:
            self.subject.ask_log()

    # In a thread

    def _read(self, letter_id: DeadLetterId) -> Callable[[], None]:
        letter = shown_dead_letter(read_dead_letter(self._log(), letter_id), letter_id.topic)
        return lambda: self._open(letter)

    def _download(self, letter_id: DeadLetterId) -> Callable[[], None]:
        data = read_dead_letter(self._log(), letter_id).value

        def finish() -> None:
            for start in range(0, len(data), _CHUNK):
                self.widget.chunk(data[start : start + _CHUNK])
            self.widget.save(f"dead-letter-{str(letter_id).replace('/', '-')}.bin", "application/octet-stream")

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
            self.widget.notify(self._notice, "good")

        return finish

    # Showing

    def _open(self, letter: DeadLetter | None) -> None:
        self._letter, self._as_hex = letter, False
        self._show_letter()

    def _show_letter(self) -> None:
        if self._letter is None:
            self._full.hide()
        else:
            self.widget.show_html(self._full.region, dead_letter_html(self._letter, as_hex=self._as_hex))
        self._show()
        if self.page is not None and self.subject is not None:
            self.subject.letter = self._opened
            self.page.show_address()

    def _show(self) -> None:
        if self._state is None:
            return
        busy = self._action.began_at is not None
        html = dead_html(self._state, shown=len(self._letters), notice=self._notice, busy=busy)
        self.widget.show_html(self.region, html)
        if not self._letters:
            self._table.hide()
            return
        self.widget.show_table(
            self._table.region,
            {
                "caption": "Latest dead letters",
                "columns": list(TABLES["dead_letters"].values()),
                "rows": dead_letter_rows(self._letters, now=time.time()),
                "selects": True,
                "selected": self._opened,
                "message": "",
            },
        )
