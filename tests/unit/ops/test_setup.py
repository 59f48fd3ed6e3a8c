"""How the watchlist and profile of a folder get into a container's data, and when they do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arbkit.core.settings import Settings
from arbkit.ops.setup import adopt_user_files, adopt_watchlist, initialise, share
from arbkit.pipeline.watchlist.editing import add
from arbkit.pipeline.watchlist.reading import load
from arbkit.store import Store, open_store
from arbkit.stream import open_stream, settings_topics

ONE, TWO, THREE = "B000000001\n", "B000000002\n", "B000000003\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "watchlist.txt").write_text(ONE)
    return folder


@pytest.fixture
def here(settings: Settings) -> Path:
    assert settings.watchlist is not None
    return settings.watchlist


def test_the_first_time_what_is_there_is_taken(settings: Settings, checkout: Path, here: Path) -> None:
    assert adopt_user_files(settings, checkout) == []
    assert here.read_text() == ONE


def test_what_is_changed_here_stays_while_the_folder_is_as_it_was(
    settings: Settings, checkout: Path, here: Path
) -> None:
    adopt_user_files(settings, checkout)
    here.write_text(TWO)
    assert adopt_user_files(settings, checkout) == []
    assert here.read_text() == TWO


def test_what_is_changed_in_the_folder_is_taken_again(settings: Settings, checkout: Path, here: Path) -> None:
    adopt_user_files(settings, checkout)
    (checkout / "watchlist.txt").write_text(TWO)
    assert adopt_user_files(settings, checkout) == []
    assert here.read_text() == TWO


def test_what_is_changed_in_both_stays_and_is_named_until_it_is_the_same(
    settings: Settings, checkout: Path, here: Path
) -> None:
    adopt_user_files(settings, checkout)
    (checkout / "watchlist.txt").write_text(TWO)
    here.write_text(THREE)
    for _ in range(2):
        (said,) = adopt_user_files(settings, checkout)
        assert "watchlist.txt" in said
        assert here.read_text() == THREE
    here.write_text(TWO)
    assert adopt_user_files(settings, checkout) == []
    (checkout / "watchlist.txt").write_text(ONE)
    assert adopt_user_files(settings, checkout) == []
    assert here.read_text() == ONE


def test_a_profile_that_comes_later_is_taken_too(settings: Settings, checkout: Path, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"profile": tmp_path / "profile.toml"})
    adopt_user_files(settings, checkout)
    assert not (tmp_path / "profile.toml").exists()
    (checkout / "profile.toml").write_text("name = 'mine'\n")
    adopt_user_files(settings, checkout)
    assert (tmp_path / "profile.toml").read_text() == "name = 'mine'\n"


def test_reports_of_ones_own_are_taken_too_and_stay_what_is_made_of_them_here(
    settings: Settings, checkout: Path, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"folder": tmp_path / "here"})
    (checkout / "reports" / "folder.ipynb").mkdir(parents=True)
    (checkout / "reports" / "mine.ipynb").write_text("one")
    assert adopt_user_files(settings, checkout) == []
    mine = settings.own_reports_dir / "mine.ipynb"
    assert [path.name for path in mine.parent.iterdir()] == ["mine.ipynb"]
    mine.write_text("two")
    assert adopt_user_files(settings, checkout) == []
    assert mine.read_text() == "two"


def test_pages_of_ones_own_are_taken_too_but_for_those_that_come_with_arbkit(
    settings: Settings, checkout: Path, tmp_path: Path
) -> None:
    settings = settings.model_copy(update={"folder": tmp_path / "here"})
    (checkout / "apps").mkdir()
    for name in ("product", "mine"):
        (checkout / "apps" / f"{name}.ipynb").write_text("one")
    assert adopt_user_files(settings, checkout) == []
    assert [path.name for path in settings.own_pages_dir.iterdir()] == ["mine.ipynb"]


def test_files_of_the_home_itself_are_taken_too(settings: Settings, checkout: Path) -> None:
    inside = settings.model_copy(update={"watchlist": settings.home / "watchlist.txt"})
    assert adopt_user_files(inside, checkout) == []
    assert (settings.home / "watchlist.txt").read_text() == ONE


@pytest.fixture
def shared(tmp_path: Path) -> Settings:
    """A home and a folder of before, and from now on a shared folder beside them."""
    before = Settings.load(_env_file=None, home=tmp_path / "data" / "var", folder=tmp_path / "data", demo=True)
    run = before.reports_dir / "morning" / "r1" / "result.json"
    run.parent.mkdir(parents=True)
    before.own_reports_dir.mkdir()
    before.own_pages_dir.mkdir()
    own = before.own_reports_dir / "mine.ipynb"
    page = before.own_pages_dir / "page.ipynb"
    for path in (run, own, page, before.facts_file, before.watchlist_path, before.folder / "profile.toml"):
        path.write_text(f"{path.name} of before")
    return before.model_copy(update={"shared": tmp_path / "shared"})


def test_what_services_share_is_taken_from_a_home_of_before(shared: Settings) -> None:
    share(shared)
    files = {
        shared.facts_file, shared.watchlist_path, shared.profile_path,
        shared.reports_dir / "morning" / "r1" / "result.json", shared.own_reports_dir / "mine.ipynb",
        shared.own_pages_dir / "page.ipynb",
    }  # fmt: skip
    assert {path.name for path in files if path} == {
        "facts.json", "demo-watchlist.txt", "profile.toml", "result.json", "mine.ipynb", "page.ipynb",
    }  # fmt: skip
    for path in files:
        assert path is not None
        assert shared.shared in path.parents
        assert path.read_text() == f"{path.name} of before"


def test_what_is_shared_already_stays_as_it_is(shared: Settings) -> None:
    share(shared)
    shared.facts_file.write_text("changed")
    share(shared)
    assert shared.facts_file.read_text() == "changed"


def test_the_watchlist_of_the_demo_market_is_there_for_who_only_reads_it(tmp_path: Path) -> None:
    settings = Settings.load(_env_file=None, home=tmp_path / "var", folder=tmp_path, shared=tmp_path / "shared")
    share(settings)
    assert "B0DEMO0001" in (tmp_path / "shared" / "user" / "demo-watchlist.txt").read_text()


def test_where_nothing_is_shared_nothing_is_made(settings: Settings) -> None:
    share(settings)
    assert not settings.home.exists()


@pytest.fixture
def remote(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Settings, Store]]:
    """Settings with a store that machines share, and that store."""
    for name in ("ops.setup", "pipeline.watchlist.reading", "pipeline.watchlist.editing"):
        monkeypatch.setattr(f"arbkit.{name}.is_list_in_store", lambda _: True)
    with open_store(settings) as store:
        yield settings.model_copy(update={"demo": False, "key_elsewhere": True}), store


def test_a_shared_store_takes_the_watchlist_of_the_folder_once_and_no_file_is_made_of_it(
    remote: tuple[Settings, Store], checkout: Path, here: Path
) -> None:
    settings, store = remote
    assert adopt_user_files(settings, checkout) == []
    assert adopt_watchlist(settings, checkout) == []
    assert not here.exists()
    assert load(settings, store).asins == ("B000000001",)
    add(settings, store, ["B000000003"], notes="mine")
    (checkout / "watchlist.txt").write_text(TWO)
    (said,) = adopt_watchlist(settings, checkout)
    assert "arbkit watch import" in said
    assert load(settings, store).asins == ("B000000001", "B000000003")


def test_a_shared_store_takes_the_list_that_services_have_worked_with_before_that_of_the_folder(
    remote: tuple[Settings, Store], checkout: Path, here: Path
) -> None:
    settings, store = remote
    here.write_text(THREE)
    (said,) = adopt_watchlist(settings, checkout)
    assert str(checkout) in said
    assert load(settings, store).asins == ("B000000003",)


def test_the_list_of_a_folder_is_not_that_of_the_demo_market(remote: tuple[Settings, Store], checkout: Path) -> None:
    settings, store = remote
    demo = settings.model_copy(update={"demo": True, "watchlist": None})
    assert adopt_watchlist(demo, checkout) == []
    assert len(store.watched(demo=True)) == 300
    assert store.watched() == []


def test_the_log_keeps_messages_as_long_as_the_settings_say_once_that_is_asked_for(settings: Settings) -> None:
    assert initialise(settings) == []
    shorter = settings.model_copy(update={"log_retention_hours": 24.0})
    # A command with other settings changes nothing of what services keep.
    with open_stream(shorter) as log:
        assert "max_age_s is 604800.0, asked for 86400.0" in log.compare_topics(settings_topics(shorter))[0]
    (said,) = initialise(shorter)
    assert "raw.keepa_updates: changed" in said
    assert initialise(shorter) == []
