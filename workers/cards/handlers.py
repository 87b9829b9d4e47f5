"""What can be done with cards."""

from workers.runtime.handlers import Handlers

handlers = Handlers("cards")
