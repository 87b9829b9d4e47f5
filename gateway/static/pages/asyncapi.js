// Starts the AsyncAPI component. Its parser compiles schemas with `eval`, which the page's policy forbids,
// so the build without it is used, and what it would have done is done here: following local references
// and telling objects their names.
"use strict";

function resolvePointer(root, reference) {
  return reference
    .slice(2)
    .split("/")
    .map((part) => decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((node, part) => node[part], root);
}

// Each node is copied once, so a schema that contains itself ends as a cycle, as the component expects.
function dereference(root) {
  const copies = new Map();

  function visit(node) {
    if (node === null || typeof node !== "object") return node;
    if (copies.has(node)) return copies.get(node);
    if (typeof node.$ref === "string" && node.$ref.startsWith("#/")) return visit(resolvePointer(root, node.$ref));
    const copy = Array.isArray(node) ? [] : {};
    copies.set(node, copy);
    for (const [key, value] of Object.entries(node)) copy[key] = visit(value);
    return copy;
  }

  return visit(root);
}

// What is referred to from several places keeps the first name it got.
function nameEach(objects, extension) {
  for (const [name, object] of Object.entries(objects ?? {})) object[extension] ??= name;
}

function parse(root) {
  const schema = dereference(root);
  nameEach(schema.channels, "x-parser-unique-object-id");
  nameEach(schema.operations, "x-parser-unique-object-id");
  for (const channel of Object.values(schema.channels ?? {})) nameEach(channel.messages, "x-parser-unique-object-id");
  nameEach(schema.components?.messages, "x-parser-unique-object-id");
  nameEach(schema.components?.schemas, "x-parser-schema-id");
  schema["x-parser-spec-parsed"] = true;
  return schema;
}

async function show() {
  const page = document.getElementById("page");
  const answer = await fetch("/asyncapi.json");
  if (!answer.ok) {
    page.textContent = `/asyncapi.json answered ${answer.status}.`;
    return;
  }
  const schema = parse(await answer.json());
  const config = { show: { sidebar: true, errors: true }, sidebar: { showOperations: "byDefault" } };
  AsyncApiStandalone.render({ schema, config }, page);
}

show();
