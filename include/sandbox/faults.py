"""
Selects the fault of each request: by a rate and a seed, or for the next matching requests.

``edge.py`` implements what a kind does to the connection; a system's handlers implement the kinds of that system only.
"""

import fnmatch
import random
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

BEFORE = frozenset(
    {"refuse", "timeout_before", "drop_before", "429", "500", "502", "503", "expired_token", "error_page"}
)
"""Kinds with which the system does nothing."""

AFTER = frozenset(
    {
        "timeout_after",
        "drop_after",
        "late_effect",
        "cut_body",
        "500_after",
        "malformed_json",
        "html",
        "slow_drip",
        "wrong_count",
    }
)
HEAVY = frozenset({"drip", "bomb", "endless"})
"""As in ``AFTER``, with a response that would block a client, or fill its memory, without limit."""
"""Kinds with which the system processes the request, and only the response is broken or lost."""


@dataclass
class Fault:
    """A fault of one request, with the settings of its kind."""

    kind: str
    hold_seconds: float = 30
    """Seconds. ``timeout_*``: how long the connection is held, unless the client disconnects. ``late_effect``: how late.
    ``drip`` and ``endless``: how long they last, unless the client disconnects."""
    drip_seconds: float = 2
    """``slow_drip``: how long the body takes."""
    retry_after: int = 1
    """``429`` and ``503``: the header's value."""
    status: int = 409
    """``error_page``: the status of the response."""
    part: float = 0.5
    """``work_order_fails`` and ``run_aborts``: the part that is done before."""


class Injected(NamedTuple):
    """A fault that was injected."""

    kind: str
    method: str
    path: str


@dataclass
class _Rule:
    kinds: list[str]
    path: str
    method: str | None
    settings: dict[str, Any]
    times: int | None = None
    rate: float = 1
    rng: random.Random = field(default_factory=random.Random)


class Faults:
    """The faults of one system, which can be changed while it runs."""

    def __init__(self, special: Mapping[str, tuple[str, str]], token_paths: Collection[str] = ()) -> None:
        self._special = dict(special)
        self._token_paths = token_paths
        self._lock = threading.Lock()
        self._once: list[_Rule] = []
        self._rates: list[_Rule] = []
        self.log: list[Injected] = []

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds that this system knows."""
        return BEFORE | AFTER | HEAVY | set(self._special)

    def set(
        self,
        rate: float,
        kinds: Iterable[str],
        seed: int = 0,
        path: str = "*",
        method: str | None = None,
        **settings: Any,
    ) -> None:
        """Inject faults into this share of the requests, instead of an earlier setting."""
        rule = self._rule(list(kinds), path, method, settings)
        rule.rate, rule.rng = rate, random.Random(seed)
        with self._lock:
            self._rates = [rule]

    def once(
        self, kind: str, path: str = "*", times: int = 1, method: str | None = None, **settings: Any
    ) -> None:
        """Inject a fault into the next ``times`` matching requests; ``path`` is a pattern such as ``/api/v1/offers/*``."""
        rule = self._rule([kind], path, method, settings)
        rule.times = times
        with self._lock:
            self._once.append(rule)

    def clear(self) -> None:
        """Remove all faults and empty the log."""
        with self._lock:
            self._once, self._rates = [], []
            self.log = []

    def draw(self, method: str, path: str) -> Fault | None:
        """Return the fault of this request, if any."""
        with self._lock:
            for rule in [*self._once, *self._rates]:
                kinds = [kind for kind in rule.kinds if self._fits(kind, rule, method, path)]
                if not kinds or rule.rng.random() >= rule.rate:
                    continue
                if rule.times is not None:
                    rule.times -= 1
                    self._once = [left for left in self._once if left.times]
                kind = rule.rng.choice(kinds)
                self.log.append(Injected(kind, method, path))
                return Fault(kind, **rule.settings)
        return None

    def _rule(self, kinds: list[str], path: str, method: str | None, settings: dict[str, Any]) -> _Rule:
        unknown = [kind for kind in kinds if kind not in self.kinds]
        if unknown or not kinds:
            raise ValueError(f"unknown fault {unknown}; this system knows {sorted(self.kinds)}")
        Fault(kinds[0], **settings)  # an unknown setting fails here and not in the middle of a request
        return _Rule(kinds, path, method, settings)

    def _fits(self, kind: str, rule: _Rule, method: str, path: str) -> bool:
        if not fnmatch.fnmatchcase(path, rule.path) or rule.method not in (None, method):
            return False
        if kind in self._special:
            own_method, own_path = self._special[kind]
            return method == own_method and fnmatch.fnmatchcase(path, own_path)
        # At a token's path, a 401 would mean a wrong password.
        return not (kind == "expired_token" and path in self._token_paths)
