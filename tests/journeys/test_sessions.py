"""Sessions: kept going by refresh tokens that work once, seen, and ended everywhere at once."""

import asyncio

from tests.journeys.conftest import Meet
from tests.journeys.test_passwords import token_for
from tests.people import Answer, Json, Person
from tests.system import System, eventually

ME = "/v1/auth/me"
SOON_SECONDS = 10


async def _refresh(person: Person, token: str, **options: int) -> Answer:
    return await person.post("/v1/auth/refresh", {"refresh_token": token}, **options)


async def _is_refused_everywhere(person: Person, token: str) -> None:
    """Both gateways hear of it by an event: nobody asks the database."""
    bearer = {"Authorization": f"Bearer {token}"}
    for at in range(len(person.gateways)):

        async def refused(at: int = at) -> bool:
            answer = await person.get(ME, headers=bearer, at=at)
            return (answer.status, answer.json.get("code")) == (401, "token_invalid")

        await eventually("a token is not believed any more", SOON_SECONDS, refused)


async def test_refresh_tokens_rotate(ani: Person) -> None:
    tokens = await ani.log_in()
    answer = await _refresh(ani, tokens["refresh_token"], at=1)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    renewed = answer.json
    assert renewed.keys() == tokens.keys()
    assert renewed["refresh_token"] != tokens["refresh_token"]
    ani.token = renewed["access_token"]
    assert (await ani.read(ME))["id"] == ani.user["id"]


async def test_a_refresh_token_that_is_used_again_ends_its_family(ani: Person) -> None:
    first = await ani.log_in()
    second = (await _refresh(ani, first["refresh_token"])).json
    third = (await _refresh(ani, second["refresh_token"])).json
    reused = await _refresh(ani, first["refresh_token"])
    assert (reused.status, reused.code) == (401, "token_reused")
    last = await _refresh(ani, third["refresh_token"])
    assert (last.status, last.code) == (401, "token_invalid")
    for tokens in (first, second, third):
        await _is_refused_everywhere(ani, tokens["access_token"])
    # The other session is nobody's business.
    assert (await ani.get(ME)).status == 200


async def test_a_retry_that_races_is_forgiven(ani: Person) -> None:
    token = (await ani.log_in())["refresh_token"]
    answers = await asyncio.gather(*(_refresh(ani, token, at=n % 2) for n in range(2)))
    good = [answer.json for answer in answers if answer.status == 200]
    assert good, answers
    if len(good) == 2:
        # Both were sent before either was decided: both clients go on, with the same token.
        [following] = {tokens["refresh_token"] for tokens in good}
        assert (await _refresh(ani, following)).status == 200


async def test_many_racing_uses_of_one_token_do_not_multiply(ani: Person) -> None:
    token = (await ani.log_in())["refresh_token"]
    answers = await asyncio.gather(*(_refresh(ani, token, at=n % 2) for n in range(12)))
    assert len({answer.json["refresh_token"] for answer in answers if answer.status == 200}) == 1
    assert {answer.code for answer in answers if answer.status != 200} <= {"token_reused", "token_invalid"}


async def test_what_is_no_refresh_token(ani: Person) -> None:
    tokens = await ani.log_in()
    for wrong in ("rt_unknown", "x", tokens["access_token"][:256], tokens["refresh_token"] + "x"):
        answer = await _refresh(ani, wrong)
        assert (answer.status, answer.code) == (401, "token_invalid")
    for body in ({}, {"refresh_token": ""}, {"refresh_token": 5}, {"refresh_token": "rt_x", "user_id": "usr_x"}):
        assert (await ani.post("/v1/auth/refresh", body)).status == 422
    assert (await _refresh(ani, tokens["refresh_token"])).status == 200


async def test_sessions_are_seen_and_ended_one_by_one(ani: Person, budi: Person) -> None:
    other = await ani.log_in(headers={"User-Agent": "Saldo for Android 1.0"})
    sessions = await ani.listed("/v1/auth/sessions")
    assert [session["current"] for session in sessions] == [False, True]
    assert sessions[0]["device"] == "Saldo for Android 1.0"
    assert sessions[0]["address"] == "127.0.0.1"
    path = f"/v1/auth/sessions/{sessions[0]['id']}"

    stranger = await budi.call("DELETE", path)
    assert (stranger.status, stranger.code) == (404, "not_found")
    assert sessions[0]["id"] not in {session["id"] for session in await budi.listed("/v1/auth/sessions")}

    ended = await ani.call("DELETE", path)
    assert (ended.status, ended.body) == (204, b"")
    await _is_refused_everywhere(ani, other["access_token"])
    assert (await _refresh(ani, other["refresh_token"])).code == "token_invalid"
    assert len(await ani.listed("/v1/auth/sessions")) == 1
    assert (await ani.call("DELETE", path)).status == 404


async def test_logging_out_ends_just_this_session(ani: Person) -> None:
    kept, tokens = ani.token, await ani.log_in()
    ani.token = tokens["access_token"]
    assert (await ani.get(ME, at=1)).status == 200
    assert (await ani.post("/v1/auth/logout")).status == 204
    await _is_refused_everywhere(ani, tokens["access_token"])
    assert (await _refresh(ani, tokens["refresh_token"])).status == 401
    ani.token = kept
    assert (await ani.get(ME)).status == 200


async def test_a_gateway_that_comes_late_knows_what_has_ended(together: System, meet: Meet, system: System) -> None:
    if system is not together:
        return
    person = await meet()
    old = person.token
    assert old is not None
    person.token = (await person.log_in())["access_token"]
    sessions: list[Json] = await person.listed("/v1/auth/sessions")
    ending = next(session for session in sessions if not session["current"])
    assert (await person.call("DELETE", f"/v1/auth/sessions/{ending['id']}")).status == 204
    await system.kill("gateway-2")
    await system.start("gateway-2")
    await _is_refused_everywhere(person, old)


async def test_a_changed_password_ends_the_other_sessions(ani: Person) -> None:
    others = [await ani.log_in(at=at) for at in range(2)]
    change = {"current_password": ani.password, "new_password": "a different phrase altogether"}
    assert (await ani.post("/v1/auth/password", change | {"current_password": "wrong"})).status == 401
    bearer = {"Authorization": f"Bearer {others[0]['access_token']}"}
    assert (await ani.get(ME, headers=bearer)).status == 200, "who guesses ends nothing"
    assert (await ani.post("/v1/auth/password", change)).status == 204
    for tokens in others:
        await _is_refused_everywhere(ani, tokens["access_token"])
        assert (await _refresh(ani, tokens["refresh_token"])).code == "token_invalid"
    assert (await ani.get(ME)).status == 200, "the session that changed it goes on"


async def test_a_reset_password_ends_all_sessions(system: System, ani: Person) -> None:
    tokens = await ani.log_in()
    reset = {"token": await token_for(system, ani), "new_password": "a different phrase altogether"}
    assert (await ani.post("/v1/auth/password/reset", reset)).status == 204
    assert ani.token is not None
    for token in (ani.token, tokens["access_token"]):
        await _is_refused_everywhere(ani, token)
    assert (await _refresh(ani, tokens["refresh_token"])).code == "token_invalid"
