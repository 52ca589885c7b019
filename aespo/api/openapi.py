"""The OpenAPI document, made from the types that the API itself reads and answers with: it cannot drift from them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from aespo import inputs
from aespo.api import represent

_TYPES = (
    inputs.Note,
    inputs.Task,
    represent.NoteView,
    represent.TaskView,
    represent.NotePage,
    represent.TaskPage,
    represent.MemberList,
    represent.UsageView,
)
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}},
        "limit": {"type": "string"},
        "allowed": {"type": "integer"},
    },
}
_REASONS = {
    400: "The request cannot be read",
    401: "No token of this workspace",
    402: "A limit of the plan is reached, or the trial is over",
    403: "The token or the role does not allow it, or the workspace is suspended",
    404: "There is nothing of this id in this workspace",
    412: "Somebody changed it since this version",
    413: "The request is too large",
    422: "The input cannot be taken",
    428: "If-Match is missing",
    429: "The plan's requests of the day are used up",
    503: "The database does not answer right now",
}
_READ, _LISTED, _WRITTEN = (401, 404, 503), (401, 422, 503), (400, 401, 402, 403, 413, 422, 429, 503)
_CHANGED, _DELETED = (*_WRITTEN, 404, 412, 428), (401, 403, 404, 412, 428, 503)
_AFTER = {"name": "after", "in": "query", "schema": {"type": "string"}, "description": "The `next` of the page before"}
_LIMIT = {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 30}}
_WORDS = {
    "name": "q",
    "in": "query",
    "schema": {"type": "string", "maxLength": 200},
    "description": "Words to search for",
}
_STATE = {"name": "state", "in": "query", "schema": {"type": "string", "enum": ["open", "doing", "done"]}}
_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9a-z]{1,40}$"}}
_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": '^"v[0-9]{1,9}"$'},
}


@lru_cache(maxsize=1)
def document() -> bytes:
    """The document, as JSON."""
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template="#/components/schemas/{name}")
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "Aespo",
            "version": "1",
            "description": "One workspace, at its own host. Authenticate with one of its API tokens.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "schemas": {**schemas, "Problem": _PROBLEM},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {str(code): _problem(text) for code, text in _REASONS.items()},
        },
    }
    return msgspec.json.encode(described)


def _paths() -> dict[str, Any]:
    return {
        "/notes": {
            "get": _operation("List notes", "NotePage", _LISTED, [_AFTER, _LIMIT, _WORDS]),
            "post": _operation("Write a note", "NoteView", _WRITTEN, body="Note", status=201),
        },
        "/notes/{id}": _item("note", "NoteView", "Note"),
        "/tasks": {
            "get": _operation("List tasks", "TaskPage", _LISTED, [_AFTER, _LIMIT, _STATE]),
            "post": _operation("Add a task", "TaskView", _WRITTEN, body="Task", status=201),
        },
        "/tasks/{id}": _item("task", "TaskView", "Task"),
        "/members": {"get": _operation("List members", "MemberList", _LISTED, [])},
        "/usage": {"get": _operation("What is used, and allowed", "UsageView", _LISTED, [])},
    }


def _item(name: str, view: str, body: str) -> dict[str, Any]:
    return {
        "get": _operation(f"Read a {name}", view, _READ, [_ID]),
        "put": _operation(f"Change a {name}", view, _CHANGED, [_ID, _MATCH], body=body),
        "delete": _operation(f"Delete a {name}", "", _DELETED, [_ID, _MATCH], status=204),
    }


def _operation(
    summary: str,
    view: str,
    problems: tuple[int, ...],
    parameters: list[dict[str, Any]] | None = None,
    *,
    body: str = "",
    status: int = 200,
) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done"}
    if view:
        done["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{view}"}}}
        done["headers"] = {"ETag": {"schema": {"type": "string"}}}
    answers = {str(code): {"$ref": f"#/components/responses/{code}"} for code in problems}
    made = {"summary": summary, "parameters": parameters or [], "responses": {str(status): done, **answers}}
    if body:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _problem(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "content": {"application/problem+json": {"schema": schema}}}
