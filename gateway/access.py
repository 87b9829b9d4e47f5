"""What has changed since tokens were issued: loaded from the workers, then told by events; no request asks for it.

Events may come before, while and after what they change is loaded, and in any order: of two words on a role or a
person the one with the higher version counts, and a session that has ended stays so.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog

from contracts.identity import (
    ROLES,
    AccessView,
    GetAccess,
    RoleChanged,
    RoleGrant,
    SessionsRevoked,
    UserAccessChanged,
    UserGrant,
)
from gateway.problems import Trouble
from gateway.questions import Questions

TOKEN_SECONDS_MAX = 960.0
"""No access token is good for longer; what has changed before that is in each of them."""

RETRY_SECONDS_MAX = 5.0

log = structlog.get_logger()


class Access:
    """Who may do what now. `generation` counts the changes: what was worked out at another one is out of date."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._roles: dict[str, RoleGrant] = {}
        self._users: dict[str, tuple[float, UserGrant]] = {}
        self._revoked: dict[str, float] = {}
        self._events: dict[str, Callable[[Any], None]] = {
            RoleChanged.wire_name: lambda body: self._role(RoleChanged.model_validate(body).grant),
            UserAccessChanged.wire_name: lambda body: self._user(UserAccessChanged.model_validate(body).grant),
            SessionsRevoked.wire_name: lambda body: self._end(SessionsRevoked.model_validate(body).sessions),
        }
        self._doubters: list[Callable[[], None]] = []
        self._reload = asyncio.Event()
        self.generation = 0
        self.loaded = False

    def also(self, wire_name: str, take: Callable[[Any], None]) -> None:
        """Tell `take` of another kind of event, too."""
        self._events[wire_name] = take

    def doubted(self, forget: Callable[[], None]) -> None:
        """Have `forget` called whenever events may have been missed."""
        self._doubters.append(forget)

    def hear(self, wire_name: str, body: Any) -> bool:
        """Take an event; False if it is not one of these."""
        take = self._events.get(wire_name)
        if take is None:
            return False
        try:
            take(body)
        except (KeyError, TypeError, ValueError):
            # Another version's: what it changes is in what is loaded anew.
            log.warning("event_unreadable", type=wire_name)
            self.doubt()
        self.generation += 1
        return True

    def doubt(self) -> None:
        """Events may have been missed: believe no token until everything has been loaded again."""
        self.loaded = False
        for forget in self._doubters:
            forget()
        self._reload.set()

    async def load_for_ever(self) -> None:
        """Load whenever there is doubt, which there is in the beginning, until a worker answers."""
        while True:
            self._reload.clear()
            pause = 0.2
            while not await self._load():
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_SECONDS_MAX)
            await self._reload.wait()

    def permissions(self, principal: str, session: str, roles: list[str]) -> frozenset[str] | None:
        """What this session may do, whatever its token says of roles; None if it has ended."""
        if session in self._revoked:
            return None
        _, grant = self._users.get(principal, (0.0, None))
        if grant is not None:
            if not grant.active:
                return None
            roles = grant.roles
        return frozenset(permission for role in roles for permission in self._allowed(role))

    async def _load(self) -> bool:
        try:
            word = await self._questions.ask(GetAccess())
        except Trouble:
            log.warning("access_not_answered")
            return False
        if word["status"] != "succeeded":
            return False
        self._take(AccessView.model_validate(word["result"]))
        # Doubt that has come up meanwhile asks again.
        self.loaded = not self._reload.is_set()
        return True

    def _take(self, view: AccessView) -> None:
        self._forget(time.time() - TOKEN_SECONDS_MAX)
        for role in view.roles:
            self._role(role)
        for user in view.users:
            self._user(user)
        self._end(view.sessions)
        self.generation += 1
        log.info("access_loaded", roles=len(view.roles), users=len(view.users), sessions=len(view.sessions))

    def _forget(self, before: float) -> None:
        self._users = {name: known for name, known in self._users.items() if known[0] >= before}
        self._revoked = {name: since for name, since in self._revoked.items() if since >= before}

    def _role(self, grant: RoleGrant) -> None:
        known = self._roles.get(grant.name)
        if known is None or known.version < grant.version:
            self._roles[grant.name] = grant

    def _user(self, grant: UserGrant) -> None:
        known = self._users.get(grant.user_id)
        if known is None or known[1].version < grant.version:
            self._users[grant.user_id] = (time.time(), grant)

    def _end(self, sessions: list[str]) -> None:
        now = time.time()
        if next(iter(self._revoked.values()), now) < now - TOKEN_SECONDS_MAX:
            self._forget(now - TOKEN_SECONDS_MAX)
        self._revoked.update(dict.fromkeys(sessions, now))

    def _allowed(self, role: str) -> tuple[str, ...] | list[str]:
        if role in ROLES:
            return ROLES[role]
        known = self._roles.get(role)
        return known.permissions if known is not None else []
