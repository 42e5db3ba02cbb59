"""The shipped schemas: valid, complete, and never narrower than what was released."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from schemas import RELEASED, check_document, check_output

from lossurf.api.parts.schema import LINED, schema_names, schema_text
from lossurf.report.document import FORMAT_VERSION, make_document
from lossurf.report.json_text import lines_of

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


_WORDS = {
    "description",
    "title",
    "pattern",
    "$defs",
    "$schema",
    "$id",
    "additionalProperties",
}  # no promise to a reader
_AT_LEAST, _AT_MOST = {"minimum", "exclusiveMinimum", "minItems"}, {"maximum", "maxItems", "maxProperties"}
_TYPES = {type(None): "null", str: "string", bool: "boolean", int: "integer"}


def normal(schema: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """A schema with its references followed, "null or this" as one type, and one word as a vocabulary of one."""
    if "$ref" in schema:  # what stands beside a reference holds as well as what it refers to
        inner = normal(definitions[schema["$ref"].rpartition("/")[2]], definitions)
        beside = {name: inner["properties"][name] | form for name, form in schema.get("properties", {}).items()}
        return inner | ({"properties": inner["properties"] | beside} if beside else {})
    if "oneOf" in schema and {"type": "null"} in schema["oneOf"]:
        inner = normal(next(case for case in schema["oneOf"] if case != {"type": "null"}), definitions)
        return inner | {"type": inner["type"] | {"null"}}
    found = {key: value for key, value in schema.items() if key not in _WORDS}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if "enum" in found:
        found["type"] = {_TYPES[type(word)] for word in found["enum"]}
    elif "type" in found:
        found["type"] = {found["type"]} if isinstance(found["type"], str) else set(found["type"])
    if "items" in found:
        found["items"] = normal(found["items"], definitions)
    if "properties" in found:
        found["properties"] = {name: normal(form, definitions) for name, form in found["properties"].items()}
    return found


def _required_without_error(schema: dict[str, Any]) -> list[str]:
    return schema["else"]["required"] if schema.get("if") == {"required": ["error"]} else []


def narrowed(released: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """What a reader of the released schema could miss or misread in documents of the current one."""
    return _narrowed(normal(released, released.get("$defs", {})), normal(current, current.get("$defs", {})), "")


def _narrowed(released: Any, current: Any, at: str) -> list[str]:
    """Compare normal forms: fields may be added; none may go, take other values, or stop being there.

    Words are no contract. Fields that are there unless a result holds an error (`else`) count as required: before, such
    a file gave no document.
    """
    found = []
    for key, value in released.items():
        if key not in current:
            found.append(f"{at}/{key} is gone")
        elif key == "required":
            required = [*current[key], *_required_without_error(current)]
            found += [f"{at}: {name} is no longer required" for name in value if name not in required]
        elif key == "properties":
            for name, form in value.items():
                gone = [f"{at}/{name} is gone"]
                found += _narrowed(form, current[key][name], f"{at}/{name}") if name in current[key] else gone
        elif key in {"items", "else"}:
            found += _narrowed(value, current[key], f"{at}/{key}")
        elif key == "oneOf":
            found += [one for a, b in zip(value, current[key], strict=True) for one in _narrowed(_n(a), _n(b), at)]
        elif not _within(key, value, current[key]):
            found.append(f"{at}/{key}: {value!r} became {current[key]!r}")
    return found


def _n(schema: Any) -> dict[str, Any]:
    return normal(schema, {})


def _within(key: str, released: Any, current: Any) -> bool:
    """Whether every value that the current form allows was allowed."""
    if key in {"type", "enum"}:
        return set(current) <= set(released)
    if key in _AT_LEAST:
        return current >= released
    return current <= released if key in _AT_MOST else current == released


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
        (lambda schema: schema["$defs"]["finding"]["properties"]["value"].update(type=["number", "null"]), "became"),
        (lambda schema: schema["properties"]["optimal_loss"].pop("minimum"), "minimum is gone"),
        (lambda schema: schema["properties"]["optimal_loss"].update(minimum=-1), "became"),
        (lambda schema: schema["$defs"]["network_facts"]["properties"]["widths"].update(minItems=1), "became"),
        (lambda schema: schema["properties"]["status"].update(enum=["holds", "fails", "undecided", "?"]), "became"),
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


@pytest.mark.parametrize("command", LINED)
def test_lines_are_the_results_with_the_head(command):
    whole, line = shipped(command), shipped(f"{command}-line")
    head = {name: whole["properties"][name] for name in ("format_version", "lossurf_version", "command")}
    assert line["properties"] == {**head, **whole["properties"]["results"]["items"]["properties"]}


def test_documents_of_several_results_have_lines():
    several = {name for name in schema_names() if "results" in shipped(name)["properties"]}
    assert several == set(LINED)


@pytest.mark.parametrize("name", schema_names())
def test_every_field_is_described_or_named_by_its_type(name):
    def bare(schema: Any, at: str) -> list[str]:
        found = []
        for field, form in schema.get("properties", {}).items():
            named = {"description", "$ref", "const", "enum", "oneOf"} & set(form)
            if not named and "properties" not in form and form.get("type") != "array":
                found.append(f"{at}.{field}")
        return found

    schema = shipped(name)
    assert [*bare(schema, name), *(f for key, form in schema["$defs"].items() for f in bare(form, key))] == []


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
    with pytest.raises(AssertionError, match="name the class"):
        check_output(json.dumps(make_document("unheard-of"), indent=2))
