"""Whether a message may change like this within its version: fields may only be added, and only with a default."""

from typing import Any

type Schema = dict[str, Any]


def breaks(old: Schema, new: Schema, place: str = "message") -> list[str]:
    """What would break those who still speak `old`; both are what `contracts.catalogue.schema` makes."""
    found: list[str] = []
    for part in ("message", "answer"):
        if part in old:
            found += _object(old[part], new.get(part, {}), old[part], new.get(part, {}), f"{place}.{part}")
    return found


def _object(old: Schema, new: Schema, old_root: Schema, new_root: Schema, place: str) -> list[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    before, after = old.get("properties", {}), new.get("properties", {})
    found = [f"{place}.{name}: was removed" for name in before.keys() - after.keys()]
    required = set(new.get("required", ())) - set(old.get("required", ()))
    found += [f"{place}.{name}: must have a default" for name in sorted(required)]
    for name in sorted(before.keys() & after.keys()):
        found += _field(before[name], after[name], old_root, new_root, f"{place}.{name}")
    return found


def _field(old: Schema, new: Schema, old_root: Schema, new_root: Schema, place: str) -> list[str]:
    old, new = _resolved(old, old_root), _resolved(new, new_root)
    if lost := _types(old, old_root) - _types(new, new_root):
        return [f"{place}: no longer takes {', '.join(sorted(lost))}"]
    if "enum" in old and (gone := set(map(str, old["enum"])) - set(map(str, new.get("enum") or old["enum"]))):
        return [f"{place}: no longer takes {', '.join(sorted(gone))}"]
    return _object(old, new, old_root, new_root, place) if "properties" in old else []


def _types(schema: Schema, root: Schema) -> set[str]:
    options = [_resolved(option, root) for option in schema.get("anyOf", [schema])]
    return {str(option.get("type", "any")) for option in options}


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    resolved: Schema = root["$defs"][reference.removeprefix("#/$defs/")]
    return resolved
