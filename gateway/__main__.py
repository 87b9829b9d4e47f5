"""`python -m gateway`: check the settings, listen, serve until told to stop."""

import asyncio
import signal
import sys

import uvloop

from gateway import logs
from gateway import settings as configuration
from gateway.server import Gateway
from gateway.settings import Settings, SettingsInvalid

EXIT_MISCONFIGURED = 2


def main() -> int:
    """Return the exit code; problems with the set-up are one line each, without a traceback."""
    try:
        settings = configuration.load()
        logs.configure(settings.log_level)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings))
    except SettingsInvalid as error:
        for problem in error.problems:
            print(f"gateway: {problem}", file=sys.stderr)
        return EXIT_MISCONFIGURED
    return 0


async def _serve(settings: Settings) -> None:
    gateway = Gateway(settings)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, gateway.stop)
    await gateway.serve()


if __name__ == "__main__":
    sys.exit(main())
