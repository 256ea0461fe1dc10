"""Reads docker-compose.yaml, so that its services can be run without Docker."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yaml"
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::?-(?P<default>[^}]*))?\})")


@dataclass(frozen=True)
class Service:
    """The parts of a service that also apply without Docker."""

    name: str
    command: list[str]
    environment: dict[str, str]
    secrets: dict[str, str]
    """File name of each secret under ``/run/secrets`` -> file name in the folder of all secrets."""
    health: list[str]


def load(variables: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the file with its variables replaced, by default by their defaults."""
    content: dict[str, Any] = _filled(YAML(typ="safe", pure=True).load(FILE), variables or {})
    return content


def service(name: str, content: dict[str, Any]) -> Service:
    """Return one service of a loaded file."""
    entry = content["services"][name]
    secrets = {}
    for secret in entry.get("secrets", []):
        source, target = (secret, secret) if isinstance(secret, str) else (secret["source"], secret["target"])
        secrets[target] = Path(content["secrets"][source]["file"]).name
    health = entry.get("healthcheck", {}).get("test", [])
    return Service(
        name=name,
        command=list(entry.get("command", [])),
        environment={key: str(value) for key, value in entry.get("environment", {}).items()},
        secrets=secrets,
        health=health[1:] if health[:1] == ["CMD"] else [],
    )


def _filled(value: Any, variables: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(content, variables) for key, content in value.items()}
    if isinstance(value, list):
        return [_filled(content, variables) for content in value]
    if not isinstance(value, str):
        return value

    def fill(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        return variables.get(match["name"], match["default"] or "")

    return _VARIABLE.sub(fill, value)
