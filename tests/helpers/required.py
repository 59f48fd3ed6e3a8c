"""What a test needs of the machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["missing"]


def missing(what: str, remedy: str) -> Path:
    """Skip for want of ``what``, or fail where everything is required."""
    reason = f"needs {what}: {remedy}"
    if os.environ.get("ARBKIT_REQUIRE") == "all":
        pytest.fail(reason)
    pytest.skip(reason)
