"""What slow preparation may use outside the transaction."""

from dataclasses import dataclass

import aiohttp
from sqlalchemy.ext.asyncio import AsyncEngine

from workers.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """Read access to the database, outgoing HTTP, and the settings."""

    database: AsyncEngine
    http: aiohttp.ClientSession
    settings: Settings
