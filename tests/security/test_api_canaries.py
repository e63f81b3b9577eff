"""Every GET as every person over a city that has released: no planted value, and nothing of another tenant."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from ruamel.yaml import YAML
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from sandbox.api.app import create_app
from sandbox.api.routes import PREFIX, ROUTES
from tests.small_city import AGREEMENT, AVERAGE_SQL, COUNT_SQL, PURPOSE, City, ask, small_city

PEOPLE = ("per-an", "per-zhao", "per-sun", "per-wang", "per-ning", "per-li", "per-zhou", "per-xi", "per-mi", "per-shen")
FORMATS = ("csv", "json", "parquet", "arrow", "xlsx")


@dataclass
class Scene:
    """The application over a city, and what exists in it."""

    client: TestClient
    city: City
    known: dict[str, list[str]]
    headers: dict[str, dict[str, str]]

    def get(self, person: str, path: str):
        return self.client.get(PREFIX + path, headers=self.headers[person])

    def paths(self) -> list[str]:
        """Return every GET of the table, with every object that exists."""
        found = []
        for route in (route for route in ROUTES if route.method == "GET"):
            names = self.known.get(route.path.split("/")[1], [""]) if "{id}" in route.path else [""]
            found += [route.path.replace("{id}", name) for name in names]
        queries = {"/audit/proof": "?index=0", "/audit/consistency": "?old=1&new=2", "/audit/events": "?limit=100"}
        contents = [f"{path}?format={form}" for path in found if path.endswith("/content") for form in FORMATS]
        downs = [f"{path}?direction=down" for path in found if path.startswith("/lineage")]
        return [path + queries.get(path, "") for path in found] + contents + downs


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("crawl")
    with pytest.MonkeyPatch.context() as patch, small_city(directory, residents=600, visits=2000) as city:
        patch.setattr("sandbox.api.events.LONGEST_STREAM_S", 1)
        for text in (COUNT_SQL, AVERAGE_SQL):
            city.promote(text)
        released = city.release(COUNT_SQL, "released", "per-ning", "per-li")
        waiting = city.until(city.submit(ask(AVERAGE_SQL), "waiting")["id"], frozenset({"in_egress"}))
        known = {
            "jobs": [released["id"], waiting["id"]],
            "reviews": [released["review"], waiting["review"]],
            "releases": [released["release"]],
            "replays": [city.container.replay.replay(city.person("per-zhou"), released["release"], "replay")["id"]],
            "lineage": [released["release"], waiting["id"]],
            "agreements": [AGREEMENT],
        }
        tenants = city.container.tenants
        headers = {name: {"Authorization": f"Bearer {tenants.issue_token(name, None, 1)}"} for name in PEOPLE}
        with TestClient(create_app(city.container)) as client:
            yield Scene(client, city, known, headers)


def planted(scene: Scene) -> list[bytes]:
    values = YAML(typ="safe").load(scene.city.directory / "city" / "canaries.yaml")
    assert len(values) >= 2
    return [str(value).encode() for value in values]


def texts(body: bytes) -> bytes:
    """Return the body and, where it is an archive, everything packed in it."""
    if not zipfile.is_zipfile(io.BytesIO(body)):
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return b"\n".join([body, *map(archive.read, archive.namelist())])


def test_no_planted_value_is_answered_or_logged(scene: Scene) -> None:
    values, answered = planted(scene), 0
    with capture_logs() as lines:
        for person in PEOPLE:
            for path in scene.paths():
                answer = scene.get(person, path)
                assert answer.status_code in {200, 403, 404}, (person, path, answer.text)
                answered += answer.status_code == 200
                seen = texts(answer.content)
                assert not [value for value in values if value in seen], (person, path)
    assert answered > 100
    assert not [value for value in values if value.decode() in str(lines)]


@pytest.mark.parametrize("value", ["query", "parameter", "agreement", "comment"])
def test_a_planted_value_that_is_asked_for_is_not_confirmed(scene: Scene, value: str) -> None:
    canary = planted(scene)[0].decode()
    asked = {"agreement": AGREEMENT, "purpose": PURPOSE, "environment": "dev", "sql": COUNT_SQL, "parameters": {}}
    changes = {
        "query": {"sql": f"SELECT count(*) FROM residents WHERE name = '{canary}'"},
        "parameter": {"sql": "SELECT count(*) FROM residents WHERE name = $n", "parameters": {"n": canary}},
        "agreement": {"agreement": canary},
        "comment": {"sql": f"SELECT count(*) FROM residents -- {canary}"},
    }[value]
    other = {name: str(text).replace(canary, "李四四") if isinstance(text, str) else text for name, text in changes.items()}
    if value == "parameter":
        other = {**changes, "parameters": {"n": "李四四"}}
    real, made_up = (
        scene.client.post(f"{PREFIX}/sql/check", headers=scene.headers["per-an"], json=asked | sent) for sent in (changes, other)
    )
    assert real.status_code == made_up.status_code
    assert real.json().get("allowed") == made_up.json().get("allowed")
    found, invented = ([one["code"] for one in answer.json().get("findings", ())] for answer in (real, made_up))
    assert found == invented


@pytest.mark.parametrize("noun", ["releases", "lineage"])
def test_a_release_does_not_exist_for_another_application_entity(scene: Scene, noun: str) -> None:
    name = scene.known["releases"][0]
    theirs = scene.get("per-sun", f"/{noun}/{name}")
    nobodys = scene.get("per-sun", f"/{noun}/{name[:-1]}{'a' if name[-1] != 'a' else 'b'}")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.content == nobodys.content
    assert scene.get("per-sun", "/releases").json()["items"] == []
    assert scene.get("per-zhao", "/releases").json()["items"][0]["id"] == name


@pytest.mark.parametrize("person", [name for name in PEOPLE if name != "per-zhao"])
def test_only_the_recipient_fetches_what_was_released(scene: Scene, person: str) -> None:
    name = scene.known["releases"][0]
    for path in ("content", "bundle"):
        assert scene.get("per-zhao", f"/releases/{name}/{path}").status_code == 200
        assert scene.get(person, f"/releases/{name}/{path}").status_code in {403, 404}


def test_an_unreleased_result_is_seen_by_its_reviewers_only(scene: Scene) -> None:
    request = scene.known["reviews"][1]
    evidence = {person: scene.get(person, f"/reviews/{request}") for person in PEOPLE}
    readers = {person for person, answer in evidence.items() if answer.status_code == 200 and "result" in answer.json()}
    assert readers == {"per-wang", "per-ning", "per-li"}
    assert set(evidence["per-an"].json()) == {"id", "job", "agreement", "state", "etag", "comments"}
    for person in ("per-zhao", "per-sun", "per-zhou", "per-xi", "per-mi", "per-shen"):
        assert evidence[person].status_code in {403, 404}
