"""The lock files belong to pyproject.toml and to no registry."""

from pathlib import Path

import pytest

from ops import lock


def test_the_locks_are_fresh_and_name_no_registry() -> None:
    assert lock.stale() == []


def test_a_changed_dependency_makes_them_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "fingerprint", lambda: "other")
    assert len(lock.stale()) == 2


@pytest.mark.parametrize("line", ["--index-url https://example.com/simple", "--find-links /wheels", "a @ file:///a"])
def test_a_registry_in_a_lock_is_noticed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "requirements.lock"
    file.write_text(f"{lock.HEADER}{lock.fingerprint()}\n{line}\n")
    monkeypatch.setattr(lock, "RUNNING", file)
    assert lock.stale() == ["requirements.lock names a registry: remove it and run ./dev lock."]
