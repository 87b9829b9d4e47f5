"""Find the machine's own RabbitMQ, or install it where that can be done without asking."""

import os
import shutil
import subprocess
from pathlib import Path

from ops.local import debian
from ops.trouble import Trouble

# Not what `PATH` finds first: Debian's wrapper there insists on a user of its own.
PLACES = (
    "/usr/lib/rabbitmq/bin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
    "/opt/rabbitmq/sbin",
)
PACKAGE = "rabbitmq-server"
WRAPPERS = ("/usr/sbin", "/sbin")
ADVICE = (
    "RabbitMQ is needed and not on this machine. Any one of these will do:\n"
    "  Debian, Ubuntu:  sudo apt-get install --no-install-recommends rabbitmq-server\n"
    "  macOS:           brew install rabbitmq\n"
    "  elsewhere:       start Docker, or set AMQP_URL (a broker you have) or RABBITMQ_SERVER (its binary)."
)


def find() -> Path:
    """The `rabbitmq-server` to run, installed first if need be."""
    binary = present()
    if binary is None and debian.installable():
        debian.install(PACKAGE)
        # Nor should its own service come up with the machine's next start.
        if shutil.which("systemctl"):
            subprocess.run(["systemctl", "disable", PACKAGE], capture_output=True, check=False)
        binary = present()
    if binary is None:
        raise Trouble(ADVICE)
    return binary


def present() -> Path | None:
    """The `rabbitmq-server` of this machine, if it has one. Raises `Trouble` where another one is named."""
    chosen = os.environ.get("RABBITMQ_SERVER")
    if chosen:
        if not Path(chosen).is_file():
            raise Trouble(f"RABBITMQ_SERVER names {chosen}, which is not there.")
        return Path(chosen)
    for place in PLACES:
        binary = Path(place) / "rabbitmq-server"
        if binary.exists():
            return binary
    found = shutil.which("rabbitmq-server")
    return Path(found) if found and str(Path(found).parent) not in WRAPPERS else None


def port_mapper() -> str:
    """Erlang's port mapper daemon, which comes with every Erlang."""
    found = shutil.which("epmd")
    if found:
        return found
    for pattern in ("lib/erlang/erts-*/bin/epmd", "lib/erlang/bin/epmd", "local/lib/erlang/erts-*/bin/epmd"):
        for binary in sorted(Path("/usr").glob(pattern)):
            return str(binary)
    message = "RabbitMQ is there but Erlang's epmd is not: add the folder that has it to PATH."
    raise Trouble(message)
