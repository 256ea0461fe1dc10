"""How every hook of ours calls: one table of answers, limits that are waited for, and no repetition on a doubt.

:meth:`ApiHook.call` is the only way to send something; those of Airflow's ``HttpHook`` are closed (``api_session``).
Neither bodies nor queries reach a log. A call says whether it may be repeated (``repeatable``), and one that may not
raises :class:`ResponseLost` as soon as its effect is uncertain.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import requests
import tenacity
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.observability import stats
from requests.auth import AuthBase

from letting_sync.errors import RefuseRecord, ResponseLost, StopRun, WaitAndRepeat
from letting_sync.http.clock import clock_hint
from letting_sync.http.deadline import deadline, is_single_try, seconds_left
from letting_sync.http.errors import Rule, failed_response, header_seconds, no_response, rule_for
from letting_sync.http.retry import LONGEST_WAIT, RetryableError, RetryPolicy, TokenRefused
from letting_sync.http.session import Bearer, SessionHook, refuse_plain_http
from letting_sync.http.token import OAUTH_FIELDS, TokenFields, bearer_token, token_lifetime
from letting_sync.parsing.json_body import UnreadableJson, read_json
from letting_sync.parsing.responses import Row
from letting_sync.reasons import Reason

_T = TypeVar("_T")
_R = TypeVar("_R")


_PIECE = 65_536
"""Bytes of a response that are decompressed at a time."""


@dataclass(frozen=True)
class _Call:
    """One call as :meth:`ApiHook.call` describes it; each try makes one request of it."""

    method: str
    path: str
    what: str
    log_in: bool
    rules: Mapping[int | str, Rule]
    before_send: Callable[[], None] | None
    new_for_each_try: Callable[[], Mapping[str, Any]] | None
    request: Mapping[str, Any]


class ApiHook(SessionHook):
    """Base of the four hooks: how to call, not what.

    :cvar base_path: stands before every path of a call.
    :cvar rules: the system's own rows of the table of answers, by its code or the HTTP status; they come before the
        common ones.
    """

    base_path: ClassVar[str] = ""
    rules: ClassVar[Mapping[int | str, Rule]] = {}

    def __init__(self, http_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(http_conn_id, **kwargs)
        self._not_before = 0.0
        self._one_try = False
        self._places = threading.BoundedSemaphore(self.concurrency)
        self.calls = 0
        self.seconds_waited_for_limits = 0.0

    def close(self) -> None:
        """Give the connections back, and count the calls into Airflow's metrics."""
        if self._session is not None:
            tags = {"system": self.system}
            stats.incr("prospects.api_calls", self.calls, tags=tags)
            stats.incr(
                "prospects.seconds_waited_for_limits", round(self.seconds_waited_for_limits), tags=tags
            )
        super().close()

    # --- test of the connection ---------------------------------------------------------------------------

    def test_connection(self) -> tuple[bool, str]:
        """Log in once, without repetitions: ``(True, sentence)`` or ``(False, sentence that says what to do)``.

        Nothing personal and no secret is in the sentence, and no exception is raised. Airflow's own page and command
        test a connection of the type ``http`` with ``HttpHook``, which knows none of our log-ins; so this is called
        with the hook itself, e.g. ``YuneoHook("yuneo").test_connection()``.
        """
        self._one_try = True
        try:
            self.session  # noqa: B018  # finds the host, and refuses one without TLS
            self.check_log_in()
        except RetryableError as error:
            return False, (
                f"{self.system} does not serve connection {self.http_conn_id!r} now: {error}. Check its host and "
                "port, and that this machine may reach them; if they are right, test again later."
            )
        except StopRun as stop:
            return False, str(stop).replace(", then clear the task", "")
        except AirflowNotFoundException:
            return False, f"There is no connection {self.http_conn_id!r}: create it, see docs/deployment.md."
        except Exception as error:  # whatever a connection may hold; the text of the error may quote it
            return False, (
                f"Connection {self.http_conn_id!r} cannot be used ({type(error).__name__}): check its host, port and "
                "extra."
            )
        finally:
            self._one_try = False
            self.close()
        return True, f"{self.system} accepts the log-in of connection {self.http_conn_id!r}."

    def check_log_in(self) -> None:
        """Log in, whether or not there is a token still; raises whatever is wrong. A hook without a token says how."""
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
        """Make one call and return the JSON of its answer, a success.

        Broken lines and faults of the system are tried again with backoff and jitter, limits are waited for
        as long as the system asks.

        :param path: stands behind the connection's address and ``base_path``. A log-in (``log_in``) may be at an
            absolute address instead, also of another host; it must be https, or local or private.
        :param what: the call in plain words for log and errors, e.g. ``"read applications"``.
        :param repeatable: whether the call may be sent again after its effect became uncertain.
        :param log_in: whether this call fetches a token and therefore carries none.
        :param before_send: called before each try, after all waits; what it raises ends the call unsent.
        :param refusals: reasons the caller knows how to treat; any other refusal says that the interface is not
            what we take it for, and stops the run. ``None``: all, but none where ``log_in`` is given.
        :param rules: rows of the table of answers for this call alone; they come before the hook's own.
        :param new_for_each_try: called before each try, after all waits; returns parts of the request that must not be
            sent twice, e.g. ``{"data": form}`` with a signed assertion that has an id and a time of its own. They
            come before those of ``request``. What it raises ends the call unsent.
        :param request: passed to ``requests`` (``json``, ``params``, ``data``, ``headers``, ``timeout``).
        :raises WaitAndRepeat: the system cannot be reached or keeps failing.
        :raises ResponseLost: not ``repeatable``, and it may have taken effect.
        :raises RefuseRecord: the table of answers says that this record cannot be taken.
        :raises StopRun: the table of answers says that repeating is pointless.
        """

        def is_retryable(error: BaseException) -> bool:
            if isinstance(error, TokenRefused):
                return self.uses_token and not log_in
            return isinstance(error, RetryableError) and (repeatable or not error.uncertain)

        table = {**self.rules, **(rules or {})}
        call = _Call(method, path, what, log_in, table, before_send, new_for_each_try, request)
        policy = RetryPolicy()
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_retryable),
            stop=tenacity.stop_after_attempt(1) if self._tries_once else policy.stop,
            wait=policy.pause,
            before_sleep=lambda state: self._log_retry(what, state),
            reraise=True,
        )
        try:
            return retrying(self._try, call)
        except RefuseRecord as refusal:
            # A log-in has no record that could be refused; and the call that needs it may know the same reason.
            if not log_in and (refusals is None or refusal.reason in refusals):
                raise
            raise StopRun(
                f"{what}: {refusal.detail} That is no answer to this call: check the connection's host and the "
                "interface's version."
            ) from None
        except (TokenRefused, RetryableError) as error:
            raise self._given_up(error, what, repeatable) from None

    @property
    def _tries_once(self) -> bool:
        return self._one_try or is_single_try()

    def _given_up(self, error: TokenRefused | RetryableError, what: str, repeatable: bool) -> Exception:
        """What a call ends with when its last try failed."""
        if self._tries_once and isinstance(error, RetryableError):
            return error
        if isinstance(error, TokenRefused):
            return StopRun(
                f"{self.system} refuses the log-in of connection {self.http_conn_id!r}. Correct its "
                f"{self.log_in_settings}, then clear the task.{error.hint}"
            )
        if error.uncertain and not repeatable:
            return ResponseLost(f"{self.system}: {what}: {error}; it may have taken effect")
        return WaitAndRepeat(
            f"{self.system}: {what}: {error}. Nothing is lost: Airflow tries again; when its tries are "
            f"used up, clear the task once {self.system} answers."
        )

    def _log_retry(self, what: str, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0.0
        if getattr(error, "wait", None) is not None:
            self.seconds_waited_for_limits += seconds
        self.log.info("%s: %s; again in %.1f s", what, error, seconds)

    def _try(self, call: _Call) -> Any:
        # Before a place is taken: whoever renews the token waits for one, so nobody who has one may wait for the token.
        session, auth = self.session, Bearer(None) if call.log_in else self._auth()
        address = self._address(call.path, call.log_in)
        # A place first, so that nothing is waited for between the last look at a claim and the request.
        with self._places:
            self._wait_for_limit()
            if call.before_send:
                call.before_send()
            anew = call.new_for_each_try() if call.new_for_each_try else {}
            response, body = self._request(session, call.method, address, auth, {**call.request, **anew})
        hint = clock_hint(response) if call.log_in else ""
        if call.path.startswith("/"):
            self._note_limit(response)
        try:
            return self._judged(response, body, call, hint)
        except TokenRefused:
            self._drop_token(auth)
            raise

    def _address(self, path: str, log_in: bool) -> str:
        """The address of a call; only a log-in may go to another than the connection's."""
        if path.startswith("/"):
            return self.base_url.rstrip("/") + self.base_path + path
        if not log_in:
            raise ValueError("a path starts with a slash; only a log-in may be at an absolute address")
        refuse_plain_http(path, self.http_conn_id, "the address it logs in at")
        return path

    def _request(
        self, session: requests.Session, method: str, address: str, auth: AuthBase, request: dict[str, Any]
    ) -> tuple[requests.Response, bytes | None]:
        """Make one request; returns the response with its body, ``None`` for one that is too large."""
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
                    # Given with each request, since an environment variable would win over the session's value.
                    verify=session.verify,
                    # The body is read below, as far as it is not too large.
                    stream=True,
                    timeout=(min(connect, left), min(read, left)),
                    **request,
                )
                with closing(response):
                    return response, _body(response, self.limits.largest)
        except requests.exceptions.RequestException as error:
            raise no_response(error, self.system, self.http_conn_id) from None
        except OSError:
            # ``requests`` says so in a plain OSError, before it opens a connection.
            raise StopRun(
                f"The file that the extra 'verify' or 'cert' of connection {self.http_conn_id!r} names cannot be "
                "read on this worker."
            ) from None

    def _judged(self, response: requests.Response, content: bytes | None, call: _Call, hint: str) -> Any:
        """Sort an answer by the call's table; returns its JSON if it is a success."""
        body, objection = None, f"larger than the {self.limits.largest / 1e6:g} MB allowed"
        if content is not None:
            try:
                body, objection = read_json(content), "not JSON"
            except UnreadableJson as error:
                objection = str(error)
        if not 200 <= response.status_code < 300:
            code = self.error_code(body)
            rule = rule_for(call.rules, code, response.status_code)
            raise failed_response(response, code, rule, self.system, call.what, hint)
        if body is None:
            raise RetryableError(f"an answer that is {objection}", uncertain=True)
        self.check_success(body)
        return body

    def error_code(self, body: Any) -> str | None:
        """The system's own code in the body of an error, if it has one."""
        del body
        return None

    def check_success(self, body: Any) -> None:
        """Raise if an answer with status 2xx is an error after all. Nothing by default."""

    def field(
        self,
        response: Any,
        name: str,
        kind: type[_T] | tuple[type[_T], ...],
        *,
        repeatable: bool = True,
    ) -> _T:
        """One field that an answer must have by the contract.

        :param answer: the JSON that :meth:`call` returned.
        :param kind: the type its value must have.
        :raises StopRun: if it is not there: the interface has changed, and repeating does not help.
        :raises ResponseLost: the same for a call that is not ``repeatable``: it did take effect.
        """
        value = response.get(name) if isinstance(response, Mapping) else None
        if isinstance(value, kind):
            return value
        sentence = (
            f"{self.system}: an answer has no readable field {name!r}; the interface may have changed. Check the "
            "connection's host and the interface's version."
        )
        raise StopRun(sentence) if repeatable else ResponseLost(sentence)

    def text_field(self, response: Any, name: str, *, repeatable: bool = True) -> str:
        """Like :meth:`field`, for a number or code: a text as it stands, a whole number (``4711``, ``4711.0``) as text."""
        try:
            return Row(self.system, response).required(name)
        except StopRun as unreadable:
            raise unreadable if repeatable else ResponseLost(str(unreadable)) from None

    def oauth_token(self, response: Any) -> tuple[str, float]:
        """The access token of a token end point's answer, and its lifetime in seconds.

        Published: RFC 6749, 5.1; only its ``access_token`` must be there, see :func:`bearer_token` and
        :func:`token_lifetime`.

        :param answer: the JSON that :meth:`call` returned.
        :raises StopRun: no token that can be used as Bearer.
        """
        return self.access_token(response), token_lifetime(response.get("expires_in"))

    def access_token(self, response: Any, fields: TokenFields = OAUTH_FIELDS) -> str:
        """The access token of an answer.

        :param fields: where the answer has it.
        :raises StopRun: no token that can be used as Bearer.
        """
        found, objection = bearer_token(response, fields)
        if found is None:
            raise StopRun(
                f"{self.system}: the log-in succeeded, but {objection}; the interface may have changed. Check the "
                "connection's host and the interface's version."
            )
        return found

    def retryable_in_success(self, message: str, *, uncertain: bool = True) -> WaitAndRepeat:
        """What :meth:`check_success` raises for an error in a 2xx that a repetition may mend."""
        return RetryableError(message, uncertain=uncertain)

    def token_refused_in_success(self, message: str) -> Exception:
        """What :meth:`check_success` raises for a 2xx that says the token ran out: it is renewed once more."""
        return TokenRefused(message)

    # --- limits -------------------------------------------------------------------------------------------

    def _note_limit(self, response: requests.Response) -> None:
        """Remember a used-up ``X-RateLimit-Remaining``, so that the next call waits instead of failing."""
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
                raise RetryableError("the limit of requests is used up", uncertain=False, wait=wait)
            self.log.info("%s: the limit of requests is used up; going on in %.1f s", self.system, wait)
            self.seconds_waited_for_limits += wait
            time.sleep(wait)

    # --- many calls ---------------------------------------------------------------------------------------

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Yield ``function(item)`` for each item in their order, ``concurrency`` items at a time.

        The function may do the same with calls of its own: of all requests of a hook as many are under way at most.
        """
        self.session  # noqa: B018  # opened here: Airflow hands connections to the task's own thread
        with ThreadPoolExecutor(self.concurrency, thread_name_prefix=self.system) as pool:
            yield from pool.map(function, items)


def _body(response: requests.Response, largest: int) -> bytes | None:
    """The response's body, decompressed; ``None`` as soon as it is larger than that, the rest is not read."""
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
