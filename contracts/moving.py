"""Why money does not move, or its move is not settled by hand, whichever domain is asked."""

from contracts.message import Kind, Refusal


class Declined(Refusal):
    """Whoever has the money said no: a provider, or a card."""

    kind = Kind.MONEY
    detail = "The payment provider declined."


class AmountOutOfRange(Refusal):
    """The method, or the bank, takes more or less than this."""

    kind = Kind.INVALID
    detail = "The amount is outside what the method takes."


class NotUnresolved(Refusal):
    """Nobody has to find out what has become of it."""

    kind = Kind.CONFLICT
    detail = "Its outcome is not in doubt."


class AlreadyResolved(Refusal):
    """It has had another outcome."""

    kind = Kind.CONFLICT
    detail = "It was resolved otherwise already."
