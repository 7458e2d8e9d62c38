"""What every MIS behind HTTP needs: one request that tells whether anything can have happened.

No redirect, proxy or .netrc ever sees the credentials; each timeout is explicit; no answer fills the memory.
"""

from __future__ import annotations

import ssl
from functools import cache

import httpx

from portal.mis.ports import MisBroken, MisBusy, MisUnknown

LARGEST = 32 * 1024 * 1024  # bytes of one answer
Params = list[tuple[str, str | int | float | bool | None]]

# Raised before the first byte of the request is written: nothing can have happened.
NOT_WRITTEN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@cache
def _trusted() -> ssl.SSLContext:
    """Reading all authorities takes longer than most requests: once for all clinics."""
    return httpx.create_ssl_context(trust_env=False)


class Http:
    """Thread-safe. `read` and `write` are seconds per request."""

    def __init__(self, *, headers: dict[str, str], login: str, password: str, read: float, write: float) -> None:
        self._read, self._write = read, write
        self._client = httpx.Client(
            headers=headers,
            auth=(login, password) if login else None,
            follow_redirects=False,
            trust_env=False,
            verify=_trusted(),
            limits=httpx.Limits(max_connections=32),
        )

    def send(
        self,
        method: str,
        url: str,
        *,
        is_write: bool,
        params: Params | None = None,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """The whole answer, whatever its status. MisBusy: nothing happened. MisUnknown: a write may have."""
        seconds = self._write if is_write else self._read
        timeout = httpx.Timeout(seconds, connect=min(3.0, seconds), pool=seconds)
        try:
            request = self._client.build_request(
                method, url, params=params, content=content, headers=headers, timeout=timeout
            )
            response = self._client.send(request, stream=True)
            try:
                return _limited(response, is_write)
            finally:
                response.close()
        except NOT_WRITTEN as error:
            raise MisBusy("unreachable", type(error).__name__) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            name = type(error).__name__
            raise (MisUnknown("no-answer", name) if is_write else MisBusy("no-answer", name)) from None


def _limited(response: httpx.Response, is_write: bool) -> httpx.Response:
    """The whole answer, unless it is larger than any of a MIS should be."""
    parts, size = [], 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size > LARGEST:
            said = "an answer of more than 32 MB"
            raise MisUnknown("too-large", said) if is_write else MisBroken("too-large", said)
    headers = [(k, v) for k, v in response.headers.items() if k not in ("content-encoding", "content-length")]
    return httpx.Response(response.status_code, headers=headers, content=b"".join(parts), request=response.request)
