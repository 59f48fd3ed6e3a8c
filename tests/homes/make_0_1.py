"""How the stored home of arbkit 0.1 was made, once: ``python -m tests.homes.make_0_1 PYTHON``, from the project.

It needs the code of 0.1 (commit 7eacad9), installed for ``PYTHON``, which may be another interpreter than the one
that runs this: the snippets below import what later versions have moved. Both its results, ``0.1.tar.xz`` and
``0.1.expected.json``, say what 0.1 wrote and how 0.1 read it; made again by later code they would prove nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.homes.looks import LOOKS, dead_letters, offers
from tests.homes.stored import EXPECTED, Home, unpack

_HERE = Path(__file__).parent
_INVENTED_FOLDER = "/home/seller/arbkit"
_INVENTED_CODE = "/opt/arbkit-0.1"

_MARKET = """
import sys, time
from arbkit.demo import wire
from arbkit.demo.server import DemoServer
wire.PAST_STEPS = 180  # ninety days of prices keep the file small
with DemoServer("127.0.0.1", 0, speed=float(sys.argv[1])) as server:
    print(server.url, flush=True)
    time.sleep(3600)
"""

_TRIM = """
import sqlite3
from arbkit.log import open_log
from arbkit.settings import Settings
settings = Settings.load()
connection = sqlite3.connect(settings.database, isolation_level=None)
(kept,) = connection.execute("SELECT max_age_s FROM log_topics WHERE name = 'raw.keepa_updates'").fetchone()
connection.execute("UPDATE log_topics SET max_age_s = 0 WHERE name = 'raw.keepa_updates'")
with open_log(settings) as log:
    print(log.trim())
connection.execute("UPDATE log_topics SET max_age_s = ? WHERE name = 'raw.keepa_updates'", (kept,))
"""

_PUBLISH = """
import sys, time
from arbkit.log import Record, open_log
from arbkit.settings import Settings
with open_log(Settings.load()) as log:
    log.publish(sys.argv[1], [Record(sys.argv[2], sys.argv[3].encode())])
"""

_DEAD_LETTERS = """
import orjson
from arbkit.dlq import dead_letter
from arbkit.log import ENRICHED_TOPIC, RAW_TOPIC, dead_letter_topic, open_log
from arbkit.settings import Settings
with open_log(Settings.load()) as log:
    good = next(m for some in log.walk(RAW_TOPIC) for m in some if b'"source":"export"' in m.value)
    value = good.value.replace(good.key.encode(), b"B00MADEUP9")
    letter = dead_letter(good, "a fault of arbkit: KeyError('mended since')")
    log.publish(dead_letter_topic(RAW_TOPIC), [type(letter)("B00MADEUP9", value, letter.headers)])
    sheet = next(m for some in log.walk(ENRICHED_TOPIC) for m in some)
    log.publish(dead_letter_topic(ENRICHED_TOPIC), [dead_letter(sheet, "the user's own sheet was full")])
"""

_OTHER_GROUP = """
import sys
from arbkit.log import ALERTS_TOPIC, ENRICHED_TOPIC, open_log
from arbkit.settings import Settings
with open_log(Settings.load()) as log:
    with log.consumer(sys.argv[1], [ALERTS_TOPIC, ENRICHED_TOPIC], on_revoke=lambda gone: None) as consumer:
        read = []
        while not read:
            read = consumer.poll(max_records=int(sys.argv[2]), timeout_s=1)
        consumer.commit({m.place: m.offset + 1 for m in read})
"""

_VIEWS = """
from arbkit.dashboard.saved import SavedViews
from arbkit.dashboard.view import View
from arbkit.settings import Settings
from arbkit.store import OpportunityQuery, open_store
settings = Settings.load()
with open_store(settings, read_only=True) as store:
    best = store.opportunities(OpportunityQuery(limit=3)).items
    middle = store.opportunities(OpportunityQuery(sort="roi", limit=100)).items
one = middle[len(middle) // 2]
views = {
    "Alles": View(),
    "beste Strecke": View(source=best[0].source, target=best[0].target),
    "eine Marke, nach Titel": View(brand=best[1].brand, sort="title", descending=False),
    "Kategorie": View(category=one.category, sort="age"),
    "Suche „" + best[2].brand + "“": View(q=best[2].brand.lower(), sort="route"),
    "mindestens": View(min_margin=3.5, min_roi=float(int(one.roi_pct)), min_profit=1.25, sort="margin"),
    "sicher und frisch": View(min_confidence=0.55, max_age=100_000.0, sort="confidence"),
    "zu alt": View(max_age=0.0),
    "ohne Amazon": View(amazon="no", sort="buy_price", descending=False),
    "mit Amazon": View(amazon="yes", sort="sell_price"),
    "every field at once": View(
        source=one.source, target=one.target, category=one.category, brand=one.brand, q=one.title.split()[-1],
        min_margin=-5.0, min_roi=-10.5, min_profit=0.01, min_confidence=0.1, max_age=99_999.0,
        amazon={True: "yes", False: "no", None: ""}[one.amazon_sells], sort="spread", descending=False, page=2,
        columns=("title", "profit", "roi_pct", "confidence"), chosen=f"{one.asin}:{one.source}:{one.target}",
    ),
}
for name, view in views.items():
    SavedViews(settings).save(name, view.search())
"""

_KEYS = """
import json
from arbkit.money.profile import Customs, Package, Parcel, Profile
print(json.dumps([k for m in (Profile, Customs, Package, Parcel) for k in m.model_fields]))
"""

_EXPORT = """\
Locale,ASIN,Title,Brand,Categories: Root,Buy Box: Current,Buy Box: 90 days avg.,New: Current,Sales Rank: Current,\
Referral Fee %,FBA Pick&Pack Fee,Product Codes: EAN,Package: Length (cm),Package: Width (cm),Package: Height (cm),\
Package: Weight (g)
"""
_OLD = (
    'de,B00MADEUP1,"Lamp, invented",Lumiko,Beleuchtung,29.90,31.50,28.90,5120,15.01 %,3.40,2900000000011,24,16,9,620',
    "it,B00MADEUP1,Lampada finta,Lumiko,Illuminazione,17.40,18.20,16.99,2210,15.01 %,4.95,2900000000011,24,16,9,620",
)
_NEW = (
    "de,B00MADEUP2,Erfundene Dose,Tavelo,Spielzeug,44.90,45.10,43.00,900,15.01 %,3.40,2900000000028,24,16,9,500",
    "fr,B00MADEUP2,Boîte inventée,Tavelo,Jeux et Jouets,21.90,22.40,21.50,1400,15.01 %,5.79,2900000000028,24,16,9,500",
    "es,B00MADEUP3,Cosa inventada,Tavelo,Juguetes y juegos,15.50,16.00,15.10,3300,15.01 %,3.95,,,,,",
    "de,NOASIN,a row that cannot be used,Tavelo,Spielzeug,10.00,,,,,,,,,,",
)


def main(python: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve() / "seller"
        shutil.copytree(_HERE / "0.1", folder)
        (folder / "env").rename(folder / ".env")
        home = Home(folder, python)
        check_profile(home)
        fill(home)
        tidy(home)
        pack(home)
        expect(Path(scratch), python)


def check_profile(home: Home) -> None:
    """Every key that 0.1 knew is in the profile."""
    text = (home.folder / "profile.toml").read_text("utf-8")
    assert [key for key in home.python_json(_KEYS) if key not in text] == []


def fill(home: Home) -> None:
    """All that a user's months with 0.1 leave, in a minute or two."""
    given = home.folder / "given"
    given.mkdir()
    for name in ("watchlist.txt", "profile.toml", "schedule.toml"):
        shutil.copy(home.folder / name, given)
    home.run("init", "--files", "given")
    imports(home, given)
    with market(home, speed=0) as url:
        demo_list(home, range(1, 17))
        home.run("produce", "--once", settings={"ARBKIT_KEEPA_URL": url})
        home.run("consume", "--until-empty")
        keyed = {"ARBKIT_DEMO": "0", "KEEPA_API_KEY": "invented", "ARBKIT_KEEPA_URL": url}
        home.run("produce", "--once", settings=keyed)
        home.run("consume", "--until-empty")
    make_dead_letters(home)
    reports(home)
    snippet(home, _OTHER_GROUP, "my-sheet", "7")
    snippet(home, _OTHER_GROUP, "arbkit-alerts", "5")
    snippet(home, _VIEWS)
    scheduler(home)
    killed_consumer(home)
    unread(home)
    shutil.rmtree(given)


def imports(home: Home, given: Path) -> None:
    old, new = given / "old.csv", given / "export.csv"
    old.write_text(_EXPORT + "\n".join(_OLD) + "\n", "utf-8")
    new.write_text(_EXPORT + "\n".join(_NEW) + "\n", "utf-8")
    home.run("import", str(old))
    # Its messages are gone from the log: only the store still knows these offers.
    snippet(home, _TRIM)
    home.run("import", str(new), code=6)
    with market(home, speed=0) as url:
        asked = f"{url}/product?key=demo&domain=8&asin=B0DEMO0021&buybox=1&stats=90&history=1"
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 - of this machine
            (given / "saved-answer.json.gz").write_bytes(answer.read())
    home.run("import", str(given / "saved-answer.json.gz"))


def make_dead_letters(home: Home) -> None:
    snippet(home, _PUBLISH, "raw.keepa_updates", "B0DEMO0001", "not json \N{SNOWMAN}")
    home.run("consume", "--until-empty")
    # Both so far go back, and come back with an attempt more.
    home.run("dlq", "replay")
    home.run("consume", "--until-empty")
    snippet(home, _PUBLISH, "raw.keepa_updates", "B0DEMO0002", '{"v":9}')
    home.run("consume", "--until-empty", settings={"ARBKIT_DEAD_LETTER_SHARE": "1"})
    snippet(home, _DEAD_LETTERS)


def reports(home: Home) -> None:
    home.run("detect")
    home.run("reports", "run", "morning", "-p", "top=5", "-p", "waterfalls=1", "--no-pictures")
    with market(home, speed=100_000) as url:
        time.sleep(4)
        some = {"ARBKIT_KEEPA_URL": url, "ARBKIT_WATCHLIST": listing(home, (1, 2, 3, 4))}
        home.run("produce", "--once", settings=some)
    home.run("consume", "--until-empty")
    cleaned = home.json("reports", "run", "detect", "-p", "min_profit=2", "--no-pictures")["run_id"]
    home.run("detect", "--source", "IT", "--source", "DE", "--source", "ES", "--source", "UK")
    home.run("reports", "run", "morning", "-p", "top=8", "-p", "stale_hours=12", "--no-pictures")
    home.run("reports", "run", "morning", "--no-pictures", code=1, settings={"ARBKIT_REPORT_TIME_LIMIT": "0.6"})
    shutil.rmtree(home.var / "reports" / "detect" / cleaned)


def scheduler(home: Home) -> None:
    """It has run an entry that was missed, and was killed in the middle of another."""
    memory = home.var / "schedule.json"
    with process(home, "schedule") as running:
        until(lambda: memory.exists() and "leap-day" in memory.read_text())
        end(running, signal.SIGTERM)
    missed(memory, "every-other-workday")
    with process(home, "schedule") as running:
        until(lambda: json.loads(memory.read_text())["every-other-workday"].get("status") == "succeeded")
        end(running, signal.SIGTERM)
    missed(memory, "long-weekend")
    with process(home, "schedule") as running:
        until(lambda: json.loads(memory.read_text())["long-weekend"].get("unfinished") is True)
        until(lambda: any((home.var / "reports" / "detect").glob(".2*/job.json")))
        end(running, signal.SIGKILL)
    time.sleep(3)


def missed(memory: Path, name: str) -> None:
    known = json.loads(memory.read_text())
    known[name]["handled_at"] -= 9 * 86_400.0
    memory.write_text(json.dumps(known, indent=2))


def killed_consumer(home: Home) -> None:
    """It still counts as the owner of all partitions."""
    with process(home, "consume") as running, closing(sqlite3.connect(home.var / "arbkit.db")) as connection:
        owned = "SELECT count(*) FROM log_claims WHERE group_name = 'arbkit-enrich' AND owner IS NOT NULL"
        until(lambda: connection.execute(owned).fetchone() == (4,))
        end(running, signal.SIGKILL)


def unread(home: Home) -> None:
    """Newer prices of known products, a product that is new, and what cannot be used: nobody has read them yet."""
    with market(home, speed=100_000) as url:
        time.sleep(4)
        some = {"ARBKIT_KEEPA_URL": url, "ARBKIT_WATCHLIST": listing(home, (5, 6, 7, 17))}
        home.run("produce", "--once", settings=some)
    snippet(home, _PUBLISH, "raw.keepa_updates", "B0DEMO0008", '{"v":1,"asin":"B0DEMO0008"')


def demo_list(home: Home, numbers: range) -> None:
    lines = ["# The seller's own words in the demo market's list", "", "B0DEMO is no ASIN"]
    lines += [f"B0DEMO{n:04}" + ("  # watch this one" if n % 5 == 0 else "") for n in numbers]
    (home.var / "demo-watchlist.txt").write_text("\n".join(lines) + "\n", "utf-8")


def listing(home: Home, numbers: tuple[int, ...]) -> str:
    path = home.folder / "given" / "some.txt"
    path.write_text("".join(f"B0DEMO{n:04}\n" for n in numbers), "utf-8")
    return str(path)


def snippet(home: Home, code: str, *arguments: str) -> str:
    done = subprocess.run(
        [home.python, "-c", code, *arguments],
        env=home.environment(),
        cwd=home.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def market(home: Home, *, speed: float) -> Iterator[str]:
    """The address of a demo market."""
    command = [home.python, "-c", _MARKET, str(speed)]
    with subprocess.Popen(
        command, env=home.environment(), cwd=home.folder, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().strip()
        finally:
            running.kill()


@contextmanager
def process(home: Home, command: str) -> Iterator[subprocess.Popen[bytes]]:
    running = subprocess.Popen(
        [home.python, "-m", "arbkit", command], env=home.environment(), cwd=home.folder, stderr=subprocess.DEVNULL
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def end(running: subprocess.Popen[bytes], how: signal.Signals) -> None:
    running.send_signal(how)
    running.wait(60)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def tidy(home: Home) -> None:
    """No path of the machine it was made on, and no byte that is not needed."""
    with closing(sqlite3.connect(home.var / "arbkit.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        (home.var / f"arbkit.db{suffix}").unlink(missing_ok=True)
    for path in sorted(home.var.rglob("*")):
        if path.suffix in (".ipynb", ".json", ".html", ".log") and not path.is_symlink():
            text = path.read_text("utf-8")
            for real, invented in ((home.folder, _INVENTED_FOLDER), (Path(home.python).parents[2], _INVENTED_CODE)):
                text = text.replace(str(real), invented)
            path.write_text(text, "utf-8")
    for path in home.var.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            ours = (Path.home(), Path(home.python).parents[2], Path(tempfile.gettempdir()), home.folder)
            found = [str(folder) for folder in ours if str(folder).encode() in data]
            assert not found, (path, found)


def pack(home: Home) -> None:
    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(_HERE / "0.1.tar.xz", "w:xz", preset=9) as archive:
        archive.add(home.var, "var", filter=plain)


def expect(scratch: Path, python: str) -> None:
    """What 0.1 says of its home: as it is, after its consumer has read on, and after a replay of its dead letters."""
    fresh = unpack(scratch / "fresh", python=python)
    expected: dict[str, Any] = {area: look(fresh) for area, look in LOOKS.items()}
    read_on = unpack(scratch / "read-on", python=python)
    read_on.run("consume", "--until-empty")
    with read_on.api() as url:
        expected["read_on"] = {"offers": offers(url), "log": read_on.log(), "dead_letters": dead_letters(read_on)}
    EXPECTED.write_text(written(expected), "utf-8")


def written(document: Mapping[str, Any]) -> str:
    """JSON with one thing a line, three levels deep: long enough to read, short enough to look through."""

    def text(value: Any, depth: int) -> str:
        if not isinstance(value, dict | list) or not value or depth == 0:
            return json.dumps(value, ensure_ascii=False)
        if isinstance(value, dict):
            items = [f"{json.dumps(k, ensure_ascii=False)}: {text(v, depth - 1)}" for k, v in value.items()]
        else:
            items = [text(v, depth - 1) for v in value]
        indent = "\n" + " " * (4 - depth)
        begin, close = "{}" if isinstance(value, dict) else "[]"
        return begin + indent + f",{indent}".join(items) + indent[:-1] + close

    return text(document, 3) + "\n"


if __name__ == "__main__":
    os.umask(0o022)
    main(*sys.argv[1:])
