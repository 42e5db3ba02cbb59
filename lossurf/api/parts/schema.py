"""The JSON Schema (2020-12) of every document, derived from the dataclass that the document is made of.

A question's file, `lossurf/api/NAME.py`, names that class as `DOCUMENT`. Descriptions are those of the classes'
`Attributes`; limits are the forms of `lossurf.fields` in their annotations. Every field is always written, so all are
required.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path, PurePath
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from lossurf.fields import Form, documented, left_out, name_of
from lossurf.report.document import FORMAT_VERSION

Schema = dict[str, Any]

LINED: Final = ("classify", "watch")
"""Commands whose JSON lines are their results, one by one."""

HEADED: Final = ("watch",)
"""Commands whose JSON lines may have a head, the class `HEAD`, above them."""

_API: Final = Path(__file__).parents[1]
_MAJOR: Final = FORMAT_VERSION.split(".")[0]
_PLAIN: Final[dict[type, Schema]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
}


def schema_names() -> list[str]:
    """Return the documents that have a schema: a command's name, with "-line" for its JSON lines, "-head" above."""
    names = [path.stem for path in _API.glob("*.py") if path.stem != "__init__"]
    return sorted([*names, *(f"{name}-line" for name in LINED), *(f"{name}-head" for name in HEADED)])


def schema_text(name: str) -> str:
    """Return the schema of a document as JSON text."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"


def schema_of(name: str) -> Schema:
    """Return the schema of a document."""
    command = name.removesuffix("-line").removesuffix("-head")
    module = import_module(f"lossurf.api.{command}")
    document: Any = module.DOCUMENT
    forms = _Forms()
    if name.endswith("-head"):
        body = forms.of(module.HEAD)
        title = "The line above those that a monitor of lossurf.callbacks writes"
    elif name.endswith("-line"):
        body = forms.of(_item(get_type_hints(document, include_extras=True)["results"]))
        title = f"One line of `lossurf {command} --format jsonl`"
    else:
        body = forms.of(document)
        title = f"What `lossurf {command} --format json` writes"
    body = forms.definitions.pop(_named(body)) if "$ref" in body else body
    schema: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:lossurf:schema:{_MAJOR}:{name}",
        "title": title,
        **_with_head(body, command),
    }
    return schema | ({"$defs": forms.definitions} if forms.definitions else {})


def _with_head(body: Schema, command: str) -> Schema:
    """Put the fields that every document begins with before its own."""
    head = {
        "format_version": {
            "description": "Version of this form. Fields are added freely; one is renamed or removed only with a new "
            "major version.",
            "type": "string",
            "pattern": f"^{_MAJOR}\\.[0-9]+$",
        },
        "lossurf_version": {"description": "The version of lossurf that wrote the document.", "type": "string"},
        "command": {"const": command},
    }
    then = {"then": {"maxProperties": body["then"]["maxProperties"] + len(head)}} if "then" in body else {}
    return {
        **body,
        "required": [*head, *body["required"]],
        "properties": head | body["properties"],
        **then,
    }


class _Forms:
    """Schemas of types; those of dataclasses are kept as definitions that others refer to."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def of(self, kind: Any, forms: Sequence[Form] = ()) -> Schema:
        """Return the schema of a type, with the forms of its annotation."""
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return self.of(arguments[0], [*(form for form in arguments[1:] if isinstance(form, Form)), *forms])
        if origin in {Union, UnionType}:
            return _limited(self._union(arguments), forms)
        if origin is Literal:
            return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
        if origin in {tuple, Mapping}:
            return self._tuple(arguments, forms) if origin is tuple else self._mapping(*arguments)
        if is_dataclass(kind) and isinstance(kind, type):
            return _limited(self._reference(kind), forms)
        return _limited(self._simple(kind, forms), forms)

    def _simple(self, kind: Any, forms: Sequence[Form]) -> Schema:
        if any(form.dimensions for form in forms):
            return _array(next(form for form in forms if form.dimensions))
        if isinstance(kind, type) and issubclass(kind, Enum):
            return {"enum": [str(word.value) for word in kind]}
        if isinstance(kind, type) and issubclass(kind, PurePath):
            return {"type": "string"}
        for plain, schema in _PLAIN.items():
            if kind is plain:
                return dict(schema)
        raise TypeError(f"no schema is known for {kind!r}")

    def _tuple(self, arguments: tuple[Any, ...], forms: Sequence[Form]) -> Schema:
        count = {} if arguments[-1] is Ellipsis else {"minItems": len(arguments), "maxItems": len(arguments)}
        return _limited({"type": "array", "items": self.of(arguments[0]), **count}, forms)

    def _mapping(self, words: Any, value: Any) -> Schema:
        """Return the schema of a dict that has every word of a vocabulary as its key."""
        names = [str(word.value) for word in words]
        return {"type": "object", "required": names, "properties": {name: self.of(value) for name in names}}

    def _union(self, arguments: tuple[Any, ...]) -> Schema:
        kinds = [kind for kind in arguments if kind is not NoneType]
        if len(kinds) == len(arguments):
            return self._either(kinds)
        return _nullable(self.of(kinds[0]) if len(kinds) == 1 else self._either(kinds))

    def _either(self, kinds: Sequence[Any]) -> Schema:
        """Return the schema of one of several dataclasses: told apart by a word, or by a field of the last alone."""
        objects = [self._object(kind) for kind in kinds]
        properties = {name: form for each in reversed(objects) for name, form in each["properties"].items()}
        ordered = {name: properties[name] for each in objects for name in each["properties"]}
        common = [name for name in ordered if all(name in each["properties"] for each in objects)]
        united: Schema = {"type": "object", "required": common, "properties": ordered}
        word = next((name for name in common if "const" in objects[0]["properties"][name]), None)
        if word is not None:
            words = [each["properties"][word]["const"] for each in objects]
            ordered[word] = {**ordered[word], "enum": words}
            del ordered[word]["const"]
            return united | {"oneOf": [_case(each, word, common) for each in objects]}
        first, last = objects
        lone = [name for name in last["properties"] if name not in first["properties"]]
        return united | {
            "if": {"required": lone},
            "then": {"maxProperties": len(last["properties"])},
            "else": {"required": [name for name in first["required"] if name not in common]},
        }

    def _reference(self, kind: type) -> Schema:
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__.lstrip("_")).lower()
        if name not in self.definitions:
            self.definitions[name] = {}  # so that a class may hold its own
            self.definitions[name] = self._object(kind)
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, kind: type) -> Schema:
        properties = dict(self._properties(kind))
        return {"type": "object", "required": list(properties), "properties": properties}

    def _properties(self, kind: type) -> Iterable[tuple[str, Schema]]:
        hints, descriptions = get_type_hints(kind, include_extras=True), attributes(kind)
        for field in documented(kind):
            without = left_out(field)
            if without is not None:
                inner = self._properties(hints[field.name])
                yield from ((name, form) for name, form in inner if name not in without)
                continue
            said = descriptions.get(field.name)
            yield name_of(field), ({"description": said} if said else {}) | self.of(hints[field.name])


def _limited(schema: Schema, forms: Sequence[Form]) -> Schema:
    for form in forms:
        schema = schema | (dict(form.keywords) if not form.dimensions else {})
        if form.infinite and not form.dimensions:
            schema = _nullable(schema)
    return schema


def _array(form: Form) -> Schema:
    items: Schema = {"type": "number", **form.entries}
    if form.infinite:
        items = _nullable(items)
    for _ in range(form.dimensions):
        items = {"type": "array", "items": items}
    return items | dict(form.keywords)


def _nullable(schema: Schema) -> Schema:
    if "enum" in schema:
        return schema | {"enum": [*schema["enum"], None]}
    if "$ref" in schema:
        return {"oneOf": [{"type": "null"}, schema]}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return schema | {"type": [*types, *({"null"} - set(types))]}


def _case(schema: Schema, word: str, common: Sequence[str]) -> Schema:
    of_word = {"const": schema["properties"][word]["const"]}
    return {
        "properties": {word: of_word},
        "required": [name for name in schema["required"] if name not in common],
    }


def _item(kind: Any) -> Any:
    """Return the type of a tuple's items."""
    return _item(get_args(kind)[0]) if get_origin(kind) is Annotated else get_args(kind)[0]


def _named(reference: Mapping[str, str]) -> str:
    return reference["$ref"].rpartition("/")[2]


_ENTRY: Final = re.compile(r"^(\w+(?:, \w+)*) : .*$")


def attributes(kind: type) -> dict[str, str]:
    """Return what the numpydoc `Attributes` of a class, and of those it derives from, say of each field."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        _, _, section = (inspect.cleandoc(each.__doc__ or "")).partition("Attributes\n----------\n")
        names: Sequence[str] = ()
        for line in section.splitlines():
            entry = _ENTRY.match(line)
            if entry:
                names = entry[1].split(", ")
                found = {name: text for name, text in found.items() if name not in names}
            elif line.startswith(" ") and line.strip():
                found |= {name: f"{found.get(name, '')} {line.strip()}".strip() for name in names}
            elif line and not line.startswith(" "):
                break  # the next section
    return found
