"""Places for what is answered at the same time: nobody takes them all."""

from gateway import problems


class Places:
    """So many in all, and so many of them for each principal."""

    def __init__(self, limit: int, limit_each: int) -> None:
        self._limit = limit
        self._limit_each = limit_each
        self._taken: dict[str, int] = {}
        self.taken = 0

    def take(self, who: str) -> None:
        """Take one, which must be left again. Raises `Trouble` 429, or 503 where others have taken them all."""
        taken = self._taken.get(who, 0)
        if taken >= self._limit_each:
            raise problems.too_many_at_once()
        if self.taken >= self._limit:
            raise problems.busy()
        self._taken[who] = taken + 1
        self.taken += 1

    def leave(self, who: str) -> None:
        """Give one back."""
        self.taken -= 1
        if self._taken[who] == 1:
            del self._taken[who]
        else:
            self._taken[who] -= 1
