"""An operator's command finds the database that is meant, or says what to do."""

from pathlib import Path

import pytest

from ops import database
from ops.trouble import Trouble


def test_the_named_database_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://here")
    assert database.url() == "postgresql://here"


def test_without_any_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SALDO_HOME", str(tmp_path))
    with pytest.raises(Trouble, match=r"Set DATABASE_URL .* or start a stack here with \./dev up"):
        database.url()
