"""The OpenAPI document against the application: every generated request, with every role's token, is answered as documented."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import BaseSchema, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sandbox.api.app import create_app
from sandbox.api.routes import OPEN, PREFIX, ROUTES, Route
from sandbox.kernel.roles import Role
from tests.fakes_api import bearer, fake_container

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
ROLES = sorted(frozenset(Role) - {Role.SYSTEM})


BOUNDED = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    container = fake_container(tmp_path_factory.mktemp("contract"))
    rejected = ["4xx"]  # every refusal is a rejection, 412 included
    config = SchemathesisConfig.from_dict(
        {"seed": 20261123, "checks": {"negative_data_rejection": {"expected-statuses": rejected}}}
    )
    yield schemathesis.openapi.from_asgi("/api/v1/openapi.json", create_app(container), config=config)
    container.db.close()


@pytest.mark.parametrize(
    ("route", "mode"),
    [
        pytest.param(route, mode, id=f"{route.operation}-{mode.value}")
        for route in ROUTES
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or route.scope != OPEN  # open routes take no input that could be wrong
    ],
)
def test_every_generated_request_is_answered_as_documented(document: BaseSchema, route: Route, mode: GenerationMode) -> None:
    operation = document[PREFIX + route.path][route.method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @BOUNDED
    def exchange(case: Case) -> None:
        for role in ROLES:
            case.validate_response(case.call(headers=bearer(role)), checks=CHECKS)

    exchange()
