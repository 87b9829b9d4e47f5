"""Sessions and their refresh tokens: which use of a token is a retry, and which one a theft."""

from datetime import UTC, datetime, timedelta

import pytest

from contracts.identity import Register
from workers.identity import sessions
from workers.identity.rules import User
from workers.identity.sessions import RefreshToken, Session

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
TOKEN = "rt_abc"


@pytest.fixture
def session() -> Session:
    about = Register(email="budi@example.com", password="correct horse battery", first_name="Budi", last_name="S")
    user = User.register(about, "$argon2id$hash", at=NOW, key="usr_1")
    return Session.begin(user, key="ses_1", at=NOW, lasts=90 * DAY, address="192.0.2.1", device=None)


def test_only_a_digest_is_stored(session: Session) -> None:
    token = RefreshToken.of(TOKEN, session, at=NOW, lasts=30 * DAY)
    assert token.id == sessions.digest(TOKEN) != sessions.digest(TOKEN + "x")
    assert TOKEN not in repr(token)


def test_no_token_outlives_its_session(session: Session) -> None:
    assert RefreshToken.of(TOKEN, session, at=NOW, lasts=30 * DAY).expires_at == NOW + 30 * DAY
    late = RefreshToken.of(TOKEN, session, at=NOW + 80 * DAY, lasts=30 * DAY)
    assert late.expires_at == session.expires_at
    assert not session.usable(session.expires_at)
    assert not session.ended(NOW).usable(NOW)


def test_what_was_sent_before_the_first_use_was_decided_has_raced(session: Session) -> None:
    fresh = RefreshToken.of(TOKEN, session, at=NOW, lasts=30 * DAY)
    assert not fresh.raced(NOW, 0 * SECOND)
    used = fresh.used(NOW + 5 * SECOND)
    assert used.raced(NOW + 5 * SECOND, 0 * SECOND)
    assert not used.raced(NOW + 6 * SECOND, 0 * SECOND)
    assert used.raced(NOW + 6 * SECOND, SECOND)


def test_the_first_use_counts(session: Session) -> None:
    used = RefreshToken.of(TOKEN, session, at=NOW, lasts=30 * DAY).used(NOW)
    assert used.used(NOW + SECOND) == used
