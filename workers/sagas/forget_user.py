"""The last of a purged person: a row without a name if the ledger's rows refer to it, else none."""

from datetime import timedelta
from typing import Self

from contracts.identity import RemoveUser, UserPurged
from contracts.ids import UserId
from contracts.ledger import FindHistory, HistoryView
from workers.runtime.saga import Saga, retriable


class ForgetUser(Saga):
    """Ask the ledger, remove. The person is nobody already, so there is no way back and nothing to undo."""

    starts_on = UserPurged
    deadline = timedelta(days=1)

    user_id: UserId
    known: bool = True

    @retriable
    def ask(self) -> FindHistory:
        """Whether the ledger knows them."""
        return FindHistory(owner=self.user_id)

    @ask.learns
    def asked(self, history: HistoryView) -> Self:
        """It does or it doesn't."""
        return self.model_copy(update={"known": history.known})

    @retriable
    def remove(self) -> RemoveUser:
        """All, or all but the id."""
        return RemoveUser(user_id=self.user_id, keep_id=self.known)
