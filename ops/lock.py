"""The lock files: compiled from pyproject.toml, naming versions and hashes but no registry."""

import json
import re
import subprocess
import sys
import tomllib
from hashlib import sha256
from pathlib import Path

from ops.console import say
from ops.local.home import PROJECT
from ops.trouble import Trouble

RUNNING, DEVELOPING = PROJECT / "requirements.lock", PROJECT / "requirements-dev.lock"
HEADER = "# Compiled by ./dev lock from pyproject.toml with the dependencies "
# Any of these would tie the lock to one registry, where any mirror should serve.
REGISTRY = re.compile(r"https?://|file://|--(extra-)?index-url|--find-links", re.IGNORECASE)


def compile_all(*, upgrade: bool) -> None:
    """Compile both, the one for running out of the one for developing, so that they agree."""
    _compile(DEVELOPING, "--group", "dev", *(["--upgrade"] if upgrade else []))
    _compile(RUNNING, "--constraint", DEVELOPING.name)


def stale() -> list[str]:
    """What is wrong with the locks, in sentences; no network is needed to tell."""
    return [sentence for file in (RUNNING, DEVELOPING) for sentence in _wrong(file)]


def fingerprint() -> str:
    """A hash of everything in pyproject.toml that decides what is installed."""
    read = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    project = read["project"]
    decisive = {
        "requires-python": project["requires-python"],
        "dependencies": project["dependencies"],
        "groups": read["dependency-groups"],
        "build": read["build-system"]["requires"],
    }
    return sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def _wrong(file: Path) -> list[str]:
    if not file.exists():
        return [f"{file.name} is missing: run ./dev lock."]
    text = file.read_text()
    sentences = []
    if HEADER + fingerprint() not in text:
        sentences.append(f"{file.name} does not match pyproject.toml: run ./dev lock.")
    if REGISTRY.search(text):
        sentences.append(f"{file.name} names a registry: remove it and run ./dev lock.")
    return sentences


def _compile(file: Path, *options: str) -> None:
    command = [
        *(str(Path(sys.executable).parent / "uv"), "pip", "compile", "pyproject.toml", "--quiet"),
        *("--universal", "--generate-hashes", "--python-version", "3.12"),
        *("--no-emit-index-url", "--no-emit-find-links", "--no-header", "--annotation-style", "line"),
        *("--output-file", file.name, *options),
    ]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if result.returncode:
        raise Trouble(f"{file.name} could not be compiled:\n{result.stderr.strip()}")
    text = re.sub(rf"^{re.escape(HEADER)}.*\n", "", file.read_text(), flags=re.MULTILINE)
    file.write_text(f"{HEADER}{fingerprint()}\n{text}")
    say(f"{file.name} compiled")
    if sentences := _wrong(file):
        raise Trouble("\n".join(sentences))
