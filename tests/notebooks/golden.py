"""The golden notebooks: executed once on fixed input, committed with their outputs, compared to the letter in tests.

``python -m tests.notebooks.golden`` (``make golden``) executes them anew; look at the difference before you commit it.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from arbkit.core.models import Update
from arbkit.core.settings import Settings
from arbkit.display.notebook_html import style_tag
from arbkit.store import open_store
from tests.helpers.factories import PACKAGE, history, offer

__all__ = ["FOLDER", "GOLDEN", "fill", "main"]

FOLDER = Path(__file__).parent
GOLDEN = sorted(FOLDER.glob("golden_*.ipynb"))

_PRICES: dict[str, dict[str, int | None]] = {
    "B000000001": {"DE": 69_99, "FR": 59_00, "IT": 40_00, "ES": 44_90, "UK": 54_99},
    "B000000002": {"DE": 24_99, "FR": 12_50, "IT": None},
    "B000000003": {"DE": 19_99, "IT": 9_99},
}


def fill(settings: Settings) -> None:
    """Three products: one on every marketplace, one out of stock on one, one whose package nobody knows."""
    updates = []
    for asin, prices in _PRICES.items():
        for code, price in prices.items():
            one = offer(asin, code, price_minor=price, price_at=int(time.time()), title=f"Golden product {asin[-1]}")
            if asin != "B000000003":
                one = replace(one, **PACKAGE)
            updates.append(Update(one, history(asin, code)))
    with open_store(settings) as store:
        store.put(updates)


def main() -> None:
    # Seconds, which who only reads the notebooks need not wait.
    import nbformat
    from nbclient import NotebookClient

    for path in GOLDEN:
        notebook = nbformat.read(path, as_version=4)
        with tempfile.TemporaryDirectory() as home:
            settings = Settings.load(_env_file=None, home=Path(home) / "var", demo=True)
            fill(settings)
            os.environ.update(settings.environment())
            NotebookClient(
                notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": home}}
            ).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)
            for output in cell.get("outputs", []):
                if html := output.get("data", {}).get("text/html"):
                    output["data"]["text/html"] = html.replace(style_tag(), "<style></style>")
        notebook.metadata.language_info = {"name": "python"}
        nbformat.write(notebook, path)


if __name__ == "__main__":
    main()
