"""A home of a test's own, with nothing left running in it afterwards."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.local.daemon import recorded
from ops.local.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    home.prepare()
    yield home
    for left in recorded(home):
        left.stop()
