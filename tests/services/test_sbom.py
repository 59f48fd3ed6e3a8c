"""The bill of materials names what is installed, neither more nor less, so that it can be checked and looked up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from arbkit import __version__
from tests.supply.pins import pins
from tests.supply.sbom import REQUIREMENTS, sbom


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom()


def test_it_names_every_pinned_package_with_version_and_digests(bill: dict[str, Any]) -> None:
    pinned = {(pin.name, pin.version): pin for pin in pins(REQUIREMENTS)}
    assert len(pinned) > 100
    named = {(one["name"], one["version"]): one for one in bill["components"]}
    assert named.keys() == pinned.keys()
    for key, one in named.items():
        assert one["purl"] == f"pkg:pypi/{key[0]}@{key[1]}"
        hashes = {h["content"] for file in one["externalReferences"] for h in file["hashes"] if h["alg"] == "SHA-256"}
        assert hashes == pinned[key].hashes, key


def test_it_has_no_tool_of_development(bill: dict[str, Any]) -> None:
    names = {one["name"] for one in bill["components"]}
    assert {"pandas", "voila", "numpy"} <= names
    assert not {"pytest", "ruff", "cyclonedx-bom", "pip-audit", "schemathesis", "hatchling"} & names


def test_it_is_about_this_arbkit_and_says_what_it_asks_for_itself(bill: dict[str, Any]) -> None:
    arbkit = bill["metadata"]["component"]
    assert (arbkit["name"], arbkit["version"]) == ("arbkit", __version__)
    [own] = [one["dependsOn"] for one in bill["dependencies"] if one["ref"] == arbkit["bom-ref"]]
    names = {one["bom-ref"]: one["name"] for one in bill["components"]}
    asked = {names[ref] for ref in own}
    assert {"fastapi", "keepa", "tzdata"} <= asked
    assert "starlette" not in asked


def test_it_is_right_by_the_schema_of_cyclonedx(bill: dict[str, Any]) -> None:
    assert bill["specVersion"] == "1.6"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None
