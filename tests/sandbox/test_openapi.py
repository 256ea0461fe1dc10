"""The systems' own API descriptions are truthful: schemathesis asks in process, few examples, the same ones each time."""

import base64
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

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]

few = settings(
    max_examples=12,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def quiet_box() -> Sandbox:
    """Not started: schemathesis calls the apps themselves. No limits, and imports take no time."""
    box = Sandbox(seed=7)
    box.yuneo.options.work_order_seconds = box.sigma.options.run_seconds = 0
    for system in box.systems:
        system.options.per_minute = system.options.max_parallel = None
    return box


def authorization(system: System) -> dict[str, str]:
    if system.token_path is None:
        pair = base64.b64encode(f"{system.login}:{system.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    return {"Authorization": f"Bearer {system.tokens.issue(600)}"}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", ["immomio", "everreal", "yuneo", "sigma"])
def test_answers_are_as_described(quiet_box: Sandbox, name: str, mode: GenerationMode) -> None:
    """Good and bad requests: no crash, no undeclared status, type or shape, and nothing bad is taken."""
    system: System = getattr(quiet_box, name)
    schema = schemathesis.openapi.from_asgi("/openapi.json", system.asgi)

    for operation in schema.get_all_operations():

        @few
        @given(case=operation.ok().as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(headers=authorization(system), checks=CHECKS)

        ask()
    from collections import Counter
    print(Counter((e.method, e.path.split("/")[-2:][0] if 0 else e.path[:45], e.status) for e in system.requests))
