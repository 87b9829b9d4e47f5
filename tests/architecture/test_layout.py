"""The sentences of the design that no import rule can hold; each failure says what to do instead."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from contracts import catalogue, topology
from contracts.message import Call, Command, Event, Query
from workers import roles
from workers.runtime.roster import Roster

ROOT = Path(__file__).parents[2]
PACKAGES = ("contracts", "gateway", "workers", "ops", "sandbox", "migrations", "bench")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
NAMELESS = re.compile(r"(^|/)(utils?|common|core|base|helpers?|managers?|services?)(\.py|/)")


def _calls(part: Path | ast.AST) -> set[str]:
    tree = ast.parse(part.read_text()) if isinstance(part, Path) else part
    return {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_say_something(path: Path) -> None:
    assert not NAMELESS.search(str(path.relative_to(ROOT))), "name the file after the noun that lives in it"


DECIDING = sorted(
    {
        Path(inspect.getfile(handler.decide)).relative_to(ROOT)
        for domain in roles.ALL.values()
        for handler in domain.handlers.table.values()
    }
)
"""Every file with a handler in it, whatever its name."""


def _plain_functions(path: Path) -> list[ast.FunctionDef]:
    """What decides, or helps to; what prepares is async."""
    return [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("path", DECIDING, ids=str)
def test_handlers_decide_and_nothing_else(path: Path) -> None:
    functions = _plain_functions(ROOT / path)
    trying = [f.name for f in functions if any(isinstance(node, ast.Try | ast.TryStar) for node in ast.walk(f))]
    assert not trying, f"let it raise: the delivery loop knows what to do ({trying})"
    forbidden = {name for function in functions for name in _calls(function)} & {
        "commit",
        "rollback",
        "publish",
        "now",
        "time",
        "getLogger",
        "get_logger",
        "execute",
        "sleep",
    }
    assert not forbidden, f"use the unit of work instead of {forbidden}"


def test_only_the_journal_writes_movements() -> None:
    makers = [path for path in (ROOT / "workers").rglob("*.py") if "Movement" in _calls(path)]
    posters = [path for path in (ROOT / "workers").rglob("*.py") if "postings.post(" in path.read_text()]
    assert [path.name for path in makers] == ["postings.py"], "a movement is made by workers/ledger/postings.py"
    assert [path.name for path in posters] == ["journal.py"], (
        "post through workers/ledger/journal.py: it alone writes money"
    )


def test_every_message_has_exactly_one_home() -> None:
    roster = Roster.of(roles.ALL.values())
    messages = catalogue.messages()
    commands = {name for name, kind in messages.items() if issubclass(kind, Command | Call)}
    queries = {name for name, kind in messages.items() if issubclass(kind, Query)}
    handled = {name for name, one in roster.handlers.items() if not issubclass(one.message, Event)}
    assert commands == handled, "give each command a handler in workers/<domain>/handlers.py"
    assert queries == roster.queries.keys(), "give each query an answer in workers/<domain>/queries.py"


def test_reactions_are_subscribed() -> None:
    for domain, hosted in roles.ALL.items():
        heard = {name for name, one in hosted.handlers.table.items() if issubclass(one.message, Event)}
        assert heard == set(topology.SUBSCRIPTIONS.get(domain, ())), f"contracts/topology.py: what {domain} hears"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_in_one_sentence_what_lives_in_it(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, "begin with a module docstring"


def test_a_word_of_the_contracts_is_defined_once() -> None:
    """Constants of one module, in capitals, are its own."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "contracts").glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            named = [node.name] if isinstance(node, ast.ClassDef) else []
            if isinstance(node, ast.Assign):
                named = [one.id for one in node.targets if isinstance(one, ast.Name) and not one.id.isupper()]
            for name in named:
                found.setdefault(name, []).append(path.name)
    twice = {name: paths for name, paths in found.items() if len(paths) > 1}
    assert not twice, f"import it from where it lives: {twice}"
