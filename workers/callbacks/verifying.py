"""Whether a callback is its provider's own: judged by the provider's adapter, before anything is remembered."""

from datetime import UTC, datetime

from contracts.callbacks import HearCallback, SignatureInvalid
from contracts.message import NotFound
from workers.provider import routing
from workers.provider.port import Callback, Forged
from workers.provider.routing import ProviderUnknown
from workers.runtime.handlers import Preparation


async def verify(call: HearCallback, preparation: Preparation) -> Callback:
    """Let the provider's own adapter judge it. Raises `SignatureInvalid`, `NotFound`."""
    try:
        provider = routing.reached(call.provider, preparation.resources)
        return provider.verify_callback(call.headers, call.body.encode(), now=datetime.now(UTC))
    except ProviderUnknown:
        raise NotFound from None
    except Forged:
        raise SignatureInvalid from None
