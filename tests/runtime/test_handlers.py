"""What a table of handlers refuses to take."""

import pytest

from tests.runtime.said.bank import Deposit, Free
from tests.runtime.said.shop import Order
from workers.runtime.handlers import Handlers


def test_a_message_has_one_handler() -> None:
    handlers = Handlers("bank")
    handlers.command(Deposit)(lambda _command, _uow: None)
    with pytest.raises(AssertionError, match="has a handler already"):
        handlers.command(Deposit)(lambda _command, _uow: None)


def test_a_domain_handles_its_own_commands() -> None:
    with pytest.raises(AssertionError, match="is not bank's to handle"):
        Handlers("bank").command(Order)(lambda _command, _uow: None)


def test_no_saga_finishes_the_step_of_another_one() -> None:
    with pytest.raises(AssertionError, match="is a step"):
        Handlers("bank").command(Free, finished_by=object)(lambda _command, _uow: None)
    Handlers("bank").command(Deposit, finished_by=object)(lambda _command, _uow: None)
