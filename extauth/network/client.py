"""HTTP requests of the service, which never block its event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp

from extauth.errors import AnswerTooLarge, Unreachable
from extauth.network.request import HttpResponse, reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CHUNK = 64 << 10


class HttpClient:
    """Connections to other servers, made when they are first needed and kept open.

    Follows no redirect and no proxy of the environment, keeps no cookie, verifies TLS
    certificates. Belongs to one event loop, whose tasks may share it.
    """

    def __init__(
        self,
        *,
        timeout: float | None,
        largest: int,
        headers: Mapping[str, str] | None = None,
        concurrency: int = 0,
        socket: Path | None = None,
    ) -> None:
        """Bound requests to `timeout` seconds in all; None leaves that to the caller.

        `largest` bounds a body in bytes; with 0 no body is read. `headers` go with every request.
        `concurrency` is the number of requests to one server at a time, 0 for any; more of them
        wait inside their timeout. With `socket` every request goes to that unix socket, over a
        connection of its own.
        """
        self._timeout = timeout
        self._largest = largest
        self._headers = {"user-agent": "sluice", "accept-encoding": "identity", **(headers or {})}
        self._concurrency = concurrency
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - aiohttp keeps it
    ) -> HttpResponse:
        """Send a request and read the response. `timeout` takes the place of the client's.

        Raises Unreachable when the server does not answer in HTTP and in time, AnswerTooLarge for
        too large a body. Neither message holds the URL.
        """
        seconds = self._timeout if timeout is None else timeout
        content = bytearray()
        try:
            async with self._open().request(
                method,
                url,
                data=body,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds),
                allow_redirects=False,
            ) as response:
                if self._largest:
                    async for chunk in response.content.iter_chunked(_CHUNK):
                        content += chunk
                        if len(content) > self._largest:
                            raise AnswerTooLarge(self._largest)
                names = {name.lower(): value for name, value in response.headers.items()}
                return HttpResponse(response.status, names, bytes(content))
        except aiohttp.ClientConnectorCertificateError as error:
            raise Unreachable(reason(error.certificate_error, seconds)) from None
        except aiohttp.ClientConnectorDNSError:
            raise Unreachable("its name can't be resolved") from None
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(reason(error.os_error, seconds, connecting=True)) from None
        except (aiohttp.ClientError, OSError) as error:
            raise Unreachable(reason(error, seconds)) from None

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            # aiohttp: a transport that was closed needs a turn of the loop to be gone.
            await asyncio.sleep(0)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # A connection that outlives the server of a socket would fail the next request.
                connector=aiohttp.UnixConnector(str(self._socket), force_close=True)
                if self._socket is not None
                else aiohttp.TCPConnector(limit=0, limit_per_host=self._concurrency),
                headers=self._headers,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session
