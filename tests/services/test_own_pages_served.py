"""Pages of the user's own as the dashboards' server gives them: beside the shipped ones, and in nobody's way."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import requests

from arbkit.core.settings import Settings
from arbkit.reports.catalogue.own_pages import make_page
from arbkit.store import open_store
from tests.helpers.dashboards import Served, serving
from tests.helpers.factories import opportunity
from tests.helpers.routes import store_routes

pytestmark = pytest.mark.e2e
_PATIENCE_S = 120


def write(folder: Path, name: str, *cells: str) -> None:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(made, folder / f"{name}.ipynb")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The dashboards of a user with five notebooks, of which one is a page."""
    folder = tmp_path_factory.mktemp("own")
    settings = Settings.load(_env_file=None, home=folder / "var", folder=folder)
    with open_store(settings) as store:
        store_routes(store, [opportunity()])
    make_page(settings, "brands")
    apps = settings.own_pages_dir
    write(apps, "raises", "import os\nprint('in', os.getcwd(), 'key' in os.environ)", "1 / 0", "print('unreached')")
    write(apps, "product", "print('not the shipped one')")
    (apps / "text.ipynb").write_text("no JSON")
    write(folder, "outside", "print('outside')")
    (apps / "link.ipynb").symlink_to(folder / "outside.ipynb")
    with serving(settings, pages=4) as one:
        yield one


def text_of(session: requests.Session, served: Served, name: str) -> tuple[int, str]:
    answer = session.get(f"{served.url}/voila/render/{name}", timeout=_PATIENCE_S)
    return answer.status_code, html.unescape(re.sub(r"<[^>]+>", "", answer.text))


def test_a_page_is_drawn_for_who_is_logged_in_alone(served: Served) -> None:
    path = f"{served.url}/voila/render/brands.ipynb"
    assert "/login?next=" in requests.get(path, timeout=_PATIENCE_S).url
    status, text = text_of(served.logged_in(), served, "brands.ipynb")
    assert status == 200
    assert "vnd.jupyter.widget" in served.logged_in().get(path, timeout=_PATIENCE_S).text
    assert "Traceback" not in text


def test_a_page_that_raises_shows_its_fault_and_runs_where_it_lies(served: Served) -> None:
    status, text = text_of(served.logged_in(), served, "raises.ipynb")
    assert status == 200
    assert "ZeroDivisionError: division by zero" in text
    assert f"in {served.log.parent / 'apps'} False" in text
    assert "unreached" not in text


def test_what_cannot_be_a_page_says_why_and_never_stands_for_a_shipped_one(served: Served) -> None:
    session = served.logged_in()
    status, text = text_of(session, served, "text.ipynb")
    assert (status, "is no notebook" in text) == (422, True)
    status, text = text_of(session, served, "link.ipynb")
    assert (status, "leads out of its folder" in text, "outside" in text) == (422, True, False)
    status, text = text_of(session, served, "product.ipynb")
    assert (status, "not the shipped one" in text) == (200, False)


@pytest.mark.parametrize(
    "path",
    [
        "none.ipynb",
        "brands",
        "../outside.ipynb",
        "..%2foutside.ipynb",
        "apps/brands.ipynb",
        "Brands.ipynb",
        "%00.ipynb",
    ],
)
def test_no_other_address_leads_to_a_page(served: Served, path: str) -> None:
    assert text_of(served.logged_in(), served, path)[0] == 404
