"""Draw the reliability diagram of the README anew: python -m tests.price_forecast.picture"""

from __future__ import annotations

import asyncio
import sys

import orjson

from arbkit.analysis.backtest.evidence import gather
from arbkit.analysis.backtest.price_backtest import judge
from arbkit.reports.backtest.charts import reliability_figure
from tests.helpers.paths import ROOT
from tests.price_forecast.histories import histories_file, read_listings

__all__ = ["NAME", "main"]

NAME = "forecast-reliability"
_OPTIONS = {"format": "png", "width": 820, "height": 460, "scale": 1.5}


def main() -> int:
    """Judge the real histories and replace the picture; the exit code."""
    path = histories_file()
    evidence = None if path is None else gather([read_listings(path)], (14,))
    if evidence is None:
        sys.stderr.write("the histories are missing: point ARBKIT_REAL_DATA at the folder beside theirs\n")
        return 1
    score = judge(evidence, of_products=len(set(evidence.products))).horizons[0]
    image = asyncio.run(_drawn(reliability_figure(score).to_json()))
    (ROOT / "docs" / f"{NAME}.png").write_bytes(image)
    return 0


async def _drawn(figure: str) -> bytes:
    from kaleido import Kaleido

    async with Kaleido(n=1, timeout=60, mathjax=False) as browser:
        return bytes(await browser.calc_fig(orjson.loads(figure), opts=_OPTIONS))


if __name__ == "__main__":
    sys.exit(main())
