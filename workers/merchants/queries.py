"""What can be asked about merchants."""

from workers.runtime.handlers import Queries

queries = Queries("merchants")
