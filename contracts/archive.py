"""Why people-facing things can't be changed or purged now."""

from contracts.message import Kind, Refusal


class NotArchived(Refusal):
    """Only what is archived can be purged."""

    kind = Kind.CONFLICT
    detail = "Archive it first."


class VersionConflict(Refusal):
    """Somebody else has changed it meanwhile."""

    kind = Kind.CONFLICT
    detail = "It has changed since you read it. Read it again."
