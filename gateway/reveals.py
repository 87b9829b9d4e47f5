"""What is shown once: asked of the workers for each answer that shows it, and kept nowhere here."""

import re

from contracts import catalogue
from contracts.envelope import Caller
from contracts.message import Command
from contracts.operations import GetReveals
from gateway.questions import Questions, Word

VERSION = re.compile(r"\.v[0-9]+$")
REVEALING = {
    type_: message.answer.reveals
    for name, message in catalogue.messages().items()
    if issubclass(message, Command) and message.answer.reveals
    for type_ in (name, VERSION.sub("", name))
}
"""The fields that the answers of these operations show once, by type, with and without its version."""


async def shown(questions: Questions, operation: str, word: Word, caller: Caller) -> Word:
    """The word on an operation, with what it shows its own caller for now. Raises `Trouble` 503."""
    names = REVEALING.get(word.get("type") or "")
    if not names or word["status"] != "succeeded":
        return word
    answer = await questions.ask(GetReveals(operation_id=operation), caller)
    values = answer["result"]["values"] if answer["status"] == "succeeded" else {}
    # A new one: others may wait for the same word.
    return word | {"result": word["result"] | {name: value for name, value in values.items() if name in names}}
