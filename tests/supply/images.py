"""Fix the images of Dockerfile and docker-compose.yml to the digests that their tags have now: ``make images``.

It asks the registry, so it needs Docker and a network. Images that are fixed already are fixed anew.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.helpers.paths import ROOT

__all__ = ["FILES", "digest_of", "fix", "images_of"]

FILES = (ROOT / "Dockerfile", ROOT / "docker-compose.yml")
# Ours is built here, and in no registry.
_IMAGE = re.compile(
    r"(?P<before>^(?:FROM|[ ]+image:(?:[ ]+&\w+)?)[ ]+)(?P<tag>(?!arbkit:)[\w./-]+:[\w.-]+)(?:@sha256:[0-9a-f]{64})?",
    re.MULTILINE,
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def images_of(text: str) -> list[str]:
    """The images of a file, as NAME:TAG, each once."""
    return list(dict.fromkeys(found["tag"] for found in _IMAGE.finditer(text)))


def fix(text: str, digests: dict[str, str]) -> str:
    """The file with NAME:TAG@DIGEST in the place of each image."""
    return _IMAGE.sub(lambda found: f"{found['before']}{found['tag']}@{digests[found['tag']]}", text)


def digest_of(image: str, run: Callable[[list[str]], str]) -> str:
    """The digest of a tag, for all its platforms, as the registry says.

    Raises:
        ValueError: the answer is no digest.
    """
    said = run(["docker", "buildx", "imagetools", "inspect", image, "--format", "{{.Manifest.Digest}}"]).strip()
    if not _DIGEST.fullmatch(said):
        raise ValueError(f"{image}: the registry names no digest, but {said[:200]!r}")
    return said


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def main(files: tuple[Path, ...], run: Callable[[list[str]], str]) -> str:
    """Fix all files, or none where one digest cannot be had; what was done, in words."""
    texts = {file: file.read_text("utf-8") for file in files}
    digests = {image: digest_of(image, run) for text in texts.values() for image in images_of(text)}
    for file, text in texts.items():
        file.write_text(fix(text, digests), "utf-8")
    return "\n".join(f"{image}@{digest}" for image, digest in digests.items())


if __name__ == "__main__":
    try:
        print(main(FILES, _run))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        said = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
        sys.exit(f"nothing was changed: {said}\nDocker with buildx, and a network, are needed")
