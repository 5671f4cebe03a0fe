"""A way to a server that fails now and then, in a process of its own.

python flaky.py ENDPOINT REFUSED LOST: of so many requests one is answered with 503, and of so
many others the answer is lost after the server has done what was asked.
"""

import http.client
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@contextmanager
def flaky(endpoint: str, refused: int, lost: int) -> Iterator[str]:
    """The endpoint of the way, for the time of the block."""
    call = [sys.executable, __file__, endpoint, str(refused), str(lost)]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    count = itertools.count(1)

    def pass_on(self) -> None:
        number = next(self.count)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if number % REFUSED == 0:
            self.answer(503, [], b"")
            return
        server = http.client.HTTPConnection(THERE, timeout=30)
        server.request(self.command, self.path, body, dict(self.headers))
        answer = server.getresponse()
        content = answer.read()
        server.close()
        if number % LOST == 0:
            self.close_connection = True
            return
        self.answer(answer.status, answer.getheaders(), content)

    def answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if not re.fullmatch("connection|date|server|transfer-encoding", name, re.IGNORECASE):
                self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = pass_on  # noqa: N815  # as the server looks for them

    def log_message(self, *_: Any) -> None:
        """Nothing."""


if __name__ == "__main__":
    THERE = urlsplit(sys.argv[1]).netloc
    REFUSED, LOST = int(sys.argv[2]), int(sys.argv[3])
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as way:
        print(f"http://127.0.0.1:{way.server_address[1]}", flush=True)  # noqa: T201
        way.serve_forever()
