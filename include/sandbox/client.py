"""Change a running system's options, faults and records from another process."""

from typing import Any

import requests


class SandboxClient:
    """
    One running system, seen from outside.

    :param url: the system's address, such as ``http://127.0.0.1:8093``.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()

    def health(self) -> dict[str, Any]:
        """Which system it is, and that it answers."""
        return self._call("GET", "health")

    def state(self) -> dict[str, Any]:
        """Counts; for an ERP also offers by externalId and leases by unit."""
        return self._call("GET", "state")

    def options(self, **changes: Any) -> dict[str, Any]:
        """Change options; the answer has all of them. Without arguments: only look."""
        return self._call("PUT", "options", changes) if changes else self._call("GET", "options")

    def fault_once(self, kind: str, **order: Any) -> None:
        """As ``Faults.once``: ``path``, ``times``, ``method`` and the kind's settings."""
        self._call("PUT", "faults", {"kind": kind, **order})

    def fault_rate(self, rate: float, kinds: list[str], **order: Any) -> None:
        """As ``Faults.set``: ``seed``, ``path``, ``method`` and the kinds' settings."""
        self._call("PUT", "faults", {"rate": rate, "kinds": kinds, **order})

    def clear_faults(self) -> None:
        """No more faults."""
        self._call("PUT", "faults", {})

    def fault_log(self) -> list[dict[str, str]]:
        """What was injected so far."""
        return self._call("GET", "faults")

    def act(self, action: str, **arguments: Any) -> Any:
        """Let a person do something in the system; returns the number or the id of what was made, if anything was.

        :param action: the name of a method of ``Immomio``, ``EverReal`` or ``Clerk``; ``arguments``: its own.
        """
        return self._call("POST", "actions", {"action": action, **arguments})["made"]

    def reset(self) -> dict[str, Any]:
        """Back to the world that the sandbox was started with."""
        return self._call("POST", "reset")

    def _call(self, method: str, what: str, body: Any = None) -> Any:
        response = self._session.request(method, f"{self.url}/_sandbox/{what}", json=body, timeout=10)
        response.raise_for_status()
        return response.json()
