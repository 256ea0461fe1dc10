"""The smallest possible clients of the four systems."""

from typing import Any

import requests

from include.sandbox.core import System
from include.sandbox.everreal import EverReal
from include.sandbox.immomio import Immomio
from include.sandbox.sigma import Sigma
from include.sandbox.yuneo import Yuneo

GRAPHQL = "/api/reporting/graphql"


class Client:
    """A session that knows a system's address and its token."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.session = requests.Session()
        self.log_in()

    def log_in(self) -> None:
        system, post = self.system, self.session.post
        if isinstance(system, Immomio):
            response = post(
                system.url + "/auth/token", json={"username": system.login, "password": system.password}
            )
            token = response.json()["accessToken"]
        elif isinstance(system, EverReal):
            token = post(system.url + system.token_path, json=password_grant(system)).json()["access_token"]
        elif isinstance(system, Yuneo):
            form = {
                "grant_type": "client_credentials",
                "client_id": system.login,
                "client_secret": system.password,
            }
            token = post(system.url + "/connect/token", data=form).json()["access_token"]
        else:
            self.session.auth = (system.login, system.password)
            return
        self.session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, **arguments: Any) -> requests.Response:
        base = "/wodis/rest" if isinstance(self.system, Sigma) else ""
        return self.session.request(
            method, self.system.url + base + path, timeout=arguments.pop("timeout", 5), **arguments
        )


def password_grant(system: EverReal) -> dict[str, str]:
    return {
        "username": system.login,
        "password": system.password,
        "client_id": system.client[0],
        "client_secret": system.client[1],
        "scope": "offline_access *",
        "grant_type": "password",
    }


def ask(everreal: Client, query: str, **variables: Any) -> dict[str, Any]:
    """The body of a GraphQL response with HTTP 200."""
    response = everreal("POST", GRAPHQL, json={"query": query, "variables": variables})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body
