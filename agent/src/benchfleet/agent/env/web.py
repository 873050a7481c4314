"""HTTP to devices beside this one; no proxy stands between a board and its meter.

A password in the address goes into the header it belongs in, and never into the text of an error.
"""

from __future__ import annotations

from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

TIMEOUT_S = 1.0
"""A smart plug answers within 50 ms in its own network; later than this the value is old."""
BODY_MAX = 1024 * 1024


class HttpStatus(OSError):  # noqa: N818
    """Somebody answered, but not with what was asked for."""

    def __init__(self, url: str, status: int, detail: str = "") -> None:
        super().__init__(f"{shown(url)}: HTTP {status}{f' ({detail})' if detail else ''}")
        self.status = status


class Http:
    """urllib, without proxies and without redirects to elsewhere."""

    def get(self, url: str, timeout_s: float = TIMEOUT_S) -> bytes:
        """The body; OSError where none came: TimeoutError when it took too long, HttpStatus for one that is not 200."""
        import http.client
        import urllib.error
        import urllib.request

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_: object) -> None:
                return None

        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay())
        try:
            with opener.open(_request(url), timeout=timeout_s) as response:
                body: bytes = response.read(BODY_MAX)
                return body
        except urllib.error.HTTPError as error:
            with error:
                raise HttpStatus(url, error.code) from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise TimeoutError(f"{shown(url)}: no answer within {timeout_s:g} s") from error
            reason = error.reason.strerror if isinstance(error.reason, OSError) else error.reason
            raise OSError(f"{shown(url)}: {reason or error.reason}") from error
        except TimeoutError as error:
            raise TimeoutError(f"{shown(url)}: no answer within {timeout_s:g} s") from error
        except (http.client.HTTPException, ValueError) as error:
            raise OSError(f"{shown(url)}: no HTTP ({type(error).__name__})") from error


def shown(url: str) -> str:
    """An address without its user, password and query, all of which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{_host(parts)}{parts.path}"


def _request(url: str):  # type: ignore[no-untyped-def]
    import base64
    import urllib.request

    parts = urlsplit(url)
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=_host(parts))))
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    return request


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]
