"""The OpenAPI document against the real services: whatever is sent, with whosever token, is answered as documented."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
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
from tests.small_city import COUNT_SQL, ask, small_city

POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PEOPLE = (
    "per-an",  # operator
    "per-zhao",  # application entity
    "per-ning",  # reviewer of the data owner
    "per-li",  # reviewer of the authority
    "per-zhou",  # auditor
    "per-xi",  # administrators: system, security, audit
    "per-mi",
    "per-shen",
)
BOUNDED = settings(
    max_examples=5,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class World:
    """The document, tokens by person, and identifiers of objects that exist, by noun."""

    document: BaseSchema
    tokens: dict[str, str]
    known: dict[str, list[str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("contract")
    with pytest.MonkeyPatch.context() as patch, small_city(directory, residents=500, visits=1500) as city:
        patch.setattr("sandbox.api.events.LONGEST_STREAM_S", 1)
        city.promote(COUNT_SQL)
        released = city.release(COUNT_SQL, "released", "per-ning", "per-li")
        waiting = city.submit(ask(COUNT_SQL, epsilon="0.2"), "waiting")
        waiting = city.until(waiting["id"], frozenset({"in_egress"}))
        auditor = city.person("per-zhou")
        replay = city.container.replay.replay(auditor, released["release"], "replay")
        known = {
            "jobs": [released["id"], waiting["id"]],
            "reviews": [released["review"], waiting["review"]],
            "releases": [released["release"]],
            "replays": [replay["id"]],
            "lineage": [released["release"], released["id"]],
            "agreements": ["agr-old-survey"],
        }
        tokens = {name: city.container.tenants.issue_token(name, None, 1) for name in PEOPLE}
        config = SchemathesisConfig.from_dict(
            # every refusal rejects what was wrong with a request, 412 included
            {"seed": 20261123, "checks": {"negative_data_rejection": {"expected-statuses": ["4xx"]}}}
        )
        app = create_app(city.container)
        yield World(schemathesis.openapi.from_asgi(f"{PREFIX}/openapi.json", app, config=config), tokens, known)


def exchanges(world: World, route: Route, mode: GenerationMode) -> st.SearchStrategy[Case]:
    """Generate cases of one kind; half of the well-formed ones name an object that exists."""
    cases = world.document[PREFIX + route.path][route.method].as_strategy(generation_mode=mode)
    known = world.known.get(route.path.split("/")[1], [])
    if mode is NEGATIVE or "{id}" not in route.path:
        return cases

    def name(case: Case, identifier: str | None) -> Case:
        case.path_parameters = {"id": identifier or case.path_parameters["id"]}
        return case

    return st.builds(name, cases, st.sampled_from([None, *known]))


@pytest.mark.parametrize(
    ("route", "mode"),
    [
        pytest.param(route, mode, id=f"{route.operation}-{mode.value}")
        for route in ROUTES
        for mode in (POSITIVE, NEGATIVE)
        if mode is POSITIVE or route.scope != OPEN  # open routes take no input that could be wrong
    ],
)
def test_every_request_is_answered_as_documented(world: World, route: Route, mode: GenerationMode) -> None:
    checks = [*CHECKS, negative_data_rejection] if mode is NEGATIVE else CHECKS

    @given(case=exchanges(world, route, mode))
    @BOUNDED
    def exchange(case: Case) -> None:
        for token in world.tokens.values():
            case.validate_response(case.call(headers={"Authorization": f"Bearer {token}"}), checks=checks)

    exchange()
