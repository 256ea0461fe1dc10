"""Base hook of all systems: error table, rate limits, retries, and no retry of an uncertain non-idempotent request.

:meth:`ApiHook.call` is the only way to send a request; the methods of Airflow's ``HttpHook`` that send are disabled
(:mod:`letting_sync.http.session`). Bodies and queries are never logged. The caller says whether a request may be sent
again (``repeatable``); if not, :class:`ResponseLost` is raised as soon as its effect is uncertain.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar

import requests
import tenacity
from airflow.sdk.exceptions import AirflowTaskTimeout
from requests.auth import AuthBase

from letting_sync.compat import add_to_metric
from letting_sync.errors import (
    AskedToWait,
    RefuseRecord,
    ResponseLost,
    StopRun,
    WaitAndRepeat,
    outside_a_task,
)
from letting_sync.http.clock import clock_hint, seconds_ahead
from letting_sync.http.deadline import deadline, is_single_try, seconds_left
from letting_sync.http.errors import Rule, failed_response, header_seconds, no_response, rule_for
from letting_sync.http.retry import LONGEST_WAIT, RetryableError, RetryPolicy, TokenRefused
from letting_sync.http.session import Bearer, SessionHook, refuse_plain_http
from letting_sync.http.token import OAUTH_FIELDS, TokenFields, bearer_token, token_lifetime
from letting_sync.locales.errors import error_of
from letting_sync.parsing.json_body import UnreadableJson, read_json
from letting_sync.parsing.responses import Row
from letting_sync.reasons import Reason

SECONDS_BETWEEN_LINES = 60.0
"""A system that keeps failing fills no log: so often a task says that it waits."""
_T = TypeVar("_T")
_R = TypeVar("_R")


_PIECE = 65_536
"""Bytes of a response decompressed at a time."""


@dataclass(frozen=True)
class _Call:
    """Parameters of :meth:`ApiHook.call`; each attempt sends one request."""

    method: str
    path: str
    what: str
    log_in: bool
    rules: Mapping[int | str, Rule]
    before_send: Callable[[], None] | None
    new_for_each_try: Callable[[], Mapping[str, Any]] | None
    request: Mapping[str, Any]


class LogIn(NamedTuple):
    """The outcome of an attempt to log in.

    :param sentence: for a person; neither personal nor secret.
    :param reached: whether the system answered.
    """

    accepted: bool
    sentence: str
    reached: bool = True


class ApiHook(SessionHook):
    """Base class of the systems' hooks. Subclasses define the endpoints; this class sends the requests.

    :cvar base_path: prefix of the path of every call.
    :cvar rules: the system's rows of the error table, by its own code or the HTTP status; they have precedence over
        :data:`~letting_sync.http.errors.COMMON_RULES`.
    :cvar documented_at: where the docs describe the interface.
    :cvar requests_per_minute: the limit of the contract, if it names one.
    :ivar clock_ahead: seconds by which this machine's clock was ahead of the system's at the last response that told it.
    :ivar limit_told: the limit that the last response named in ``X-RateLimit-Limit``.
    """

    documented_at: ClassVar[str] = "docs/contracts.md#before-the-first-run"
    requests_per_minute: ClassVar[int | None] = None
    base_path: ClassVar[str] = ""
    rules: ClassVar[Mapping[int | str, Rule]] = {}

    def __init__(self, http_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(http_conn_id, **kwargs)
        self._not_before = 0.0
        self._next_line = 0.0
        self._one_try = False
        self.clock_ahead: float | None = None
        self.limit_told: float | None = None
        self._places = threading.BoundedSemaphore(self.concurrency)
        self.calls = 0
        self.seconds_waited_for_limits = 0.0

    def close(self) -> None:
        """Close the session, and add the number of calls to Airflow's metrics."""
        if self._session is not None:
            tags = {"system": self.system}
            add_to_metric("prospects.api_calls", self.calls, tags)
            add_to_metric("prospects.seconds_waited_for_limits", round(self.seconds_waited_for_limits), tags)
        super().close()

    # --- test of the connection ---------------------------------------------------------------------------

    def test_connection(self) -> tuple[bool, str]:
        """Log in once, without retries.

        Nothing of the log-in is stored. Airflow's button *Test* calls it for connections of the system's own
        type. It tests those of type ``http`` with ``HttpHook``, which does not know the systems' log-ins.

        :returns: whether the log-in succeeded, and a sentence for the operator without secrets or personal data. No
            exception is raised.
        """
        attempt = self.try_log_in()
        return attempt.accepted, attempt.sentence

    def try_log_in(self) -> LogIn:
        """As :meth:`test_connection`; tells besides whether the system was reached."""
        self._one_try = True
        self.remember_nothing()
        try:
            self.session  # noqa: B018  # finds the host, and refuses one without TLS
            self.check_log_in()
        except RetryableError as error:
            return LogIn(
                False,
                f"{self.system} is not available through connection {self.http_conn_id!r}: {error}. Check its host and "
                "port, and that this machine can reach them. If they are correct, test again later.",
                reached=False,
            )
        except StopRun as stop:
            return LogIn(False, outside_a_task(stop))
        except (
            Exception
        ) as error:  # a malformed connection may raise anything, and its text may quote a secret
            return LogIn(
                False,
                f"Connection {self.http_conn_id!r} cannot be used ({type(error).__name__}): check its host, port and "
                "extra.",
            )
        finally:
            self._one_try = False
            self.close()
        return LogIn(True, f"{self.system} accepts the log-in of connection {self.http_conn_id!r}.")

    def remember_nothing(self) -> None:
        """Keep nothing of a log-in outside of this process. Nothing to do where a hook keeps nothing anyway."""

    def check_log_in(self) -> None:
        """Log in, even if a valid token is held. A hook that uses no token overrides this method.

        :raises WaitAndRepeat: the system cannot be reached.
        :raises StopRun: the log-in is refused.
        """
        self.fetch_token()

    # --- calls --------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        *,
        what: str,
        repeatable: bool = True,
        log_in: bool = False,
        before_send: Callable[[], None] | None = None,
        refusals: Collection[Reason] | None = None,
        rules: Mapping[int | str, Rule] | None = None,
        new_for_each_try: Callable[[], Mapping[str, Any]] | None = None,
        **request: Any,
    ) -> Any:
        """Send one request and return the JSON of the successful response.

        Connection errors and server errors are retried with exponential backoff and jitter; at a rate limit the call
        waits as long as the system asks.

        :param path: appended to the connection's address and ``base_path``. A log-in (``log_in``) may use an absolute
            URL instead, also of another host; it must be https, or the host must be local or private.
        :param what: the call in plain words for log and errors, e.g. ``"read applications"``.
        :param repeatable: whether the request may be sent again when its effect is uncertain.
        :param log_in: whether this call fetches a token and is therefore sent without one.
        :param before_send: called before each attempt, after all waits. If it raises, nothing is sent.
        :param refusals: reasons that the caller handles; a refusal with any other reason means that the interface is
            not as expected, and stops the run. ``None``: all reasons, but none if ``log_in`` is given.
        :param rules: rows of the error table for this call only; they have precedence over the hook's own.
        :param new_for_each_try: called before each attempt, after all waits; returns arguments of the request that must
            not be sent twice, e.g. ``{"data": form}`` with a signed assertion. They override those in ``request``.
            If it raises, nothing is sent.
        :param request: passed to ``requests`` (``json``, ``params``, ``data``, ``headers``, ``timeout``).
        :raises AskedToWait: the system asks for a longer wait than a task should spend in a worker slot.
        :raises WaitAndRepeat: the system cannot be reached or keeps failing.
        :raises ResponseLost: the request is not ``repeatable`` and may have taken effect.
        :raises RefuseRecord: the system refuses this record (``Action.REFUSE``).
        :raises StopRun: a retry cannot succeed (``Action.STOP``).
        """

        def is_retryable(error: BaseException) -> bool:
            if isinstance(error, TokenRefused):
                return self.uses_token and not log_in
            return isinstance(error, RetryableError) and (repeatable or not error.uncertain)

        table = {**self.rules, **(rules or {})}
        call = _Call(method, path, what, log_in, table, before_send, new_for_each_try, request)
        policy = RetryPolicy(once=self._tries_once)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_retryable),
            stop=policy.stop,
            wait=policy.pause,
            before_sleep=lambda state: self._log_retry(what, state),
            reraise=True,
        )
        try:
            return retrying(self._try, call)
        except RefuseRecord as refusal:
            # A log-in has no record to refuse, and the call that triggered it may handle the same reason.
            if not log_in and (refusals is None or refusal.reason in refusals):
                raise
            raise StopRun(
                f"{what}: {refusal.detail} This response is not expected for this call: check the connection's host "
                "and the interface's version."
            ) from None
        except (TokenRefused, RetryableError) as error:
            raise self._given_up(error, what, repeatable) from None

    @property
    def _tries_once(self) -> bool:
        return self._one_try or is_single_try()

    def _given_up(self, error: TokenRefused | RetryableError, what: str, repeatable: bool) -> Exception:
        """Return the exception that a call raises after its last attempt has failed."""
        if self._tries_once and isinstance(error, RetryableError):
            return error
        if isinstance(error, TokenRefused):
            return self._refused_log_in(error)
        values = {"system": self.system, "what": what, "error": str(error)}
        if error.uncertain and not repeatable:
            return error_of(ResponseLost, "response_lost", **values)
        if error.wait is None:
            return error_of(WaitAndRepeat, "not_available", **values)
        return error_of(AskedToWait, "not_available", error.wait, **values)

    def _refused_log_in(self, error: TokenRefused) -> StopRun:
        return error_of(
            StopRun,
            "log_in_refused",
            system=self.system,
            connection=repr(self.http_conn_id),
            settings=self.log_in_settings,
            hint=error.hint,
        )

    def _log_retry(self, what: str, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0.0
        if getattr(error, "wait", None) is not None:
            self.seconds_waited_for_limits += seconds
        with self._lock:
            if time.monotonic() < self._next_line:
                return
            self._next_line = time.monotonic() + SECONDS_BETWEEN_LINES
        self.log.info("%s: %s; retrying in %.1f s", what, error, seconds)

    def _try(self, call: _Call) -> Any:
        """Send one request; without a token each one is a log-in, so one at a time until one was accepted."""
        if not self.uses_token and not self._log_in_accepted:
            with self._lock:
                if not self._log_in_accepted:
                    body = self._send(call)
                    self._log_in_accepted = True
                    return body
        return self._send(call)

    def _send(self, call: _Call) -> Any:
        # Before the semaphore is acquired: the thread that renews the token needs it too, so a thread that holds it
        # must not wait for the token (deadlock).
        session, auth = self.session, Bearer(None) if call.log_in else self._auth()
        address = self._address(call.path, call.log_in)
        # The semaphore is acquired first, so that there is no wait between before_send, which checks a claim, and the
        # request.
        with self._places:
            self._wait_for_limit()
            if call.before_send:
                call.before_send()
            anew = call.new_for_each_try() if call.new_for_each_try else {}
            response, body = self._request(session, call.method, address, auth, {**call.request, **anew})
        hint = clock_hint(response) if call.log_in else ""
        ahead, told = seconds_ahead(response), header_seconds(response.headers.get("X-RateLimit-Limit"))
        self.clock_ahead = self.clock_ahead if ahead is None else ahead
        self.limit_told = self.limit_told if told is None else told
        if call.path.startswith("/"):
            self._note_limit(response)
        try:
            return self._judged(response, body, call, hint)
        except TokenRefused as refused:
            self._drop_token(auth)
            if not self.uses_token:
                self._log_in_refused = self._refused_log_in(refused)
            raise

    def _address(self, path: str, log_in: bool) -> str:
        """Return the URL of a call; only a log-in may use another host than the connection's."""
        if path.startswith("/"):
            return self.base_url.rstrip("/") + self.base_path + path
        if not log_in:
            raise ValueError("a path starts with a slash; only a log-in may use an absolute URL")
        refuse_plain_http(path, self.http_conn_id, "the URL of its log-in")
        return path

    def _request(
        self, session: requests.Session, method: str, address: str, auth: AuthBase, request: dict[str, Any]
    ) -> tuple[requests.Response, bytes | None]:
        """Send one request; return the response and its body, ``None`` for a body that is too large."""
        self.calls += 1
        connect, read = request.pop("timeout", None) or (self.limits.connect, self.limits.read)
        try:
            with deadline(self.limits.total):
                left = seconds_left() or 0.001
                response = session.request(
                    method,
                    address,
                    auth=auth,
                    allow_redirects=False,
                    # Passed with each request, since an environment variable would override the session's value.
                    verify=session.verify,
                    # The body is read below, up to the size limit.
                    stream=True,
                    timeout=(min(connect, left), min(read, left)),
                    **request,
                )
                with closing(response):
                    return response, _body(response, self.limits.largest)
        except requests.exceptions.RequestException as error:
            raise no_response(error, self.system, self.http_conn_id) from None
        except OSError:
            # ``requests`` raises a plain OSError for a missing file, before it opens a connection.
            raise StopRun(
                f"The file that the extra 'verify' or 'cert' of connection {self.http_conn_id!r} names cannot be "
                "read on this worker."
            ) from None

    def _judged(self, response: requests.Response, content: bytes | None, call: _Call, hint: str) -> Any:
        """Return the JSON of a successful response; raise the exception of the error table for any other."""
        body, objection = None, f"larger than the {self.limits.largest / 1e6:g} MB allowed"
        if content is not None:
            try:
                body, objection = read_json(content), "not JSON"
            except UnreadableJson as error:
                objection = str(error)
        if not 200 <= response.status_code < 300:
            code = self.error_code(body)
            rule = rule_for(call.rules, code, response.status_code)
            text = self.error_text(body)
            raise failed_response(response, code, rule, self.system, call.what, hint, text)
        if body is None:
            raise RetryableError(f"a response that is {objection}", uncertain=True)
        self.check_success(body)
        return body

    def error_code(self, body: Any) -> str | None:
        """Return the system's own code in an error's body, or ``None``. Subclasses override it."""
        del body
        return None

    def error_text(self, body: Any) -> str | None:
        """The system's own sentence in the body of an error, if it has one; it may quote a person."""
        del body
        return None

    def check_success(self, body: Any) -> None:
        """Raise if a response with status 2xx is an error, as with GraphQL. Does nothing by default."""

    def field(
        self,
        response: Any,
        name: str,
        kind: type[_T] | tuple[type[_T], ...],
        *,
        repeatable: bool = True,
    ) -> _T:
        """Return a field that the contract requires in a response.

        :param response: the JSON that :meth:`call` returned.
        :param kind: required type of the value.
        :raises StopRun: the field is missing or of another type: the interface has changed, a retry does not help.
        :raises ResponseLost: the same for a call that is not ``repeatable``, since it did take effect.
        """
        value = response.get(name) if isinstance(response, Mapping) else None
        if isinstance(value, kind):
            return value
        sentence = (
            f"{self.system}: a response has no readable field {name!r}; the interface may have changed. Check the "
            "connection's host and the interface's version."
        )
        raise StopRun(sentence) if repeatable else ResponseLost(sentence)

    def text_field(self, response: Any, name: str, *, repeatable: bool = True) -> str:
        """Like :meth:`field`, for an identifier; a whole number (``4711``, ``4711.0``) is returned as a string."""
        try:
            return Row(self.system, response).required(name)
        except StopRun as unreadable:
            raise unreadable if repeatable else ResponseLost(str(unreadable)) from None

    def oauth_token(self, response: Any) -> tuple[str, float]:
        """Return the access token of a token endpoint's response, and its lifetime in seconds.

        Published: RFC 6749, 5.1. Only ``access_token`` is required, see :func:`bearer_token` and
        :func:`token_lifetime`.

        :param response: the JSON that :meth:`call` returned.
        :raises StopRun: the response has no token that can be used as Bearer.
        """
        return self.access_token(response), token_lifetime(response.get("expires_in"))

    def access_token(self, response: Any, fields: TokenFields = OAUTH_FIELDS) -> str:
        """Return the access token of a log-in's response.

        :param fields: names of the fields with the token and its type.
        :raises StopRun: the response has no token that can be used as Bearer.
        """
        found, objection = bearer_token(response, fields)
        if found is None:
            raise StopRun(
                f"{self.system}: the log-in succeeded, but {objection}; the interface may have changed. Check the "
                "connection's host and the interface's version."
            )
        return found

    def retryable_in_success(self, message: str, *, uncertain: bool = True) -> WaitAndRepeat:
        """Return the exception that :meth:`check_success` raises for a retryable error in a 2xx response."""
        return RetryableError(message, uncertain=uncertain)

    def token_refused_in_success(self, message: str) -> Exception:
        """Return the exception that :meth:`check_success` raises for an expired token in a 2xx response."""
        return TokenRefused(message)

    # --- limits -------------------------------------------------------------------------------------------

    def _note_limit(self, response: requests.Response) -> None:
        """Store when a rate limit with ``X-RateLimit-Remaining: 0`` is reset, so that the next call waits for it."""
        if response.headers.get("X-RateLimit-Remaining") == "0":
            reset = header_seconds(response.headers.get("X-RateLimit-Reset"))
            if reset is not None:
                with self._lock:
                    self._not_before = time.monotonic() + min(reset, LONGEST_WAIT)

    def _wait_for_limit(self) -> None:
        wait = self._not_before - time.monotonic()
        if wait > 0:
            left = seconds_left()
            if left is not None and wait > left:
                raise RetryableError("the rate limit is used up", uncertain=False, wait=wait)
            self.log.info("%s: the rate limit is used up; continuing in %.1f s", self.system, wait)
            self.seconds_waited_for_limits += wait
            time.sleep(wait)

    # --- many calls ---------------------------------------------------------------------------------------

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Yield ``function(item)`` for each item, in order, with ``concurrency`` items at a time.

        Calls may be nested: a hook never has more than ``concurrency`` requests in flight in all.
        """
        with self.executor() as executor:
            yield from executor.map(function, items)

    @contextmanager
    def executor(self) -> Iterator[Executor]:
        """Yield threads for calls, ``concurrency`` at a time, which have all ended afterwards.

        When the task's ``execution_timeout`` is over, a call that hangs is not waited for; its thread ends with the process.
        """
        self.session  # noqa: B018  # opened here: Airflow hands connections to the task's own thread
        pool, wait = ThreadPoolExecutor(self.concurrency, thread_name_prefix=self.system), True
        try:
            yield pool
        except AirflowTaskTimeout:
            wait = False
            raise
        finally:
            pool.shutdown(wait=wait, cancel_futures=not wait)


def _body(response: requests.Response, largest: int) -> bytes | None:
    """Return the decompressed body; ``None`` if it exceeds ``largest`` bytes, in which case the rest is not read."""
    length = response.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > largest:
        return None
    pieces, size = [], 0
    for piece in response.iter_content(_PIECE):
        size += len(piece)
        if size > largest:
            return None
        pieces.append(piece)
    return b"".join(pieces)
