"""Who is at the keyboard."""

import os
import platform
import pwd


def address() -> str:
    """The machine's user who runs this command, and the machine, as the audit trail names them."""
    # Behind sudo everybody is root.
    name = (os.environ.get("SUDO_USER") if os.getuid() == 0 else None) or _login()
    return f"{name}@{platform.node()}"


def _login() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # In a container there may be a number only.
        return str(os.getuid())
