"""The least that FastAPI can do, for comparison: one route that answers an empty object."""

from __future__ import annotations

from fastapi import FastAPI

__all__ = ["app"]

app = FastAPI()


@app.get("/")
def empty() -> dict[str, str]:
    return {}
