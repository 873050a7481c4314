"""A plug of our own: an HTTP server whose pages a test changes while it is asked."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Plug:
    """`pages` by path with query; a page is an object, text, or a status. `hang` makes the answers late."""

    def __init__(self, pages: dict[str, Any], port: int = 0) -> None:
        self.pages, self.asked, self.headers = pages, list[str](), list[dict[str, str]]()
        self.hang = threading.Event()
        self.over = threading.Event()
        plug = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                plug.asked.append(self.path)
                plug.headers.append(dict(self.headers))
                if plug.hang.is_set():
                    plug.over.wait(30)
                page = plug.pages.get(self.path, 404)
                self.send_response(page if isinstance(page, int) else 200)
                if page == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                if not isinstance(page, int):
                    self.wfile.write((page if isinstance(page, str) else json.dumps(page)).encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


def gen1(power_w: Any = 2.21, total: Any = 439237, **more: Any) -> dict[str, Any]:
    """What a plug of Shelly's first generation says."""
    meter = {"power": power_w, "is_valid": True, "timestamp": int(time.time()), "total": total} | more
    return {"relays": [{"ison": True}], "meters": [meter]}
