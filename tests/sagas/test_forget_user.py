"""Every path of `ForgetUser`."""

import pytest

from contracts.identity import RemoveUser, UserPurged
from contracts.ledger import FindHistory, HistoryView
from contracts.message import Discarded, Nothing
from tests.sagas.kit import given
from workers.runtime.saga import Phase
from workers.sagas.forget_user import ForgetUser


@pytest.fixture
def purged() -> UserPurged:
    return UserPurged(user_id="usr_1")


@pytest.mark.parametrize("known", [True, False])
def test_only_somebody_whom_the_ledger_knows_keeps_their_id(purged: UserPurged, known: bool) -> None:  # noqa: FBT001
    (
        given(ForgetUser, purged)
        .expect(FindHistory, owner="usr_1")
        .reply(HistoryView(known=known))
        .expect(RemoveUser, user_id="usr_1", keep_id=known)
        .reply(Nothing())
        .ends(Phase.COMPLETED)
    )


def test_what_an_operator_discards_is_asked_again(purged: UserPurged) -> None:
    (
        given(ForgetUser, purged)
        .expect(FindHistory)
        .refuse(Discarded())
        .expect(FindHistory)
        .reply(HistoryView(known=True))
        .expect(RemoveUser)
        .refuse(Discarded())
        .expect(RemoveUser)
        .reply(Nothing())
        .ends(Phase.COMPLETED)
    )
