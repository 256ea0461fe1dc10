"""Change a running system's options, faults and records from another process."""

from typing import Any

import requests


class SandboxClient:
    """
    One running system, used from another process.

    :param url: the system's address, such as ``http://127.0.0.1:8093``.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = requests.Session()

    def health(self) -> dict[str, Any]:
        """Return the system's name, if it responds."""
        return self._call("GET", "health")

    def state(self) -> dict[str, Any]:
        """Return counts; for an ERP also offers by externalId and leases by unit."""
        return self._call("GET", "state")

    def options(self, **changes: Any) -> dict[str, Any]:
        """Change options and return all of them; without arguments nothing changes."""
        return self._call("PUT", "options", changes) if changes else self._call("GET", "options")

    def fault_once(self, kind: str, **order: Any) -> None:
        """As ``Faults.once``: ``path``, ``times``, ``method`` and the kind's settings."""
        self._call("PUT", "faults", {"kind": kind, **order})

    def fault_rate(self, rate: float, kinds: list[str], **order: Any) -> None:
        """As ``Faults.set``: ``seed``, ``path``, ``method`` and the kinds' settings."""
        self._call("PUT", "faults", {"rate": rate, "kinds": kinds, **order})

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._call("PUT", "faults", {})

    def fault_log(self) -> list[dict[str, str]]:
        """Return the faults injected so far."""
        return self._call("GET", "faults")

    def act(self, action: str, **arguments: Any) -> Any:
        """Perform an action of a person in the system; return the number or id of a created record, if any.

        :param action: the name of a method of ``Immomio``, ``EverReal`` or ``Clerk``; ``arguments``: its own.
        """
        return self._call("POST", "actions", {"action": action, **arguments})["made"]

    def reset(self) -> dict[str, Any]:
        """Restore the world that the sandbox was started with."""
        return self._call("POST", "reset")

    def _call(self, method: str, what: str, body: Any = None) -> Any:
        response = self._session.request(method, f"{self.url}/_sandbox/{what}", json=body, timeout=10)
        response.raise_for_status()
        return response.json()
