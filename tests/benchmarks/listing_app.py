"""What the list of opportunities is held against: a route of FastAPI that serialises one page's models from memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

from fastapi import FastAPI

from arbkit.web.api.schemas import OpportunityListing

__all__ = ["app"]

_PAGE = OpportunityListing.model_validate(json.loads(Path(os.environ["BENCHMARK_PAGE"]).read_bytes()))

app = FastAPI()


@app.get("/arbitrage", response_model=OpportunityListing)
async def listing() -> OpportunityListing:
    return _PAGE
