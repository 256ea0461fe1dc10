"""The systems' own API descriptions are truthful: schemathesis asks in process, few examples, the same ones each time."""

import base64
from collections import defaultdict
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from include.sandbox import Sandbox
from include.sandbox.core import System
from include.sandbox.erp import Erp
from include.sandbox.everreal import EverReal
from include.sandbox.immomio import Immomio
from include.sandbox.yuneo import Yuneo

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]

few = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def quiet_box() -> Sandbox:
    """Not started: schemathesis calls the apps themselves. No limits, and imports take no time."""
    box = Sandbox(seed=7, days=1)
    box.yuneo.options.work_order_seconds = box.sigma.options.run_seconds = 0
    for system in box.systems:
        system.options.per_minute = system.options.max_parallel = None
    return box


def authorization(system: System) -> dict[str, str]:
    if system.token_path is None:
        pair = base64.b64encode(f"{system.login}:{system.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {system.tokens.issue(600)}"}


def what_exists(system: System) -> dict[str, Any]:
    """Names that a system knows, by the parameter or field that takes them; an offer on a unit of its own."""
    if isinstance(system, Immomio):
        application = {"username": system.login, "application_id": system.applications[0]["id"]}
        return application | {"password": system.password}
    if isinstance(system, EverReal):
        log_in = {"grant_type": "password", "username": system.login, "password": system.password}
        log_in |= {"scope": "offline_access *", "query": "{candidates{id}}"}
        return log_in | system.connection_extra()
    assert isinstance(system, Erp)
    unit = system.separator.join(["99", "1", "1", str(len(system.offers))])
    system.add_unit(unit)
    offer = system.add_offer("p1", unit, system.business_partners[0].number, exchange="Immomio")
    real = {"portal": "Immomio", "exchange": "Immomio", "offer_id": offer.id, "angebotNr": offer.number}
    if isinstance(system, Yuneo):
        real |= {"client_id": system.login, "client_secret": system.password}
        return real | {"order_id": system.work_orders[-1].id if system.work_orders else "none"}
    return real | {"laufNr": len(system.runs)}


def name_what_exists(case: schemathesis.Case, system: System) -> None:
    """Invented names would all be answered by 404: every second request gets real ones."""
    if len(system.requests) % 2:
        return
    real = what_exists(system)
    for names in (case.path_parameters, case.query, case.body):
        if isinstance(names, dict):
            names.update({name: value for name, value in real.items() if name in names})
    if case.method == "PUT":
        case.headers["If-Match"] = '"1"'


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", ["immomio", "everreal", "yuneo", "sigma"])
def test_responses_are_as_described(quiet_box: Sandbox, name: str, mode: GenerationMode) -> None:
    """Good and bad requests: no crash, no undeclared status, type or shape, and nothing bad is taken.

    Each operation has also done once what it is there for, and not only refused.
    """
    system: System = getattr(quiet_box, name)
    schema = schemathesis.openapi.from_asgi("/openapi.json", system.asgi)

    answers = defaultdict[str, set[int]](set)

    for operation in schema.get_all_operations():

        @few
        @given(case=operation.ok().as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            if mode is GenerationMode.POSITIVE:
                name_what_exists(case, system)
            # In a query everything is text: "null" is an id like any other, so nothing there is of a wrong type.
            checks = [
                check for check in CHECKS if case.method != "GET" or check is not negative_data_rejection
            ]
            response = case.call_and_validate(headers=authorization(system), checks=checks)
            answers[case.operation.label].add(response.status_code)

        ask()
    never = [label for label, statuses in answers.items() if not statuses & {200, 201, 202}]
    assert mode is GenerationMode.NEGATIVE or never == []
