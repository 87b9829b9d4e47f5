"""A callback that was taken."""

from datetime import datetime
from typing import NamedTuple


class Taken(NamedTuple):
    """One row of `callbacks.taken`: what is remembered of a callback so that it counts once."""

    id: str
    taken_at: datetime

    @staticmethod
    def key(provider: str, callback: str) -> str:
        """Providers number their callbacks each for itself."""
        return f"{provider}:{callback}"
