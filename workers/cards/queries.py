"""What can be asked about cards."""

from workers.runtime.handlers import Queries

queries = Queries("cards")
