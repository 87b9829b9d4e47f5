"""A small bank: accounts that may not be overdrawn, reserved money, a slow provider and a secret."""

from contracts.message import Call, Command, Event, Kind, Query, Refusal, Revealed, SecretText, View


class TooLittle(Refusal):
    """There is not enough."""

    kind = Kind.MONEY
    detail = "There is not enough."


class NameTaken(Refusal):
    """Somebody else has this name."""

    detail = "Somebody else has this name."


class AccountView(View):
    """An account."""

    id: str
    amount: int = 0


class Deposit(Command[AccountView]):
    """Put money on an account, which is opened if it isn't there."""

    account: str
    amount: int


class Move(Command[AccountView]):
    """Move money. Raises `TooLittle`, after everything else was written."""

    source: str
    destination: str
    amount: int


class Name(Command[AccountView]):
    """Open an account of this name, unique among all. Raises `NameTaken`."""

    name: str


class Sneak(Command[AccountView]):
    """Changes an account that its handler has not asked for."""

    account: str


class Knock(Command[AccountView]):
    """Counts on the caller's own account, and is refused with `TooLittle` all the same."""


class BoxView(View):
    """A safe box. Its combination and code are shown once."""

    id: str
    combination: Revealed = None
    code: Revealed = None


class RentBox(Command[BoxView]):
    """Rent one; refused with `TooLittle` to the poor, after all has been said."""

    poor: bool = False


class CutBox(Command[BoxView]):
    """The same for a saga."""

    internal = True

    box: str


class Overdraw(Command[AccountView]):
    """Writes what the database refuses."""

    account: str


class Reserve(Command[AccountView]):
    """Set money aside. Raises `TooLittle`, `AlreadyFreed`."""

    internal = True

    order: str
    account: str
    amount: int


class AlreadyFreed(Refusal):
    """The reservation was given back before it came."""

    detail = "It was given back before it came."


class Free(Command[AccountView]):
    """Give reserved money back, at most once, even before it was reserved. Raises `AlreadyPaid`."""

    internal = True

    order: str
    account: str


class AlreadyPaid(Refusal):
    """It can't be given back any more."""

    detail = "It can't be given back any more."


class Pay(Command[AccountView]):
    """Pay what is reserved."""

    internal = True

    order: str
    account: str


class Charge(Command[AccountView]):
    """Ask a provider, slowly, then deposit what it gave."""

    slow = True

    account: str
    amount: int


class Whisper(Call[AccountView]):
    """Tell a secret and open an account for it."""

    account: str
    secret: SecretText


class Deposited(Event):
    """Money has come in."""

    account: str
    amount: int


class GetAccount(Query[AccountView]):
    """One account."""

    account: str
