"""The entry point of `saldo`, `./dev` and `python -m ops`."""

import sys


def main() -> None:
    """Run one command; Ctrl-C ends it without a word, also before all that it needs has been imported."""
    try:
        from ops import commands  # noqa: PLC0415 - takes long enough to be interrupted

        commands.run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
