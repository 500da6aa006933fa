"""HTTP as DICOMweb needs it: requests that stream, can be canceled, and tell what went wrong."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from http import HTTPStatus
from typing import Self, cast

import httpcore
import httpx

from adit import __version__
from adit.dicom.errors import Canceled, DicomError
from adit.dicom.protocols import Cancellation
from adit.dimse.errors import ConnectionBroken
from adit.dimse.tls import Credentials, client_context
from adit.endpoints.answers import REDIRECTS, Answer, HttpRefused
from adit.endpoints.dialling import Again, ServerConfig, WebConfig
from adit.endpoints.sockets import Sockets

LONGEST_WAIT = 60.0
"""Seconds that a server may ask us to wait, in all, before a request."""

MOST_WAITS = 5
MOST_REDIRECTS = 5


class Unusable(DicomError):
    """What is set on the node cannot be used."""


class Web:
    """How one server is asked over HTTP. Opens sessions."""

    def __init__(self, server: ServerConfig, config: WebConfig, *, cancel: Cancellation, again: Again) -> None:
        self.name = server.name
        self.config = config
        self.cancel = cancel
        self.again = again
        self._connect_timeout = server.connect_timeout
        self._idle_timeout = server.idle_timeout

    def session(self, cancel: Cancellation | None = None) -> Session:
        """Connections of their own, opened by need and ended together.

        Args:
            cancel: Ends them instead of the server's own token.
        """
        return Session(self, cancel or self.cancel)

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """What is trusted and shown; None where nothing is encrypted. Reading the system's certificates takes time.

        Raises:
            ssl.SSLError: A certificate or key of the node is none.
        """
        if not self.config.url.lower().startswith("https:"):
            return None
        return client_context(self.credentials)

    @property
    def credentials(self) -> Credentials:
        return Credentials(trusted=self.config.ca_bundle, shown=self.config.client_certificate)

    def timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self._idle_timeout, connect=self._connect_timeout)

    def headers(self) -> dict[str, str]:
        headers = {"User-Agent": f"ADIT/{__version__}", "Accept-Encoding": "identity"}
        if self.config.authorization:
            headers["Authorization"] = self.config.authorization
        return headers


class Session:
    """A few connections to one server under one cancel token. Whoever opens it, closes it (a context manager)."""

    def __init__(self, web: Web, cancel: Cancellation) -> None:
        self._web = web
        self._cancel = cancel
        self._exits = ExitStack()
        self._sockets = Sockets(cancel, web.credentials)
        with self._told():
            transport = _Transport(self._sockets, web.tls)
        self._client = httpx.Client(
            transport=transport, headers=web.headers(), timeout=web.timeout(), follow_redirects=False, trust_env=False
        )
        self._exits.callback(self._client.close)
        self._exits.enter_context(cancel.closing(self._sockets.shut))

    def stop(self) -> None:
        """End its connections, wherever somebody is blocked in one. From any thread; never blocks."""
        self._sockets.shut()

    def close(self) -> None:
        self._exits.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, url: str, *, accept: str) -> Answer:
        """Ask for *url*. The answer, whose status is below 300, is for the caller to close.

        Raises:
            DicomError: There is none: HttpRefused, Unreachable, TimedOut, Canceled.
        """
        with self._told():
            return self._web.again(lambda: self._followed(url, accept))

    def post(
        self, url: str, content: Iterable[bytes | memoryview], *, length: int | None, content_type: str, accept: str
    ) -> Answer:
        """Send *content* once. The answer, whatever its status, is for the caller to close.

        Args:
            length: Bytes of *content*, where they are known.

        Raises:
            DicomError: There is no answer, or what *content* raises.
        """
        headers = {"Accept": accept, "Content-Type": content_type}
        # Everything that has bytes will do for h11, whatever the types of httpx say.
        if length is not None:
            headers["Content-Length"] = str(length)
        with self._told():
            request = self._client.build_request("POST", url, headers=headers, content=cast(Iterable[bytes], content))
            return self._asked(request)

    def _followed(self, url: str, accept: str) -> Answer:
        for _ in range(MOST_REDIRECTS):
            answer = self._waited_for(url, accept)
            if answer.status in REDIRECTS:
                answer.close()
                url = _redirected(httpx.URL(url), answer)
                continue
            if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                raise answer.refusal()
            return answer
        raise HttpRefused("it redirects in circles", status=HTTPStatus.FOUND)

    def _waited_for(self, url: str, accept: str) -> Answer:
        """The answer to a GET, asked again where the server says after how long."""
        left = LONGEST_WAIT
        for number in range(MOST_WAITS + 1):
            answer = self._asked(self._client.build_request("GET", url, headers={"Accept": accept}))
            seconds = answer.retry_after
            if seconds is None or seconds > left or number == MOST_WAITS:
                break
            answer.close()
            self._cancel.wait(seconds)
            left -= seconds
        return answer

    def _asked(self, request: httpx.Request) -> Answer:
        return Answer(self._client.send(request, stream=True), self._told)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Name the node in what goes wrong, in our own words."""
        try:
            try:
                yield
            except httpcore.RemoteProtocolError as error:
                raise ConnectionBroken("the server broke its answer off") from error
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                raise ConnectionBroken("the connection to the server broke off") from error
            except (httpcore.ProtocolError, httpcore.UnsupportedProtocol, httpx.InvalidURL) as error:
                raise Unusable(f"the address cannot be used: {error}") from error
            except ssl.SSLError as error:
                raise Unusable(f"a certificate of the node cannot be used: {error.reason or error}") from error
        except Canceled:
            raise
        except DicomError as error:
            # What breaks because of a cancel is not what anybody should hear of.
            self._cancel.check()
            raise error.on(self._web.name) from error


class _Transport(httpx.BaseTransport):
    """Requests of httpx over connections of our own."""

    def __init__(self, sockets: Sockets, tls: ssl.SSLContext | None) -> None:
        self._pool = httpcore.ConnectionPool(ssl_context=tls, network_backend=sockets)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        assert isinstance(request.stream, httpx.SyncByteStream)
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        assert isinstance(answer.stream, Iterable)
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Stream(answer), extensions=answer.extensions
        )

    def close(self) -> None:
        self._pool.close()


class _Stream(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def _redirected(url: httpx.URL, answer: Answer) -> str:
    """Where *answer* sends us, if that is the same server.

    Raises:
        HttpRefused: It is another: neither authorization nor certificate are shown to it.
    """
    try:
        target = url.join(answer.headers.get("Location", ""))
    except httpx.InvalidURL as error:
        raise HttpRefused("it redirects to an address that is none", status=answer.status) from error
    if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
        where = f"{target.scheme}://{target.netloc.decode('ascii', 'replace')}"
        words = f"it redirects to {where}: if that is right, enter that address on the node"
        raise HttpRefused(words, status=answer.status)
    return str(target)
