"""Images fixed to digests: both files in every spelling, all of them or none, and again when they are fixed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.supply.images import FILES, digest_of, images_of, main

NEW = {name: f"sha256:{number:064x}" for number, name in enumerate(
    ("python:3.11.14-slim-bookworm", "apache/kafka:4.4.0", "elasticsearch:9.5.3", "kibana:9.5.3"), 1
)}  # fmt: skip
OLD = "sha256:" + "f" * 64


def registry(digests: dict[str, str]) -> Callable[[list[str]], str]:
    """What ``docker buildx imagetools inspect`` answers."""
    return lambda command: f"{digests[command[4]]}\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, ...]:
    """The two files as they are, tags alone."""
    made = tuple(tmp_path / file.name for file in FILES)
    for copy, file in zip(made, FILES, strict=True):
        text = file.read_text("utf-8")
        for image in images_of(text):
            start, *rest = text.split(image)
            text = image.join([start, *(part[72:] if part.startswith("@sha256:") else part for part in rest)])
        copy.write_text(text, "utf-8")
    return made


def test_every_image_that_is_not_ours_is_found() -> None:
    services = yaml.safe_load(FILES[1].read_text("utf-8"))["services"].values()
    foreign = {one["image"].partition("@")[0] for one in services if not one["image"].startswith("arbkit:")}
    assert {*images_of(FILES[1].read_text("utf-8"))} == foreign
    lines = FILES[0].read_text("utf-8").splitlines()
    bases = {line.split()[1].partition("@")[0] for line in lines if line.startswith("FROM ")}
    assert {*images_of(FILES[0].read_text("utf-8"))} == bases


def test_both_files_are_fixed_and_nothing_else_of_them_changes(files: tuple[Path, ...]) -> None:
    before = [file.read_text("utf-8") for file in files]
    said = main(files, registry(NEW))
    services = yaml.safe_load(files[1].read_text("utf-8"))["services"]
    for name, image in {"kafka": "apache/kafka:4.4.0", "kibana-setup": "kibana:9.5.3"}.items():
        assert services[name]["image"] == f"{image}@{NEW[image]}"
    assert services["api"]["image"].count("@") == 0
    [base] = {
        line for line in files[0].read_text("utf-8").splitlines() if line.startswith("FROM") and " AS " not in line
    }
    assert base == f"FROM python:3.11.14-slim-bookworm@{NEW['python:3.11.14-slim-bookworm']}"
    assert said.splitlines() == [f"{image}@{digest}" for image, digest in NEW.items()]
    for file, text in zip(files, before, strict=True):
        fixed = file.read_text("utf-8")
        for digest in NEW.values():
            fixed = fixed.replace(f"@{digest}", "")
        assert fixed == text


def test_fixed_ones_are_fixed_anew(files: tuple[Path, ...]) -> None:
    main(files, registry(dict.fromkeys(NEW, OLD)))
    assert OLD in files[0].read_text("utf-8")
    main(files, registry(NEW))
    once = [file.read_text("utf-8") for file in files]
    assert not any(OLD in text for text in once)
    main(files, registry(NEW))
    assert [file.read_text("utf-8") for file in files] == once


@pytest.mark.parametrize("answer", ["", "sha256:12", "<no value>", f"Name: x\n{OLD}"])
def test_an_answer_that_is_no_digest_changes_no_file(files: tuple[Path, ...], answer: str) -> None:
    before = [file.read_text("utf-8") for file in files]
    # The last one that is asked for.
    with pytest.raises(ValueError, match=r"kibana:9\.5\.3: the registry names no digest"):
        main(files, registry({**NEW, "kibana:9.5.3": answer}))
    assert [file.read_text("utf-8") for file in files] == before


def test_the_registry_is_asked_for_the_digest_of_all_platforms() -> None:
    asked: list[list[str]] = []

    def run(command: list[str]) -> str:
        asked.append(command)
        return OLD

    assert digest_of("kibana:9.5.3", run) == OLD
    assert " ".join(asked[0]) == "docker buildx imagetools inspect kibana:9.5.3 --format {{.Manifest.Digest}}"
