"""Every JSON document that a test sees is held against the schema that ships with lossurf."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from process import ROOT

from lossurf.api.parts.schema import schema_names, schema_of

RELEASED = ROOT / "tests" / "data" / "schemas"


def check_output(text: str) -> None:
    """Validate the documents in a command's standard output, indented or one a line; other formats pass."""
    if not text.startswith(('{\n  "format_version"', '{"format_version"')):
        return
    documents = [json.loads(text)] if text.startswith("{\n") else [json.loads(line) for line in text.splitlines()]
    for document in documents:
        check_document(document, is_line=not text.startswith("{\n"))


def check_document(document: dict[str, Any], *, is_line: bool = False) -> None:
    """Validate one document, allowing no field that its schema does not describe."""
    name = document["command"]
    if is_line and f"{name}-line" in schema_names():
        name += "-head" if "levels" in document else "-line"
    assert name in schema_names(), f"{name} writes JSON: name the class of its document in lossurf/api/{name}.py"
    errors = [f"{error.json_path}: {error.message}" for error in _validator(name).iter_errors(document)]
    assert not errors, errors


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(closed(schema))


def closed(schema: Any) -> Any:
    """Return the schema with every object closed: readers must accept new fields, but we must describe ours."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        inner["additionalProperties"] = False
    return inner
