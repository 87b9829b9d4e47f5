"""Notices as files: for development, where no mail is sent."""

import asyncio
import os
from pathlib import Path
from typing import NamedTuple

from workers.notices.notice import Notice


class Filing(NamedTuple):
    """Writes each notice to a file of its own, whole or not at all, for its owner's eyes only."""

    folder: Path
    sender: str

    async def deliver(self, notice: Notice) -> None:
        """Write `<id>.eml`."""
        await asyncio.to_thread(self._write, notice)

    def _write(self, notice: Notice) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f"{notice.id}.draft"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(notice.mail(self.sender).as_bytes())
        draft.replace(self.folder / f"{notice.id}.eml")
