"""What people do with their authenticators."""

from contracts.identity import (
    BeginTotp,
    ConfirmTotp,
    CredentialsInvalid,
    RemoveTotp,
    TotpEnabled,
    TotpInvalid,
    TotpNotBegun,
    TotpView,
)
from contracts.message import Nothing, Refusal
from workers.identity import authenticators, counting, proofs
from workers.identity.authenticators import Begun, Said
from workers.identity.lockouts import Attempts, of_person
from workers.identity.proofs import Proof
from workers.identity.rules import User
from workers.identity.totp import Totp
from workers.runtime.handlers import Handlers
from workers.runtime.needs import rows
from workers.runtime.unit_of_work import UnitOfWork

handlers = Handlers("identity")


@handlers.command(BeginTotp, needs_more=lambda _, by, __: [rows(Totp, by.principal)], prepare=authenticators.begun)
def begin_totp(command: BeginTotp, uow: UnitOfWork) -> TotpView:
    """Store the secret; one that was never confirmed is replaced. Raises `TotpEnabled`."""
    del command
    begun: Begun = uow.prepared
    known = uow.find(Totp, uow.caller.principal)
    if known is not None and known.enabled:
        raise TotpEnabled
    if known is None:
        uow.add(Totp(uow.caller.principal, begun.sealed, begun.hashed, 0, None, uow.now))
    else:
        uow.save(known.anew(begun.sealed, begun.hashed, uow.now))
    return TotpView(secret=begun.secret, otpauth_uri=begun.uri, recovery_codes=begun.codes)


@handlers.command(
    ConfirmTotp, needs_more=lambda _, by, __: [rows(Totp, by.principal)], prepare=authenticators.confirming
)
def confirm_totp(command: ConfirmTotp, uow: UnitOfWork) -> Nothing:
    """From now on logging in takes a code, and not this one again. Raises `TotpNotBegun`, `TotpInvalid`."""
    del command
    said: Said | None = uow.prepared
    known = uow.find(Totp, uow.caller.principal)
    if known is None or not known.begun:
        raise TotpEnabled if known is not None and known.enabled else TotpNotBegun
    # A recovery code proves nothing about the authenticator.
    taken = known.after(said.steps) if said is not None and said.sealed == known.sealed else None
    if taken is None:
        raise TotpInvalid
    uow.save(taken.confirmed(uow.now))
    uow.audit(uow.caller.principal, before={"totp": False}, after={"totp": True})
    return Nothing()


@handlers.command(
    RemoveTotp,
    needs_more=lambda _, by, __: [
        rows(User, by.principal),
        rows(Totp, by.principal),
        rows(Attempts, of_person(by.principal)),
    ],
    prepare=proofs.proved,
)
def remove_totp(command: RemoveTotp, uow: UnitOfWork) -> Nothing | Refusal:
    """Log in without codes again; there may be none to remove. Refused with `CredentialsInvalid`, `LockedOut`."""
    del command
    proof: Proof = uow.prepared
    counted = counting.of(uow, of_person(uow.caller.principal))
    counted.check(uow.now)
    if not proof.holds_for(uow.get(User, uow.caller.principal)):
        counting.keep(uow, [counted.failed(uow.now, proof.bar)])
        return CredentialsInvalid()
    known = uow.find(Totp, uow.caller.principal)
    if known is not None:
        uow.save(known.removed())
        uow.audit(uow.caller.principal, before={"totp": known.enabled}, after={"totp": False})
    counting.keep(uow, [counted.forgiven(uow.now)])
    return Nothing()
