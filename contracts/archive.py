"""What can be archived, restored and purged: people, roles, cards and merchants, one by one or all at once."""

from contracts.message import Kind, Refusal, View


class CountView(View):
    """How many things a bulk command changed."""

    count: int


class NotArchived(Refusal):
    """Only what is archived can be purged."""

    kind = Kind.CONFLICT
    detail = "Archive it first."


class VersionConflict(Refusal):
    """Somebody else has changed it meanwhile."""

    kind = Kind.CONFLICT
    detail = "It has changed since you read it. Read it again."
