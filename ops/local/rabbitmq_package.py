"""Install Debian's RabbitMQ package as root, without letting its own service run."""

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


def install() -> None:
    """Install the package; raise `Trouble` when that fails."""
    with _no_services():
        _apt("update")
        _apt("install", "--no-install-recommends", "rabbitmq-server")
    # Nor should it come up with the machine's next start.
    if shutil.which("systemctl"):
        subprocess.run(["systemctl", "disable", "rabbitmq-server"], capture_output=True, check=False)


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


def _apt(*arguments: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run([*APT, *arguments], capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        last = "\n".join((result.stdout + result.stderr).splitlines()[-10:])
        message = f"RabbitMQ could not be installed: apt-get {arguments[0]} said:\n{last}"
        raise Trouble(message)
