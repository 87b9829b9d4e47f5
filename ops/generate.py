"""The generated files that are committed: made anew, or with `--check` compared."""

import json
import sys
from pathlib import Path

from contracts import catalogue
from ops import authorization, compatibility
from ops.local.home import PROJECT

SCHEMAS = Path("tests/contracts/schemas")
AUTHORIZATION = Path("docs/authorization.md")


def files() -> dict[Path, str]:
    """What every generated file should hold."""
    schemas = {
        SCHEMAS / f"{name}.json": json.dumps(catalogue.schema(message), indent=1, sort_keys=True) + "\n"
        for name, message in catalogue.messages().items()
    }
    return schemas | {AUTHORIZATION: authorization.page()}


def stale() -> list[Path]:
    """The files that are missing, differ, or should not be there any more."""
    wanted = files()
    here = {path.relative_to(PROJECT) for path in (PROJECT / SCHEMAS).glob("*.json")}
    differing = [path for path, text in wanted.items() if not _holds(path, text)]
    return sorted({*differing, *(here - wanted.keys())})


def _holds(path: Path, text: str) -> bool:
    target = PROJECT / path
    return target.exists() and target.read_text() == text


def broken() -> list[str]:
    """The changes of messages that need a new version: somebody may still say it the old way."""
    return [
        f"{name}: {why}"
        for name, message in catalogue.messages().items()
        if (path := PROJECT / SCHEMAS / f"{name}.json").exists()
        for why in compatibility.breaks(json.loads(path.read_text()), catalogue.schema(message))
    ]


def write() -> None:
    """Write what is stale."""
    wanted = files()
    for path in stale():
        target = PROJECT / path
        if path in wanted:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(wanted[path])
        else:
            target.unlink()


def main() -> int:
    """`python -m ops.generate [--check | --incompatible]`."""
    if "--check" not in sys.argv[1:]:
        if "--incompatible" not in sys.argv[1:] and (changes := broken()):
            print(*changes, "Give the message a new version, or say --incompatible before its first release.", sep="\n")
            return 1
        write()
        return 0
    for path in (old := stale()):
        print(f"{path} is not what the code says: run ./dev generate")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
