"""What every hook of ours needs beyond Airflow's ``HttpHook``: one session, one token, one table of answers.

``HttpHook`` contributes the connection, the base URL, TLS settings and the keep-alive adapter. Four of its
habits do not fit personal data and imports that are not idempotent, and are replaced here:

* ``run()`` makes a session for every call; here a task holds **one**, with a pool of kept-alive connections;
* ``check_response()`` logs the body of an error, ``run_and_check()`` logs the exception with its query; here
  neither bodies nor queries reach a log;
* unknown keys of the connection's extra become HTTP headers, a client secret too; here they stay settings;
* everything may be repeated; here a call says whether it may (``repeatable``), and one that may not raises
  :class:`AnswerLost` as soon as its effect is uncertain.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk.observability import stats
from requests.auth import AuthBase
from requests_toolbelt.adapters.socket_options import TCPKeepAliveAdapter
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from include.prospects.errors import AnswerLost, RefuseRecord, StopRun, WaitAndRepeat

_T = TypeVar("_T")
_R = TypeVar("_R")


class Action(Enum):
    """What to do with an answer that is not a success."""

    REPEAT = "the system refused before it did anything: wait and repeat"
    UNCERTAIN = "it may or may not have taken effect: repeat only what may be repeated"
    RENEW = "the token ran out: fetch a new one and repeat"
    REFUSE = "this record cannot be taken: quarantine it, go on"
    STOP = "nothing that repeating mends: fail the run at once"


@dataclass(frozen=True)
class Rule:
    """One row of a hook's table of answers.

    :param sentence: what it means, for the person on call.
    :param reason: reason code of the quarantine table; only with ``Action.REFUSE``.
    """

    action: Action
    sentence: str
    reason: str = ""


COMMON_RULES: dict[int | str, Rule] = {
    400: Rule(Action.STOP, "the request as a whole was refused as malformed; the interface may have changed"),
    401: Rule(Action.RENEW, "the token ran out"),
    403: Rule(Action.STOP, "the technical user lacks a right it needs"),
    404: Rule(Action.STOP, "the address is unknown; check the connection's host and the interface's version"),
    408: Rule(Action.UNCERTAIN, "the system gave up waiting"),
    413: Rule(Action.STOP, "the batch is larger than the system takes"),
    429: Rule(Action.REPEAT, "the limit of requests is reached"),
    500: Rule(Action.UNCERTAIN, "the system reports a fault of its own"),
    502: Rule(Action.UNCERTAIN, "a gateway in front of the system got no answer"),
    503: Rule(Action.REPEAT, "the system is not available, perhaps under maintenance"),
    504: Rule(Action.UNCERTAIN, "a gateway in front of the system got no answer in time"),
}

FAILURES_IN_A_ROW = 6
"""Tries of one call on a broken line before Airflow's retry of the task takes over (about half a minute)."""
LONGEST_WAIT = 300.0
"""Seconds. A system that asks for a longer wait gets it from Airflow's retry, not from a worker slot."""
LONGEST_WAITS_TOGETHER = 900.0
"""Seconds that one call may wait in all because the system asked it to."""
RENEWALS_IN_A_ROW = 4
"""A token that is refused this often, although fresh, is a right that is missing."""


class _Trouble(WaitAndRepeat):
    """One failed try of a call, with what the retry loop has to know about it.

    :param uncertain: it may have taken effect.
    :param wait: seconds the system asked for; such a wait is ordinary and does not count as a failure.
    """

    def __init__(self, message: str, *, uncertain: bool, wait: float | None = None) -> None:
        super().__init__(message)
        self.uncertain = uncertain
        self.wait = wait


class _TokenRefused(Exception):
    """401: the token ran out on the way."""


@dataclass
class _Patience:
    """How long one call is tried; ``tenacity`` asks it after each failed try whether to stop."""

    failures: int = 0
    renewals: int = 0
    waited: float = 0.0

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _TokenRefused):
            self.renewals += 1
            return self.renewals > RENEWALS_IN_A_ROW
        if isinstance(error, _Trouble) and error.wait is not None:
            # A system that always says "now" is waited for no longer than one that says "in a second".
            self.waited += max(error.wait, 1.0)
            return error.wait > LONGEST_WAIT or self.waited > LONGEST_WAITS_TOGETHER
        self.failures += 1
        return self.failures >= FAILURES_IN_A_ROW


_BACKOFF = tenacity.wait_exponential_jitter(initial=0.25, max=15, jitter=0.5)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, _TokenRefused):
        return 0.0
    asked = getattr(error, "wait", None)
    return float(_BACKOFF(state)) if asked is None else asked


class _Bearer(AuthBase):
    """Sets the header on each request; an explicit auth also keeps ``requests`` from reading a ``.netrc``."""

    def __init__(self, token: str | None) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class ApiHook(HttpHook):
    """Base of the four hooks: how to call, not what.

    :param http_conn_id: Airflow connection; host, login, password and the extras ``verify`` (path of a CA
        file) and ``timeout`` (seconds to wait for an answer, default 60).
    :param connection: the connection itself, where it cannot be asked for (in a trigger's thread).
    :param concurrency: connections kept open, and calls that :meth:`concurrently` has under way at a time.
    """

    system: ClassVar[str] = "the system"
    base_path: ClassVar[str] = ""
    rules: ClassVar[Mapping[int | str, Rule]] = {}
    uses_token: ClassVar[bool] = True
    most_concurrency: ClassVar[int] = 4

    def __init__(
        self, http_conn_id: str | None = None, *, concurrency: int | None = None, connection: Any = None
    ) -> None:
        self.concurrency = concurrency or self.most_concurrency
        super().__init__(
            http_conn_id=http_conn_id or self.default_conn_name,
            adapter=TCPKeepAliveAdapter(pool_connections=1, pool_maxsize=self.concurrency, pool_block=True),
        )
        self._connection = connection
        self._session: requests.Session | None = None
        self._token: str | None = None
        self._token_ends = 0.0
        self._not_before = 0.0
        self._lock = threading.RLock()
        self.calls = 0
        self.seconds_waited_for_limits = 0.0

    # --- connection and session ---------------------------------------------------------------------------

    def _configure_session_from_auth(self, session: requests.Session, connection: Any) -> requests.Session:
        """Leave the log-in to :meth:`_auth`: ``HttpHook`` would send it as HTTP Basic to every address."""
        del connection
        return session

    def _configure_session_from_extra(
        self, session: requests.Session, connection: Any, extra_options: dict[str, Any]
    ) -> requests.Session:
        """Take the transport settings; do not turn the rest of the extra into headers as ``HttpHook`` does."""
        headers = dict(session.headers)
        session = super()._configure_session_from_extra(session, connection, extra_options)
        session.headers.clear()
        session.headers.update(headers)
        if not session.verify:
            raise StopRun(
                f"Connection {self.http_conn_id!r} switches TLS verification off. Set the extra 'verify' to "
                "the path of the CA file instead."
            )
        return session

    @property
    def connection(self) -> Any:
        """The Airflow connection behind this hook."""
        if self._connection is None:
            self._connection = super().get_connection(self.http_conn_id)
        return self._connection

    def get_connection(self, conn_id: str) -> Any:  # type: ignore[override]
        """The connection handed in, where there is one: a trigger must not ask for it in its thread."""
        del conn_id
        return self.connection

    @property
    def session(self) -> requests.Session:
        """The one session of this task, opened on first use."""
        with self._lock:
            if self._session is None:
                self._session = self.get_conn()
                self._refuse_plain_http()
                self._session.headers["Accept"] = "application/json"
                self.log.info("talking to %s through connection %r", self.system, self.http_conn_id)
            return self._session

    def _refuse_plain_http(self) -> None:
        """Passwords and personal data travel in the open only inside a machine or its private network."""
        address = urlsplit(self.base_url)
        if address.scheme != "https" and not _is_near(address.hostname or ""):
            raise StopRun(
                f"Connection {self.http_conn_id!r} would talk to {address.hostname!r} without TLS. Give its host as "
                "https://… , then clear the task."
            )

    def close(self) -> None:
        """Give the connections back, and count the calls into Airflow's metrics."""
        if self._session is not None:
            self._session.close()
            self._session = None
            tags = {"system": self.system}
            stats.incr("prospects.api_calls", self.calls, tags=tags)
            stats.incr(
                "prospects.seconds_waited_for_limits", round(self.seconds_waited_for_limits), tags=tags
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _timeout(self) -> tuple[float, float]:
        extra = self.connection.extra_dejson
        return float(extra.get("connect_timeout", 10)), float(extra.get("timeout", 60))

    # --- token --------------------------------------------------------------------------------------------

    def fetch_token(self) -> tuple[str, float]:
        """Ask the system for a token; returns it with its lifetime in seconds. Each hook says how."""
        raise NotImplementedError

    def _auth(self) -> AuthBase:
        if not self.uses_token:
            raise NotImplementedError
        with self._lock:
            if self._token is None or time.monotonic() >= self._token_ends:
                token, lifetime = self.fetch_token()
                # A tenth of its life as a margin, so that it does not run out on its way.
                self._token, self._token_ends = token, time.monotonic() + 0.9 * lifetime
            return _Bearer(self._token)

    def _drop_token(self, refused: AuthBase) -> None:
        """Forget the refused token unless another thread has renewed it already."""
        with self._lock:
            if isinstance(refused, _Bearer) and refused.token == self._token:
                self._token = None

    # --- calls --------------------------------------------------------------------------------------------

    def call(
        self,
        method: str,
        path: str,
        *,
        what: str,
        repeatable: bool = True,
        log_in: bool = False,
        going_out: Callable[[], None] | None = None,
        refusals: Collection[str] | None = None,
        **request: Any,
    ) -> requests.Response:
        """Make one call and return its answer, a success with readable JSON.

        Broken lines and faults of the system are tried again with backoff and jitter, limits are waited for
        as long as the system asks.

        :param what: the call in plain words for log and errors, e.g. ``"read applications"``.
        :param repeatable: whether the call may be sent again after its effect became uncertain.
        :param log_in: a call that fetches a token and therefore carries none.
        :param going_out: called before each try, after all waits; what it raises ends the call unsent.
        :param refusals: reasons the caller knows how to treat; any other refusal says that the interface is not
            what we take it for, and stops the run. ``None``: all.
        :param request: passed to ``requests`` (``json``, ``params``, ``data``, ``headers``, ``timeout``).
        :raises WaitAndRepeat: the system cannot be reached or keeps failing.
        :raises AnswerLost: not ``repeatable``, and it may have taken effect.
        :raises RefuseRecord: the table of answers says that this record cannot be taken.
        :raises StopRun: the table of answers says that repeating is pointless.
        """

        def worth_another_try(error: BaseException) -> bool:
            if isinstance(error, _TokenRefused):
                return self.uses_token and not log_in
            return isinstance(error, _Trouble) and (repeatable or not error.uncertain)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(worth_another_try),
            stop=_Patience(),
            wait=_wait,
            before_sleep=lambda state: self._tell(what, state),
            reraise=True,
        )
        try:
            return retrying(
                self._try, method, path, what=what, log_in=log_in, going_out=going_out, request=request
            )
        except RefuseRecord as refusal:
            if refusals is None or refusal.reason in refusals:
                raise
            raise StopRun(
                f"{what}: {refusal.detail} That is no answer to this call: check the connection's host and the "
                "interface's version."
            ) from None
        except _TokenRefused:
            raise StopRun(
                f"{self.system} refuses the log-in of connection {self.http_conn_id!r}. Correct its login and "
                "password, then clear the task."
            ) from None
        except _Trouble as trouble:
            if trouble.uncertain and not repeatable:
                raise AnswerLost(f"{self.system}: {what}: {trouble}; it may have taken effect") from None
            raise WaitAndRepeat(
                f"{self.system}: {what}: {trouble}. Nothing is lost: Airflow tries again; when its tries are "
                f"used up, clear the task once {self.system} answers."
            ) from None

    def _tell(self, what: str, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0.0
        if getattr(error, "wait", None) is not None:
            self.seconds_waited_for_limits += seconds
        self.log.info("%s: %s; again in %.1f s", what, error, seconds)

    def _try(
        self,
        method: str,
        path: str,
        *,
        what: str,
        log_in: bool,
        going_out: Callable[[], None] | None,
        request: dict[str, Any],
    ) -> requests.Response:
        auth = _Bearer(None) if log_in else self._auth()
        self._wait_for_limit()
        session = self.session
        if going_out:
            going_out()
        self.calls += 1
        try:
            response = session.request(
                method,
                self.base_url.rstrip("/") + self.base_path + path,
                auth=auth,
                allow_redirects=False,
                # Given with each request, since an environment variable would win over the session's value.
                verify=session.verify,
                # The body is read here too, where a line that breaks in it is caught.
                stream=False,
                **({"timeout": self._timeout} | request),
            )
        except requests.exceptions.RequestException as error:
            raise self._no_answer(error) from None
        except OSError:
            # ``requests`` says so in a plain OSError, before it opens a connection.
            raise StopRun(
                f"The file that the extra 'verify' or 'cert' of connection {self.http_conn_id!r} names cannot be "
                "read on this worker."
            ) from None
        self._note_limit(response)
        try:
            self._judge(response, what)
        except _TokenRefused:
            self._drop_token(auth)
            raise
        return response

    def _no_answer(self, error: requests.exceptions.RequestException) -> Exception:
        """Sort a failed request. Its own text holds the URL with its query; only its kind may be told."""
        if _is_unverified(error):
            return StopRun(
                f"{self.system} shows a certificate that cannot be verified; set the extra 'verify' of "
                f"connection {self.http_conn_id!r} to its CA file."
            )
        if isinstance(error, _NO_ADDRESS):
            return StopRun(f"The host of connection {self.http_conn_id!r} is no address of an HTTP server.")
        return _Trouble(f"no answer ({type(error).__name__})", uncertain=not _never_sent(error))

    def _judge(self, response: requests.Response, what: str) -> None:
        """Sort an answer by the hook's table; returns if it is a success."""
        status = response.status_code
        body = _json_or_none(response)
        if 200 <= status < 300:
            if body is None:
                raise _Trouble("an answer that is not JSON", uncertain=True)
            self.check_success(response, body)
            return
        code = self.error_code(body)
        rule = self._rule(code, status)
        # What stands where a code should be may be a sentence about somebody.
        told = f"{rule.sentence} ({code if code and _A_CODE.fullmatch(code) else status})"
        if rule.action is Action.RENEW:
            raise _TokenRefused(told)
        if rule.action is Action.REPEAT:
            wait = _retry_after(response)
            if wait is None and status == 429:
                wait = _seconds(response.headers.get("X-RateLimit-Reset"))
            # 503 without Retry-After comes from whatever stands in front of the system: it may be uncertain.
            raise _Trouble(told, uncertain=status == 503 and wait is None, wait=wait)
        if rule.action is Action.UNCERTAIN:
            raise _Trouble(told, uncertain=True, wait=_retry_after(response))
        if rule.action is Action.REFUSE:
            raise RefuseRecord(rule.reason, f"{self.system}: {rule.sentence}.")
        raise StopRun(
            f"{self.system}: {what}: {told}. Repeating does not help; mend this, then clear the task."
        )

    def _rule(self, code: str | None, status: int) -> Rule:
        for key in (code, status):
            rule = self.rules.get(key) or COMMON_RULES.get(key) if key is not None else None
            if rule:
                return rule
        if status >= 500:
            return Rule(Action.UNCERTAIN, "the system reports a fault of its own")
        return Rule(Action.STOP, "the system refuses the request")

    def error_code(self, body: Any) -> str | None:
        """The system's own code in the body of an error, if it has one."""
        del body
        return None

    def check_success(self, response: requests.Response, body: Any) -> None:
        """Raise if an answer with status 2xx is an error after all. Nothing by default."""

    def field(
        self,
        response: requests.Response,
        name: str,
        kind: type | tuple[type, ...] | None = None,
        *,
        repeatable: bool = True,
    ) -> Any:
        """One field that an answer must have by the contract.

        :param kind: the type its value must have.
        :raises StopRun: if it is not there: the interface has changed, and repeating does not help.
        :raises AnswerLost: the same for a call that is not ``repeatable``: it did take effect.
        """
        body = response.json()
        if isinstance(body, Mapping) and name in body and (kind is None or isinstance(body[name], kind)):
            return body[name]
        sentence = f"{self.system}: an answer has no readable field {name!r}; the interface may have changed"
        raise StopRun(sentence) if repeatable else AnswerLost(sentence)

    def trouble_in_success(self, message: str, *, uncertain: bool = True) -> WaitAndRepeat:
        """What :meth:`check_success` raises for an error in a 2xx that a repetition may mend."""
        return _Trouble(message, uncertain=uncertain)

    def token_refused_in_success(self, message: str) -> Exception:
        """What :meth:`check_success` raises for a 2xx that says the token ran out: it is renewed once more."""
        return _TokenRefused(message)

    def check_response(self, response: requests.Response) -> None:
        """Judge the answer by our table; unlike ``HttpHook``'s, this never logs the body."""
        self._judge(response, "call")

    # --- limits -------------------------------------------------------------------------------------------

    def _note_limit(self, response: requests.Response) -> None:
        """Remember a used-up ``X-RateLimit-Remaining``, so that the next call waits instead of failing."""
        if response.headers.get("X-RateLimit-Remaining") == "0":
            reset = _seconds(response.headers.get("X-RateLimit-Reset"))
            if reset is not None:
                with self._lock:
                    self._not_before = time.monotonic() + min(reset, LONGEST_WAIT)

    def _wait_for_limit(self) -> None:
        wait = self._not_before - time.monotonic()
        if wait > 0:
            self.log.info("%s: the limit of requests is used up; going on in %.1f s", self.system, wait)
            self.seconds_waited_for_limits += wait
            time.sleep(wait)

    # --- many calls ---------------------------------------------------------------------------------------

    def concurrently(self, function: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Yield ``function(item)`` for each item in their order, ``concurrency`` calls at a time."""
        self.session  # noqa: B018  # opened here: Airflow hands connections to the task's own thread
        with ThreadPoolExecutor(self.concurrency, thread_name_prefix=self.system) as pool:
            yield from pool.map(function, items)


_NO_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)
_A_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")


def _is_unverified(error: requests.exceptions.RequestException) -> bool:
    """Whether the certificate was looked at and found wanting: then nothing was sent.

    Any other trouble of TLS is a broken line, in the handshake or with the request already on its way.
    """
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in getattr(reason, "args", ()))


def _is_near(host: str) -> bool:
    """Whether a host is this machine, a private address, or a bare name as containers have it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_loopback or address.is_private


def _never_sent(error: requests.exceptions.RequestException) -> bool:
    """Whether the connection was not even established, so that nothing can have taken effect."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _json_or_none(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _seconds(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value is not None else None
    except ValueError:
        return None


def _retry_after(response: requests.Response) -> float | None:
    """``Retry-After`` in seconds, whether it is given as a number or as a date."""
    value = response.headers.get("Retry-After")
    seconds = _seconds(value)
    if seconds is not None or value is None:
        return seconds
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None
