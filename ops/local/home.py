"""The folder in which one local stack keeps its data, logs, ports and secrets."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.trouble import Trouble

PROJECT = Path(__file__).resolve().parents[2]


class Busy(Trouble):
    """Another launcher is at work here: what it does is not ours to undo."""


@dataclass(frozen=True)
class Home:
    """One folder is one stack: with different homes several run side by side on one machine."""

    root: Path

    @classmethod
    def default(cls) -> "Home":
        """`SALDO_HOME`, or `.saldo` in the project. Raises `Trouble` where it is somebody else's."""
        chosen = os.environ.get("SALDO_HOME")
        root = Path(chosen).expanduser().resolve() if chosen else PROJECT / ".saldo"
        if root.exists() and root.stat().st_uid != os.geteuid():
            raise Trouble(
                f"{root} is another user's (uid {root.stat().st_uid}): run this as that user, or set SALDO_HOME."
            )
        return cls(root)

    @property
    def logs(self) -> Path:
        """Where every process writes `<name>.log`."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Where the record of every running process is."""
        return self.root / "run"

    def prepare(self) -> None:
        """Make the folders.

        Others may pass through but not list them: where we are root, PostgreSQL is another user.
        """
        for folder in (self.root, self.logs, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o711)

    def child(self, name: str) -> "Home":
        """A stack of its own inside this one's folder."""
        return Home(self.root / name)

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.logs / f"{name}.log"

    @property
    def busy(self) -> bool:
        """Whether another launcher is starting or stopping things here."""
        try:
            with self.locked():
                return False
        except Busy:
            return True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let only one launcher at a time start or stop things here."""
        self.prepare()
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(f"Another launcher is at work in {self.root}. Wait until it is done.") from None
            yield
