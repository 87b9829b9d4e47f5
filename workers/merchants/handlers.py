"""What can be done with merchants."""

from workers.runtime.handlers import Handlers

handlers = Handlers("merchants")
