"""Backup and restore: whole under load, verified byte by byte, all or nothing, and nobody is left on the old file."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from arbkit.core.errors import RefusedFileError, ServiceError, StoreError, StreamError, UsageError
from arbkit.core.files import sole_process, write_atomically
from arbkit.core.models import Run, Update
from arbkit.core.offers.facts import Fact
from arbkit.core.service.api_keys import KEYS_FILE, KeyRing, home_token, keys_file
from arbkit.core.settings import Settings
from arbkit.ops.backup import MANIFEST, BackedUpFile, back_up, verify_backup
from arbkit.ops.database_files import copy_file
from arbkit.ops.restore import restore
from arbkit.pipeline.watchlist.editing import add
from arbkit.store import open_store
from arbkit.store.kept_facts import set_fact
from arbkit.store.lazy import LazyStore
from arbkit.stream import RAW_TOPIC, Record, TopicPartition, open_stream
from tests.helpers.decisions import decision
from tests.helpers.factories import offer
from tests.helpers.paths import ROOT
from tests.helpers.sales import sale

ASIN = "B000000001"

HOLDER = """
import sys
from pathlib import Path
from arbkit.core.sqlite import connect
held = connect(Path(sys.argv[1]), read_only=sys.argv[2] == "reader")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home in which a user has made something of every kind; log and store are the same file."""
    monkeypatch.chdir(tmp_path)
    settings = settings.model_copy(update={"folder": tmp_path})
    with open_stream(settings) as stream, open_store(settings) as store:
        stream.publish(RAW_TOPIC, [Record(ASIN, b"%d" % number) for number in range(20)])
        stream.publish(f"{RAW_TOPIC}.dlq", [Record(ASIN, b"unusable")])
        with stream.consumer("arbkit-enrich", [RAW_TOPIC], on_revoke=lambda _: None) as consumer:
            read = consumer.poll(max_records=50, timeout_s=30)
            consumer.commit({TopicPartition(m.topic, m.partition): m.offset + 1 for m in read})
        store.put([Update(offer(ASIN), None)])
        store.put_run(Run(run_id="20260801T070000Z-abcdef", report="detect", status="succeeded", started_at=1.0))
        set_fact(settings, store, Fact.of(ASIN, "package", {"weight_g": 900}, at=1.0))
        add(settings, store, [ASIN], notes="mine", groups=["toys"])
        store.add_decisions([decision(ASIN, "bought", route="IT:DE", quantity=3, price=9.5, forecast={"profit": 2.5})])
        store.put_sales([sale(1), sale(2, asin=None)])
    for name in ("watchlist.txt", "profile.toml", "schedule.toml", "alerts.toml", "verdict.toml", ".env"):
        (tmp_path / name).write_text(f"# mine: {name}\n")
    for kind in ("reports", "apps"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"of-{kind}.ipynb").write_text("{}")
    (settings.home / "views.json").write_text('{"mine": "?a=1"}')
    (settings.home / "made by a later step").mkdir()
    (settings.home / "made by a later step" / "decisions.json").write_text("[1]")
    (settings.home / "tokens.json").write_text("{}")
    return settings


def stored(settings: Settings) -> dict[str, object]:
    """What a user would miss."""
    with open_stream(settings) as stream, open_store(settings) as store:
        topics = (RAW_TOPIC, f"{RAW_TOPIC}.dlq")
        return {
            "messages": {t: {m.value for batch in stream.scan(t) for m in batch} for t in topics},
            "offsets": stream.committed_offsets("arbkit-enrich", RAW_TOPIC),
            "offers": store.offers([ASIN, "B000000002"]),
            "runs": store.runs(),
            "facts": store.facts(),
            "watched": store.watched(),
            "decisions": store.decisions(),
            "sales": store.sales(),
            "files": {
                path.name: path.read_bytes()
                for folder in (
                    settings.home,
                    settings.home / "made by a later step",
                    settings.folder,
                    settings.folder / "reports",
                    settings.folder / "apps",
                )
                for path in folder.iterdir()
                if path.suffix in (".json", ".toml", ".txt", ".ipynb") and path.name != "tokens.json"
            },
        }


def change_everything(settings: Settings) -> None:
    with open_stream(settings) as stream, open_store(settings) as store:
        stream.publish(RAW_TOPIC, [Record(ASIN, b"later")])
        store.put([Update(offer("B000000002"), None)])
        set_fact(settings, store, Fact.of(ASIN, "package", {"weight_g": 1}, at=2.0))
        set_fact(settings, store, Fact.of("B000000002", "package", {"weight_g": 1}, at=2.0))
        add(settings, store, [ASIN, "B000000002"], notes="changed", groups=["books"])
        store.add_decisions([decision(ASIN, "dismissed", 2)])
        store.put_sales([sale(1, principal=1.0), sale(3)])
    for name in ("watchlist.txt", "profile.toml", "schedule.toml", "alerts.toml", "verdict.toml"):
        (settings.folder / name).write_text("changed")
    for kind in ("reports", "apps"):
        (settings.folder / kind / f"of-{kind}.ipynb").unlink()
    (settings.home / "views.json").unlink()


def test_a_backup_and_a_restore_carry_no_lease(home: Settings) -> None:
    with open_store(home) as store:
        store.take_lease("key", "a producer that ends", seconds=60)
    made = back_up(home, None)
    assert [one.rows["leases"] for one in made.backup.databases] == [0]
    with open_store(home) as store:
        # The store itself keeps it.
        assert store.take_lease("key", "another", seconds=60).holder == "a producer that ends"
    restore(home, Path(made.path))
    with open_store(home) as store:
        assert store.take_lease("key", "another", seconds=60).holder == "another"


@pytest.mark.parametrize("apart", [False, True], ids=["one file", "log and store apart"])
def test_a_restore_brings_back_all_that_a_user_made(home: Settings, apart: bool) -> None:
    if apart:
        with closing(sqlite3.connect(home.database)) as source:
            for name in ("log.db", "store.db"):
                with closing(sqlite3.connect(home.home / name)) as copy:
                    source.backup(copy)
        home = home.model_copy(
            update={"log": f"sqlite:///{home.home}/log.db", "store": f"sqlite:///{home.home}/store.db"}
        )
    before = stored(home)
    made = back_up(home, None)
    change_everything(home)
    assert stored(home) != before
    done = restore(home, Path(made.path), dry_run=True)
    assert done.kept_aside == []
    assert stored(home) != before, "a dry run changed something"
    done = restore(home, Path(made.path))
    assert stored(home) == before
    assert len(done.kept_aside) == (2 if apart else 1)
    for kept in done.kept_aside:
        with closing(sqlite3.connect(kept)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_secrets_and_what_is_only_true_now_are_left_out_unless_asked_for(home: Settings, tmp_path: Path) -> None:
    made = back_up(home, tmp_path / "without")
    assert not any(".env" in file.name or file.name == "tokens.json" for file in made.backup.files)
    assert any("--with-env" in line for line in made.backup.not_included)
    with pytest.raises(UsageError, match=r"no \.env"):
        restore(home, tmp_path / "without", with_env=True)
    back_up(home, tmp_path / "with", with_env=True)
    assert (tmp_path / "with").stat().st_mode & 0o077 == 0
    (tmp_path / ".env").write_text("changed")
    restore(home, tmp_path / "with")
    assert (tmp_path / ".env").read_text() == "changed"
    restore(home, tmp_path / "with", with_env=True)
    assert (tmp_path / ".env").read_text() == "# mine: .env\n"


def test_a_backup_under_load_holds_all_that_was_acknowledged_before_it(home: Settings, tmp_path: Path) -> None:
    acknowledged: list[int] = []
    stop = threading.Event()

    def write() -> None:
        with open_stream(home) as stream, open_store(home) as store:
            while not stop.is_set():
                number = len(acknowledged)
                stream.publish(RAW_TOPIC, [Record(f"B{number:09d}", b"numbered %d" % number)])
                store.put([Update(offer(f"C{number:09d}"), None)])
                acknowledged.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        taken = []
        for turn in range(3):
            while len(acknowledged) < 20 * (turn + 1):
                time.sleep(0.01)
            before = len(acknowledged)
            taken.append((before, Path(back_up(home, tmp_path / f"backup-{turn}").path)))
    finally:
        stop.set()
        writer.join()
    for before, path in taken:
        verify_backup(path)
        elsewhere = home.model_copy(update={"home": tmp_path / f"home of {path.name}", "folder": tmp_path / path.name})
        restore(elsewhere, path)
        with open_stream(elsewhere) as stream, open_store(elsewhere, read_only=True) as store:
            values = {m.value for batch in stream.scan(RAW_TOPIC) for m in batch}
            assert {b"numbered %d" % number for number in range(before)} <= values
            assert len(store.offers([f"C{number:09d}" for number in range(before)])) == before


@pytest.mark.parametrize("kind", ["reader", "writer"])
def test_a_restore_refuses_beside_whoever_has_the_file_open(home: Settings, tmp_path: Path, kind: str) -> None:
    path = Path(back_up(home, tmp_path / "backup").path)
    change_everything(home)
    before = stored(home)
    with holding(home.database, kind):
        with pytest.raises(ServiceError, match="another process has it open") as caught:
            restore(home, path)
        assert "Stop `arbkit up`" in str(caught.value)
    assert stored(home) == before
    restore(home, path)
    assert stored(home) != before


@contextmanager
def holding(database: Path, kind: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", HOLDER, str(database), kind]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_the_write_ahead_log_of_a_killed_writer_is_not_applied_to_what_was_restored(
    home: Settings, tmp_path: Path
) -> None:
    before = stored(home)
    path = Path(back_up(home, tmp_path / "backup").path)
    with holding(home.database, "reader") as process:
        # It keeps the last writer from folding the -wal back, and is killed.
        change_everything(home)
        process.kill()
        process.wait()
        assert home.database.with_name("arbkit.db-wal").stat().st_size > 0
    restore(home, path)
    assert stored(home) == before


def test_a_damaged_database_is_replaced_and_kept_aside(home: Settings, tmp_path: Path) -> None:
    before = stored(home)
    path = Path(back_up(home, tmp_path / "backup").path)
    damaged = b"no database" * 1_000
    home.database.write_bytes(damaged)
    done = restore(home, path)
    assert stored(home) == before
    assert Path(done.kept_aside[0]).read_bytes() == damaged


def overwrite_all(database: Path) -> None:
    database.write_bytes(b"no database" * 1_000)


def overwrite_a_page(database: Path) -> None:
    # The first page lists the tables.
    with database.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 4_000)


def empty_it(database: Path) -> None:
    database.write_bytes(b"")


@pytest.mark.parametrize("kind", ["reader", "writer"])
@pytest.mark.parametrize("damage", [overwrite_all, overwrite_a_page, empty_it])
def test_a_damaged_database_is_not_replaced_beside_whoever_has_it_open(
    home: Settings, tmp_path: Path, damage: Callable[[Path], None], kind: str
) -> None:
    before = stored(home)
    path = Path(back_up(home, tmp_path / "backup").path)
    with holding(home.database, kind):
        damage(home.database)
        damaged = home.database.read_bytes()
        with pytest.raises(ServiceError, match="another process has it open"):
            restore(home, path)
        assert home.database.read_bytes() == damaged
    restore(home, path)
    assert stored(home) == before


@pytest.mark.parametrize("name", ["supervisor", "producer"])
def test_a_restore_refuses_beside_a_process_that_has_no_database_open_yet(
    home: Settings, tmp_path: Path, name: str
) -> None:
    path = Path(back_up(home, tmp_path / "backup").path)
    overwrite_all(home.database)
    with sole_process(home.home, name), pytest.raises(ServiceError, match=f"its {name} is running"):
        restore(home, path)
    restore(home, path)


def test_a_damaged_database_is_not_backed_up_as_if_it_were_whole(home: Settings, tmp_path: Path) -> None:
    with open(home.database, "r+b") as file:  # noqa: PTH123 - in place
        file.seek(16_384)
        file.write(b"\xff" * 12_000)
    with pytest.raises((ServiceError, RefusedFileError), match=r"damaged|malformed"):
        back_up(home, tmp_path / "backup")
    assert list(tmp_path.glob("*backup*")) == []


@pytest.mark.parametrize(
    "file", ["log-and-store.db", "home/facts.json", "home/views.json", "user/profile.toml", MANIFEST]
)
@pytest.mark.parametrize("how", ["a flipped bit", "cut", "gone"])
def test_a_damaged_backup_is_refused_and_changes_nothing(home: Settings, tmp_path: Path, file: str, how: str) -> None:
    path = Path(back_up(home, tmp_path / "backup").path)
    before = stored(home)
    data = bytearray((path / file).read_bytes())
    data[len(data) // 2] ^= 0x80
    if how == "gone":
        (path / file).unlink()
    else:
        (path / file).write_bytes(data if how == "a flipped bit" else data[: len(data) // 2])
    with pytest.raises(RefusedFileError, match=r"backup|cannot be read"):
        restore(home, path)
    assert stored(home) == before


@pytest.mark.parametrize(
    "name",
    [
        "dashboards.key", "DASHBOARDS.key", "api.token", "API.token", "arbkit.db",
        "arbkit.db-wal", "arbkit.db.restoring", "tokens.json",
        "health/producer", "supervisor.lock", "producer.holder", "reports/detect/latest/report.html", ".hidden",
        "notebooks/.ipython/startup.py", "../outside.txt", "/outside.txt", "", ".", "made by a later step", "a\0b",
    ],
)  # fmt: skip
def test_what_no_backup_holds_is_not_put_into_a_home(home: Settings, tmp_path: Path, name: str) -> None:
    # Whoever hands over a backup could bring a key of logins that they know, or a log that SQLite would apply.
    made = back_up(home, tmp_path / "backup")
    folder, before = Path(made.path), stored(home)
    planted = b"k" * 32
    (folder / "home" / "planted").write_bytes(planted)
    digest = hashlib.sha256(planted).hexdigest()
    one = BackedUpFile(file="home/planted", origin="home", name=name, bytes=len(planted), sha256=digest)
    changed = made.backup.model_copy(update={"files": [*made.backup.files, one]})
    (folder / MANIFEST).write_text(changed.model_dump_json())
    for dry_run in (True, False):
        with pytest.raises(RefusedFileError, match=r"a file that no backup holds|outside of the home"):
            restore(home, folder, dry_run=dry_run)
    assert stored(home) == before
    assert not list(home.home.glob("*.before-restore*"))
    with open_store(home):
        pass


@pytest.mark.parametrize("origin", ["reports", "pages"])
@pytest.mark.parametrize("name", ["../mine.ipynb", "/mine.ipynb", "mine.py", "", ".."])
def test_what_is_no_notebook_is_not_put_among_reports_or_pages(
    home: Settings, tmp_path: Path, name: str, origin: str
) -> None:
    made = back_up(home, tmp_path / "backup")
    files = [file.model_copy(update={"name": name}) if file.origin == origin else file for file in made.backup.files]
    changed = made.backup.model_copy(update={"files": files})
    (Path(made.path) / MANIFEST).write_text(changed.model_dump_json())
    before = stored(home)
    with pytest.raises(RefusedFileError, match="is no notebook of a report"):
        restore(home, Path(made.path))
    assert stored(home) == before


def test_a_backup_in_the_home_is_not_in_the_next_one(home: Settings) -> None:
    # What only has that name is the user's own.
    for folder in (home.home, home.home / "made by a later step"):
        (folder / MANIFEST).write_text('{"files": []}')
    first = back_up(home, home.home / "mine")
    assert sum(file.name.endswith(MANIFEST) for file in first.backup.files) == 2
    second = back_up(home, home.home / "another")
    assert [file.name for file in second.backup.files] == [file.name for file in first.backup.files]


@pytest.mark.skipif(os.name != "posix", reason="there are no pipes in the file system")
def test_a_backup_with_a_pipe_in_it_keeps_nobody_waiting(home: Settings, tmp_path: Path) -> None:
    folder = Path(back_up(home, tmp_path / "backup").path)
    (folder / "home" / "views.json").unlink()
    os.mkfifo(folder / "home" / "views.json")
    with pytest.raises(RefusedFileError, match=r"views\.json"):
        restore(home, folder)


@pytest.mark.skipif(os.name != "posix", reason="these are POSIX rights")
def test_what_only_its_owner_may_read_stays_so_through_backup_and_restore(home: Settings, tmp_path: Path) -> None:
    mine = [home.database, home.home / "views.json", tmp_path / "profile.toml", tmp_path / ".env"]
    for path in mine:
        path.chmod(0o600)
    folder = Path(back_up(home, tmp_path / "backup", with_env=True).path)
    # One in place of what is there, one in a home that has nothing yet.
    restore(home, folder, with_env=True)
    assert {path.stat().st_mode & 0o777 for path in mine} == {0o600}
    for path in mine:
        path.unlink()
    restore(home, folder, with_env=True)
    assert {path.stat().st_mode & 0o777 for path in mine} == {0o600}


def test_a_file_that_a_service_takes_away_meanwhile_is_left_out(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(source: Path, target: Path) -> str:
        if source.name == "views.json":
            source.unlink()
        return copy_file(source, target)

    monkeypatch.setattr("arbkit.ops.backup.copy_file", copy)
    made = back_up(home, tmp_path / "backup")
    assert "views.json" not in {file.name for file in made.backup.files}
    verify_backup(tmp_path / "backup")


def test_a_folder_of_backups_names_the_latest(home: Settings, tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    made = back_up(home, tmp_path / "all")
    assert Path(made.path).parent == tmp_path / "all"
    with pytest.raises(RefusedFileError, match=Path(made.path).name):
        restore(home, tmp_path / "all")
    with pytest.raises(UsageError, match="is there already"):
        back_up(home, Path(made.path))


def test_a_restore_that_is_cut_off_keeps_everybody_out_until_it_is_run_again(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored(home)
    path = Path(back_up(home, tmp_path / "backup").path)
    change_everything(home)

    def cut(target: Path, data: bytes, *, rights: int = 0o666) -> None:
        if target.name == "profile.toml":
            raise KeyboardInterrupt
        write_atomically(target, data, rights=rights)

    monkeypatch.setattr("arbkit.ops.restore.write_atomically", cut)
    with pytest.raises(KeyboardInterrupt):
        restore(home, path)
    with pytest.raises(StreamError, match="run `arbkit restore PATH` again"):
        open_stream(home)
    with pytest.raises(StoreError, match="run `arbkit restore PATH` again"):
        open_store(home, read_only=True)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    restore(home, path)
    assert stored(home) == before


def test_a_backup_of_another_kind_of_log_or_store_is_refused(home: Settings, tmp_path: Path) -> None:
    path = Path(back_up(home, tmp_path / "backup").path)
    with pytest.raises(UsageError, match="another kind of log or store"):
        restore(home.model_copy(update={"store": f"sqlite:///{home.home}/other.db"}), path)


def replace_by_hand(settings: Settings) -> None:
    """What everybody does: another file under the same name."""
    with open_store(settings.model_copy(update={"store": f"sqlite:///{settings.home}/other.db"})) as other:
        other.put([Update(offer(f"B00000000{number}"), None) for number in range(7)])
    (settings.home / "other.db").replace(settings.database)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            settings.database.with_name(f"arbkit.db{suffix}").unlink()


def test_a_reader_notices_a_replaced_file_and_whoever_reads_the_old_one_ends_in_peace(home: Settings) -> None:
    with closing(LazyStore(home)) as lazy:
        old = lazy.get()
        assert old.stats().products == 1
        assert lazy.opened is old
        replace_by_hand(home)
        assert [lazy.opened] == [None]
        assert lazy.get().stats().products == 7
        assert lazy.opened is not None
        assert old.stats().products == 1
        home.database.unlink()
        with pytest.raises(StoreError, match="nothing is stored yet"):
            lazy.get()


def test_a_writer_does_not_write_into_a_file_that_nobody_will_find(home: Settings) -> None:
    with open_stream(home) as stream, open_store(home) as store:
        replace_by_hand(home)
        with pytest.raises(StreamError, match="was replaced or taken away"):
            stream.publish(RAW_TOPIC, [Record(ASIN, b"lost")])
        with pytest.raises(StoreError, match="was replaced or taken away"):
            store.put([Update(offer("B000000009"), None)])


def test_what_was_typed_is_restored_where_services_share_it(home: Settings, tmp_path: Path) -> None:
    made = back_up(home, tmp_path / "backup")
    shared = home.model_copy(update={"home": tmp_path / "new", "shared": tmp_path / "shared"})
    restore(shared, Path(made.path))
    assert b"900" in shared.facts_file.read_bytes()
    assert b"toys" in (tmp_path / "shared" / "user" / "watchlist.json").read_bytes()
    assert not (shared.home / "facts.json").exists()
    assert not (shared.home / "watchlist.json").exists()
    assert (tmp_path / "shared" / "user" / "profile.toml").read_text() == "# mine: profile.toml\n"


def test_keys_of_the_api_survive_and_the_token_of_a_home_stays_there(home: Settings, tmp_path: Path) -> None:
    secret = KeyRing(home).add("tool", "write").secret.encode()
    token = home_token(home)
    made = back_up(home, tmp_path / "backup")
    held = b"".join(file.read_bytes() for file in Path(made.path).rglob("*") if file.is_file())
    assert token.encode() not in held
    assert secret not in held
    KeyRing(home).revoke("tool")
    restore(home, Path(made.path))
    assert KeyRing(home).caller(secret) is not None
    assert home_token(home) == token
    shared = home.model_copy(update={"home": tmp_path / "new", "shared": tmp_path / "shared"})
    restore(shared, Path(made.path))
    assert keys_file(shared).stat().st_mode & 0o777 == 0o600
    again = back_up(shared, tmp_path / "again")
    KeyRing(shared).revoke("tool")
    restore(shared, Path(again.path))
    assert [key.name for key in KeyRing(shared).listed()] == ["tool"]
    assert not (shared.home / KEYS_FILE).exists()


def test_the_list_of_the_demo_market_never_becomes_that_of_real_products(home: Settings, tmp_path: Path) -> None:
    demo = home.model_copy(update={"demo": True, "watchlist": None})
    demo.watchlist_path.write_text("B0DEMO0001\n")
    made = back_up(demo, tmp_path / "backup")
    demo.watchlist_path.unlink()
    real = demo.model_copy(update={"demo": False})
    done = restore(real, Path(made.path))
    assert real.watchlist_path.read_text() == "# mine: watchlist.txt\n"
    assert demo.watchlist_path.read_text() == "B0DEMO0001\n"
    assert done.files.count(str(demo.watchlist_path)) == 1
