"""HTTP to devices beside this one; no proxy stands between a board and its meter."""

from __future__ import annotations

TIMEOUT_S = 1.0
"""A smart plug answers within 50 ms in its own network; later than this the value is old."""
BODY_MAX = 1024 * 1024


class Http:
    """urllib, without proxies and without redirects to elsewhere."""

    def get(self, url: str, timeout_s: float = TIMEOUT_S) -> bytes:
        """The body; OSError where none came (TimeoutError when it took too long)."""
        import http.client
        import urllib.request

        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=timeout_s) as response:
                body: bytes = response.read(BODY_MAX)
                return body
        except (http.client.HTTPException, ValueError) as error:
            raise OSError(f"{url}: {error}") from error
