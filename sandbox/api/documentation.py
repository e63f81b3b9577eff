"""How refusals, headers and files are described in the OpenAPI document."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from fastapi import FastAPI

from sandbox.api.problems import MEDIA_TYPE, Problem, head
from sandbox.kernel.errors import CATALOGUE

_REFERENCE = "#/components/schemas/{model}"

Responses = dict[int | str, dict[str, Any]]


class Application(FastAPI):
    """FastAPI with the one schema of refusals among its components."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI 3.1 document."""
        document = super().openapi()
        schemas = document["components"]["schemas"]
        if "Problem" not in schemas:
            schema = Problem.model_json_schema(ref_template=_REFERENCE)
            schemas.update({**schema.pop("$defs"), **schemas, "Problem": schema})
        return document


def problem_responses(codes: Iterable[str]) -> Responses:
    """Describe one problem+json response per status, with one example per code."""
    found: Responses = {}
    by_status = sorted(codes, key=lambda code: CATALOGUE[code].status)
    for status, group in groupby(by_status, key=lambda code: CATALOGUE[code].status):
        names = list(group)
        examples = {code: {"summary": CATALOGUE[code].en, "value": head(code, CATALOGUE[code], "en")} for code in names}
        schema = {"$ref": _REFERENCE.format(model="Problem")}
        found[status] = {
            "description": ", ".join(names),
            "content": {MEDIA_TYPE: {"schema": schema, "examples": examples}},
        }
    return found


def header(status: int, name: str, meaning: str) -> Responses:
    """Describe a header of the answer with `status`."""
    return {status: {"headers": {name: {"description": meaning, "required": True, "schema": {"type": "string"}}}}}


def binary(status: int, media_types: Iterable[str]) -> Responses:
    """Describe a file of one of the media types."""
    return {status: {"content": {media: {"schema": {}} for media in media_types}}}
