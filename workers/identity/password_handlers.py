"""What people do with their passwords, and without them."""

from contracts.identity import (
    ChangePassword,
    CredentialsInvalid,
    ForgetPassword,
    ResetPassword,
    ResetTokenInvalid,
    SendPasswordReset,
)
from contracts.message import Nothing, Refusal
from workers.identity import counting, proofs, reset_mails, resets, sessions
from workers.identity.lockouts import Attempts, Keys, of_person, of_resets
from workers.identity.proofs import Proof
from workers.identity.reset_mails import Mailed, Redeemed
from workers.identity.resets import Reset
from workers.identity.rules import User
from workers.runtime.handlers import Handlers
from workers.runtime.needs import matching, rows
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("identity")


@handlers.command(
    ChangePassword,
    needs_more=lambda _, by, __: [
        rows(User, by.principal),
        rows(Attempts, of_person(by.principal)),
        matching(Reset, user_id=by.principal),
        sessions.of(by.principal),
    ],
    prepare=proofs.changing,
)
def change_password(command: ChangePassword, uow: UnitOfWork) -> Nothing | Refusal:
    """Replace it. Refused with `CredentialsInvalid`, `LockedOut`: that counts for this route, not for logging in."""
    del command
    proof: Proof = uow.prepared
    user, counted = uow.get(User, uow.caller.principal), counting.of(uow, of_person(uow.caller.principal))
    counted.check(uow.now)
    if proof.new is None or not proof.holds_for(user):
        counting.keep(uow, [counted.failed(uow.now, proof.bar)])
        return CredentialsInvalid()
    counting.keep(uow, [counted.forgiven(uow.now)])
    _replace(uow, user, proof.new)
    sessions.revoke_all(uow, user.id, except_=uow.caller.session)
    uow.audit(user.id)
    return Nothing()


@handlers.command(ForgetPassword, needs=lambda c: [rows(Attempts, of_resets(c.email))], prepare=reset_mails.patience)
def forget_password(command: ForgetPassword, uow: UnitOfWork) -> Nothing:
    """Have a token mailed. Nobody looks whether there is somebody to mail it to before this has been answered."""
    counted = counting.of(uow, of_resets(command.email))
    if not counted.wait_seconds(uow.now):
        counting.keep(uow, [counted.failed(uow.now, uow.prepared)])
        uow.send(SendPasswordReset(email=command.email))
    return Nothing()


@handlers.command(SendPasswordReset, prepare=reset_mails.mailed)
def send_password_reset(command: SendPasswordReset, uow: UnitOfWork) -> Nothing:
    """Remember the token that was mailed: without this it is good for nothing."""
    del command
    mailed: Mailed | None = uow.prepared
    if mailed is not None:
        reset_id = resets.named(uow.message_id)
        uow.add(Reset.make(reset_id, mailed.user_id, at=uow.now, lasts=mailed.lasts))
    return Nothing()


@handlers.command(
    ResetPassword,
    needs_more=lambda _, by, redeemed: [
        rows(User, redeemed.user_id),
        rows(Attempts, *Keys.of(redeemed.email, by.address)),
        rows(Reset, redeemed.reset_id),
        matching(Reset, user_id=redeemed.user_id),
        sessions.of(redeemed.user_id),
    ],
    prepare=reset_mails.redeemed,
)
def reset_password(command: ResetPassword, uow: UnitOfWork) -> Nothing:
    """Replace the password and end all sessions; whoever reads the mail is let in again. Raises `ResetTokenInvalid`."""
    del command
    redeemed: Redeemed = uow.prepared
    user, reset = uow.get(User, redeemed.user_id), uow.get(Reset, redeemed.reset_id)
    if not user.active or not reset.usable(uow.now):
        raise ResetTokenInvalid
    counting.keep(uow, counting.guard(uow, Keys.of(redeemed.email, uow.address)).proven(uow.now))
    _replace(uow, user, redeemed.new)
    sessions.revoke_all(uow, user.id)
    uow.audit(user.id, actor=user.id)
    return Nothing()


def _replace(uow: UnitOfWork, user: User, password_hash: str) -> None:
    """A new password; tokens that would replace it again are void."""
    uow.save(user._replace(password_hash=password_hash))
    for reset in uow.matching(Reset, user_id=user.id):
        if reset.usable(uow.now):
            uow.save(reset.used(uow.now))
