"""Install Debian's packages as root, without letting a service of theirs run."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops.trouble import Trouble

# Debian asks this script before it starts a service; 101 is "no".
POLICY = Path("/usr/sbin/policy-rc.d")
REFUSAL = "#!/bin/sh\nexit 101\n"
APT = ["apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]


def installable() -> bool:
    """Whether this is a Debian on which we may install packages."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None and shutil.which("dpkg") is not None


def install(package: str) -> None:
    """Install a package; raise `Trouble` when that fails."""
    with _no_services():
        _apt(package, "update")
        _apt(package, "install", "--no-install-recommends", package)


@contextmanager
def _no_services() -> Iterator[None]:
    kept = POLICY.with_name("policy-rc.d.before-saldo")
    if POLICY.exists():
        POLICY.rename(kept)
    try:
        POLICY.write_text(REFUSAL)
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink(missing_ok=True)
        if kept.exists():
            kept.rename(POLICY)


def _apt(package: str, *arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run([*APT, *arguments], capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        last = "\n".join((result.stdout + result.stderr).splitlines()[-10:])
        message = f"{package} could not be installed: apt-get {arguments[0]} said:\n{last}"
        raise Trouble(message)
