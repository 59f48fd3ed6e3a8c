"""The user's own pages: found by their file, never in the way of a shipped one, and a bad one is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from arbkit.core.errors import ConfigError, UsageError
from arbkit.core.files import shipped_folder
from arbkit.core.settings import Settings
from arbkit.reports.catalogue.own_pages import (
    SHIPPED_PAGES,
    list_own_pages,
    make_page,
    own_page,
    own_page_faults,
    own_page_files,
    own_page_labels,
)


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a folder of pages, in which there is a good one."""
    settings = settings.model_copy(update={"folder": tmp_path})
    make_page(settings, "our-brands")
    return settings


def test_a_new_page_is_one_of_the_users_own_and_the_shipped_ones_are_those_of_the_package(own: Settings) -> None:
    assert own_page_labels(own) == {"our-brands": "Our brands"}
    assert own_page(own, "our-brands") == own.own_pages_dir / "our-brands.ipynb"
    assert own_page_faults(own) == {}
    assert SHIPPED_PAGES.keys() == {path.stem for path in shipped_folder("apps").glob("*.ipynb")}


@pytest.mark.parametrize("name", ["product", "", "Brands", "a.b", "../x", "x/../y", "-x", "é", "a" * 65])
def test_a_name_that_is_taken_or_no_name_makes_no_page(own: Settings, name: str) -> None:
    before = sorted(own.folder.rglob("*.ipynb"))
    with pytest.raises(UsageError):
        make_page(own, name)
    assert sorted(own.folder.rglob("*.ipynb")) == before


def test_a_page_that_is_there_stays_as_the_user_made_it(own: Settings) -> None:
    page = own_page(own, "our-brands")
    page.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        make_page(own, "our-brands")
    assert page.read_text() == "mine"


def test_a_bad_one_is_named_with_its_fault_and_harms_no_other(own: Settings, tmp_path: Path) -> None:
    folder = own.own_pages_dir
    (folder / "text.ipynb").write_text("no JSON")
    (folder / "product.ipynb").write_bytes((folder / "our-brands.ipynb").read_bytes())
    (folder / "Large name.ipynb").write_text("{}")
    (folder / "folder.ipynb").mkdir()
    (tmp_path / "elsewhere.ipynb").write_bytes((folder / "our-brands.ipynb").read_bytes())
    (folder / "link.ipynb").symlink_to(tmp_path / "elsewhere.ipynb")
    faults = {name: str(error) for name, error in own_page_faults(own).items()}
    assert faults.keys() == {"text", "product", "Large name", "folder", "link"}
    assert "is no notebook" in faults["text"]
    assert "that comes with arbkit" in faults["product"]
    assert "leads out of its folder" in faults["link"]
    listed = {page.name: page.error for page in list_own_pages(own).pages}
    assert listed == {"our-brands": None, **faults}
    # They are linked, for each says itself what is wrong; but none under the name of a shipped one.
    assert own_page_labels(own).keys() == {"our-brands", "text", "folder", "link"}
    for name in ("text", "folder", "link"):
        with pytest.raises(ConfigError):
            own_page(own, name)
    for name in ("product", "../elsewhere", "Large name", "none", "", "our-brands.ipynb"):
        with pytest.raises(UsageError, match="no such page"):
            own_page(own, name)


def test_in_a_checkout_they_lie_beside_the_shipped_ones(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = own.own_pages_dir
    for shipped in shipped_folder("apps").glob("*.ipynb"):
        shutil.copy(shipped, folder)
    monkeypatch.setattr("arbkit.reports.catalogue.own_pages.shipped_folder", lambda _: folder)
    assert [path.stem for path in own_page_files(own)] == ["our-brands"]
    assert own_page_labels(own) == {"our-brands": "Our brands"}
    assert own_page_faults(own) == {}


def test_a_folder_that_settings_name_must_be_there(settings: Settings, tmp_path: Path) -> None:
    nowhere = settings.model_copy(update={"pages": tmp_path / "nowhere"})
    assert "is no folder" in str(own_page_faults(nowhere)["ARBKIT_PAGES"])
    assert list_own_pages(nowhere).pages == []
    make_page(nowhere, "first")
    assert own_page_faults(nowhere) == {}


def test_the_template_is_a_notebook_without_outputs_that_ends_in_a_page(own: Settings) -> None:
    notebook = nbformat.read(own_page(own, "our-brands"), as_version=4)
    nbformat.validate(notebook)
    assert [cell.outputs for cell in notebook.cells] == [[]]
    assert notebook.cells[-1].source.splitlines()[-1].startswith("Page(")
