"""HTTP by hand, for what no client library would send."""

import asyncio
from contextlib import suppress

SECONDS_MAX = 8


async def exchange(port: int, *parts: bytes, seconds: float = SECONDS_MAX) -> bytes:
    """Send the parts for as long as somebody reads them; what came back until the other side closed or fell silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = asyncio.create_task(_receive(reader))
    try:
        with suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                if received.done():
                    break
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(received), 0.2 if parts and not seconds else seconds)
        return received.result() if received.done() else b""
    finally:
        received.cancel()
        writer.close()


async def _receive(reader: asyncio.StreamReader) -> bytes:
    found = b""
    with suppress(ConnectionError):
        while part := await reader.read(65_536):
            found += part
            if b"\r\n\r\n" in found and b"HTTP/1.1 202" in found:
                break
    return found
