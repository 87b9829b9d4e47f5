"""What kinds of "no" there are."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import contracts
from contracts.message import Kind, Refusal

ASK_AGAIN = {"not_yet", "outcome_unknown", "statement_unavailable"}
"""Answers within a saga, and one that keeps nothing."""


def _all(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for child in kind.__subclasses__():
        yield child
        yield from _all(child)


def test_a_final_refusal_does_not_ask_for_a_repeat() -> None:
    """503 tells clients to repeat, but a worker's refusal is final for its key: they would hear it for ever."""
    for module in iter_modules(contracts.__path__, "contracts."):
        import_module(module.name)
    ours = [refusal for refusal in _all(Refusal) if refusal.__module__.startswith("contracts.")]
    assert {refusal.code() for refusal in ours if refusal.kind is Kind.UNAVAILABLE} == ASK_AGAIN
