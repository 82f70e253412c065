"""A Dataverse on this machine whose network, store and contents fail as a test asks for."""

import hashlib
import json
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

from tdsr_bench.data.mus2_origin import DOI
from tdsr_bench.data.retry import Connection, Patience

Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Fault:
    """How one answer goes wrong; as it stands, it is right.

    Attributes:
        code: instead of 200 or 206.
        headers: beside the usual ones, or in their place; None takes one away.
        cut: so many bytes are sent before the connection ends.
        reset: it is torn down, instead of closed.
        stall: nothing comes after `cut` bytes, and the connection stays.
        ranges: whether a range is answered by a range.
        shift: the range begins so many bytes away from what was asked for, and says so.
        change: what is sent instead of the bytes.
        redirect: the bytes come from another address.
        chunked: the length is not told.
    """

    code: int | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    cut: int | None = None
    reset: bool = False
    stall: bool = False
    ranges: bool = True
    shift: int = 0
    change: Change | None = None
    redirect: bool = False
    chunked: bool = False


class Dataverse:
    """Serves files by their names; `faults` are for the next answers of the store, one each, then `always`."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.faults: deque[Fault] = deque()
        self.always = Fault()
        self.listing_faults: deque[Fault] = deque()
        self.listing: Any = self.true_listing()
        self.tag = '"v1"'
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.sent = 0
        self.ended = Event()
        self._http = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self) -> Iterator["Dataverse"]:
        """Serves until the end of the block."""
        thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            self._http.shutdown()
            thread.join()
            self._http.server_close()

    def true_listing(self) -> dict[str, Any]:
        """What Dataverse says of the files."""
        files = [
            {
                "label": name.rpartition("/")[2],
                "restricted": False,
                "directoryLabel": name.rpartition("/")[0],
                "dataFile": {
                    "id": number,
                    "filename": name.rpartition("/")[2],
                    "contentType": "application/zip",
                    "filesize": len(content),
                    "md5": hashlib.md5(content).hexdigest(),
                    "checksum": {"type": "MD5", "value": hashlib.md5(content).hexdigest()},
                },
            }
            for number, (name, content) in enumerate(self.files.items())
        ]
        licence = {"name": "CC0 1.0", "uri": "http://creativecommons.org/publicdomain/zero/1.0"}
        latest = {"versionNumber": 2, "versionMinorNumber": 0, "license": licence, "files": files}
        return {"status": "OK", "data": {"id": 1, "persistentUrl": f"https://doi.org/{DOI}", "latestVersion": latest}}

    def data_file(self, name: str) -> dict[str, Any]:
        """The part of the listing on the file `name`, to be changed."""
        index = list(self.files).index(name)
        found: dict[str, Any] = self.listing["data"]["latestVersion"]["files"][index]["dataFile"]
        return found

    def ranges(self) -> list[str | None]:
        """The range of each question for a file."""
        return [headers.get("range") for path, headers in self.asked if "/datafile/" in path]


def no_wait(_: float) -> None:
    pass


def patient(
    *, waits: list[float] | None = None, notes: list[str] | None = None, attempts: int = 8, read: float = 10.0
) -> Connection:
    """A connection that does not sleep, but remembers how long it would have."""
    from requests import Session

    session = Session()
    session.trust_env = False
    patience = Patience(attempts=attempts, read=read, connect=10.0)
    sleep = no_wait if waits is None else waits.append
    return Connection(session, patience, Random(0), sleep, [].append if notes is None else notes.append)


def repeated(fault: Fault, times: int) -> Iterable[Fault]:
    return [fault] * times


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients that leave are what is tested here."""


def _handler(server: Dataverse) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            if path.startswith("/api/datasets/"):
                fault = server.listing_faults.popleft() if server.listing_faults else Fault()
                text = server.listing if isinstance(server.listing, str) else json.dumps(server.listing)
                self._answer(text.encode(), fault, {"Content-Type": "application/json"})
                return
            fault = server.faults.popleft() if server.faults else server.always
            if fault.redirect and path.startswith("/api/"):
                server.faults.appendleft(fault)
                self._answer(b"", Fault(code=303), {"Location": f"{server.url}/store/{path.rpartition('/')[2]}?X=1"})
                return
            content = list(server.files.values())[int(path.rpartition("/")[2])]
            self._answer(content, fault, {"Content-Type": "application/zip", "ETag": server.tag})

        def _answer(self, content: bytes, fault: Fault, headers: dict[str, str]) -> None:
            code, whole = 200, len(content)
            asked = self.headers.get("Range")
            valid = self.headers.get("If-Range", server.tag) == server.tag
            if asked and fault.ranges and valid and "ETag" in headers:
                code, first = 206, int(asked.removeprefix("bytes=").removesuffix("-")) + fault.shift
                headers["Content-Range"] = f"bytes {first}-{whole - 1}/{whole}"
                content = content[first:]
            content = fault.change(content) if fault.change else content
            headers["Content-Length"] = str(len(content))
            if fault.chunked:
                del headers["Content-Length"]
                headers["Transfer-Encoding"] = "chunked"
                content = b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
            self.send_response(fault.code or code)
            for name, value in (headers | fault.headers).items():
                if value is not None:
                    self.send_header(name, value)
            self.end_headers()
            self._send(content, fault)

        def _send(self, content: bytes, fault: Fault) -> None:
            body = content[: fault.cut]
            server.sent += len(body)
            try:
                self.wfile.write(body)
            except OSError:  # nobody reads any more
                self.close_connection = True
                return
            if fault.stall:
                server.ended.wait(30)
            if fault.cut is not None or fault.stall:
                if fault.reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler
