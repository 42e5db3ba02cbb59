"""The shipped schemas: valid, complete, and never narrower than what was released."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from schemas import RELEASED, SHIPPED, check_document, check_output

from lossurf.report.document import FORMAT_VERSION, make_document
from lossurf.report.json_text import lines_of
from lossurf.report.schema import schema_names, schema_text

MAJOR = FORMAT_VERSION.split(".")[0]


def shipped(name: str) -> dict[str, Any]:
    return json.loads(schema_text(name))


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_valid_and_names_its_dialect(name):
    schema = shipped(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:lossurf:schema:{MAJOR}:{name}"
    assert list(schema["properties"])[:3] == ["format_version", "lossurf_version", "command"]


def _required_without_error(schema: dict[str, Any]) -> list[str]:
    return schema["else"]["required"] if schema.get("if") == {"required": ["error"]} else []


def narrowed(released: Any, current: Any, at: str = "") -> list[str]:
    """What a reader of the released schema could miss or misread in documents of the current one.

    Fields may be added; none may go, change its meaning or type, or stop being there. Words are no contract. Fields
    that are there unless a result holds an error (`else`) count as required: before, such a file gave no document.
    """
    if isinstance(released, dict) and isinstance(current, dict):
        found = []
        for key, value in released.items():
            if key in {"description", "title", "pattern"}:
                continue
            if key not in current:
                found.append(f"{at}/{key} is gone")
            elif key == "required":
                required = [*current[key], *_required_without_error(current)]
                found += [f"{at}: {name} is no longer required" for name in value if name not in required]
            else:
                found += narrowed(value, current[key], f"{at}/{key}")
        return found
    return [] if released == current else [f"{at}: {released!r} became {current!r}"]


@pytest.mark.parametrize("path", sorted((RELEASED / MAJOR).glob("*.json")), ids=lambda path: path.stem)
def test_no_field_changes_without_a_new_major_version(path):
    assert narrowed(json.loads(path.read_text("utf-8")), shipped(path.stem)) == []


def test_every_document_has_a_stored_copy():
    stored = {path.stem for path in (RELEASED / MAJOR).glob("*.json")}
    assert set(schema_names()) <= stored, "copy new schemas to tests/data/schemas/<major>/"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda schema: schema["properties"].pop("status"), "status is gone"),
        (lambda schema: schema["required"].remove("status"), "no longer required"),
        (lambda schema: schema["$defs"]["finding"]["properties"].update(value={"type": "string"}), "became"),
    ],
)
def test_a_changed_field_is_seen(change, finding):
    schema = shipped("check")
    change(schema)
    assert any(finding in found for found in narrowed(shipped("check"), schema))


def test_a_new_field_is_no_change():
    schema = shipped("check")
    schema["properties"]["more"] = {"type": "string"}
    assert narrowed(shipped("check"), schema) == []


def test_lines_of_classify_are_its_results_with_the_head():
    whole, line = shipped("classify"), shipped("classify-line")
    head = {name: whole["properties"][name] for name in ("format_version", "lossurf_version", "command")}
    assert line["properties"] == {**head, **whole["$defs"]["result"]["properties"]}


@pytest.mark.parametrize("path", sorted((RELEASED.parent / "documents").glob("*.json")), ids=lambda path: path.stem)
def test_a_stored_document_is_valid_as_a_whole_and_line_by_line(path):
    document = json.loads(path.read_text("utf-8"))
    check_document(document)
    for line in lines_of(document):
        check_document(line, is_line=True)


def test_a_field_that_no_schema_describes_is_refused_here():
    with pytest.raises(AssertionError, match="surplus"):
        check_document(make_document("explain", id=None, entries=[], surplus=1))


def test_a_command_without_schema_is_refused_here():
    with pytest.raises(AssertionError, match="describe it"):
        check_output(json.dumps(make_document("unheard-of"), indent=2))


def test_schemas_are_packaged():
    assert {path.stem for path in SHIPPED.glob("*.json")} == set(schema_names())
