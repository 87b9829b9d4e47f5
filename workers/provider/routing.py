"""Which provider a method goes to, and how each is reached: configuration, not a domain's business."""

from collections.abc import Callable, Mapping

from workers.provider import sandbox
from workers.provider.breaker import Breaker
from workers.provider.port import Provider
from workers.runtime.resources import Resources

DEFAULT = "sandbox"

_routes: dict[str, str] = {}
_breakers: dict[str, Breaker] = {}


class ProviderUnknown(Exception):
    """No adapter has this name."""


def use(routes: Mapping[str, str]) -> None:
    """Choose who gets which method, once at the start of the process. Raises `ProviderUnknown`."""
    for name in routes.values():
        if name not in ADAPTERS:
            raise ProviderUnknown(name)
    _routes.clear()
    _routes.update(routes)


def provider_of(method: str) -> str:
    """The name of the provider that gets a method; whoever orders there keeps it, for routes change."""
    return _routes.get(method, DEFAULT)


def reached(name: str, resources: Resources) -> Provider:
    """The provider of this name. Raises `ProviderUnknown`."""
    make = ADAPTERS.get(name)
    if make is None:
        raise ProviderUnknown(name)
    return make(resources)


def _sandbox(resources: Resources) -> Provider:
    told = resources.settings
    settings = sandbox.Settings(
        url=told.provider_url,
        key=told.provider_key,
        callback_secret=told.provider_callback_secret,
        timeout_seconds=told.provider_timeout_seconds,
        retries=told.provider_retries,
    )
    breaker = _breakers.setdefault(told.provider_url, Breaker(told.provider_failures, told.provider_rest_seconds))
    return sandbox.SandboxProvider(resources.http, settings, breaker)


ADAPTERS: dict[str, Callable[[Resources], Provider]] = {"sandbox": _sandbox}
"""A second provider is a module beside `sandbox`, its settings, and a line here."""
