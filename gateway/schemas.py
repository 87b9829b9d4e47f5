"""JSON Schemas of messages for the generated documents: what may be sent, and what is answered."""

import re
from collections.abc import Callable, Iterable
from typing import Any, override

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

from contracts.message import Message

Schema = dict[str, Any]

INPUT = "Input"
PAGE = re.compile(r"Page_(\w+?)(?:View)?_$")
REFERENCE = "#/components/schemas/"


class _Generator(GenerateJsonSchema):
    """Leaves out the titles that only repeat names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        del schema
        return False

    @override
    def str_schema(self, schema: core_schema.StringSchema) -> Schema:
        """A text whose outer blanks are not counted has something else in it."""
        found = super().str_schema(schema)
        if self.mode == "validation" and schema.get("strip_whitespace") and schema.get("min_length"):
            found["allOf"] = [{"pattern": r"\S"}]
        return found


def of_inputs(messages: Iterable[type[Message]]) -> dict[str, Schema]:
    """The schemas of what may be sent, by component name: nothing but the named fields."""
    schemas = _schemas(messages, "validation", lambda name: name + INPUT)
    for schema in _walk(schemas):
        if schema.get("type") == "object" and ("properties" in schema or "patternProperties" in schema):
            schema["additionalProperties"] = False
        _without_null_defaults(schema)
    return schemas


def of_answers(views: Iterable[type[Message]]) -> dict[str, Schema]:
    """The schemas of what is answered, by component name: fields may be added within a version."""
    return _schemas(views, "serialization", lambda name: PAGE.sub(r"\1Page", name))


def name_of(view: type[Message]) -> str:
    """The component name of an answer."""
    return PAGE.sub(r"\1Page", re.sub(r"[^A-Za-z0-9_]", "_", view.__name__))


def reference(name: str) -> Schema:
    """A reference to a component."""
    return {"$ref": REFERENCE + name}


def pruned(components: dict[str, Any], paths: dict[str, Any]) -> dict[str, Any]:
    """The components less the schemas that nothing refers to."""
    known: dict[str, Schema] = components["schemas"]
    wanted: set[str] = set()
    found = _references(paths)
    while found:
        wanted |= found
        found = {name for parent in found for name in _references(known[parent])} - wanted
    return components | {"schemas": {name: known[name] for name in sorted(wanted)}}


def _references(value: Any) -> set[str]:
    pointers = (schema.get("$ref") for schema in _walk(value))
    return {
        pointer.removeprefix(REFERENCE)
        for pointer in pointers
        if isinstance(pointer, str) and pointer.startswith(REFERENCE)
    }


def _schemas(
    messages: Iterable[type[Message]], mode: JsonSchemaMode, rename: Callable[[str], str]
) -> dict[str, Schema]:
    models = [(message, mode) for message in dict.fromkeys(messages)]
    template = REFERENCE + "{model}"
    _, top = models_json_schema(models, ref_template=template, schema_generator=_Generator)
    found: dict[str, Schema] = {rename(name): schema for name, schema in top.get("$defs", {}).items()}
    for schema in _walk(found):
        if "$ref" in schema:
            schema["$ref"] = REFERENCE + rename(schema["$ref"].removeprefix(REFERENCE))
        if isinstance(schema.get("title"), str):
            del schema["title"]
    return found


def _walk(value: Any) -> Iterable[Schema]:
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from _walk(part)
    elif isinstance(value, list):
        for part in value:
            yield from _walk(part)


def _without_null_defaults(schema: Schema) -> None:
    if "default" in schema and schema["default"] is None:
        del schema["default"]
