"""Description of the 20 calls as OpenAPI 3.1, made from the tables that also read the requests."""

from __future__ import annotations

from collections.abc import Mapping

from fuota.sandbox.http import answers_schema as answers
from fuota.sandbox.http.bodies import KINDS
from fuota.sandbox.http.calls import CALLS, Call
from fuota.sandbox.http.parameters import TAGS, TEXT, Parameter

Schema = Mapping[str, object]

_KEY = {"type": "string", "pattern": "^[0-9A-Fa-f]{32}$"}
_FIELDS: Mapping[str, Schema] = {
    "dev_eui": {"type": "string", "pattern": "^[0-9A-Fa-f]{16}$"},
    "lat": {"type": "number", "minimum": -90, "maximum": 90},
    "lng": {"type": "number", "minimum": -180, "maximum": 180},
    "tags": TAGS.schema,
    "metadata": TEXT.schema,
    "dev_type": TEXT.schema,
    "app_key": _KEY,
    "nwk_key": _KEY,
    "dev_addr": {"type": "string", "pattern": "^[0-9A-Fa-f]{8}$"},
    "nwk_s_key": _KEY,
    "app_s_key": _KEY,
    "dev_class": {"type": "string", "enum": ["CLASS_A", "CLASS_B", "CLASS_C", "A", "B", "C"]},
    "fw_ver": TEXT.schema,
}
_CALLBACK = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {
            "type": "string",
            "format": "uri",
            "pattern": "^https?://[a-z0-9.-]*[a-z0-9](:[1-9][0-9]{0,3})?/[!-~]*$",
        },
        "headers": {
            "type": "object",
            "propertyNames": {"pattern": "^[0-9A-Za-z-]+$"},
            "additionalProperties": {"type": "string", "pattern": "^[ -~]*$"},
        },
    },
}


def document(path: str) -> dict[str, object]:
    """Return the whole description. path: path above the names of the calls."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fuota sandbox",
            "version": "1",
            "description": "The SenRa Application API, answered by a network server and a fleet on this machine.",
        },
        "paths": {f"{path}/{call.name}": {call.method.lower(): _operation(call)} for call in CALLS.values()},
        "components": {
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "authorization"}},
        },
        "security": [{"apiKey": []}],
    }


def _operation(call: Call) -> dict[str, object]:
    refused = {"content": {"application/json": {"schema": answers.FUOTA_ERROR if call.is_fuota else answers.ERROR}}}
    parameters = [_parameter(parameter) for parameter in call.parameters]
    if call.name == "device/transfer":
        key = {"type": "string"}
        parameters.append({"name": "authorization2", "in": "header", "required": True, "schema": key})
    operation: dict[str, object] = {
        "operationId": call.name.replace("/", "_"),
        "summary": call.summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": "Success", "content": _content(call)},
            "400": {"description": "Insufficient or malformed parameters", **refused},
            "403": {"description": "Authorization failure", **refused},
            "404": {"description": "Unknown application, device, group or task", **refused},
        },
    }
    return operation | ({"requestBody": _body(call)} if call.has_body else {})


def _content(call: Call) -> dict[str, object]:
    if call.name == "device/csvExport":
        return {"text/csv": {"schema": {"type": "string"}}}
    return {"application/json": {"schema": answers.answer_schema(call.name)}}


def _parameter(parameter: Parameter) -> dict[str, object]:
    description: dict[str, object] = {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "schema": dict(parameter.kind.schema),
    }
    return description | ({"description": f"Also accepted as {parameter.alias}."} if parameter.alias else {})


def _body(call: Call) -> dict[str, object]:
    if not call.rows:
        part = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
        return {"required": True, "content": {"multipart/form-data": {"schema": part}}}
    kinds = ("OTAA", "ABP") if call.rows == "register" else (call.rows,)
    rows = [_row(kind) for kind in kinds]
    properties: dict[str, object] = {"data": {"type": "array", "minItems": 1, "items": rows[0]}}
    if call.rows == "register":
        # The parameter actType decides which of the two applies. A schema cannot express that.
        properties |= {"data": {"type": "array", "minItems": 1, "items": {"anyOf": rows}}, "callback": _CALLBACK}
    schema = {"type": "object", "required": ["data"], "properties": properties}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _row(kind: str) -> dict[str, object]:
    fields, needed = KINDS[kind].__dataclass_fields__, {"dev_eui", *(("app_key",) if kind == "OTAA" else ())}
    wire = {name: _camel(name) for name in fields if name in _FIELDS}
    return {
        "type": "object",
        "required": [wire[name] for name in wire if name in needed],
        "properties": {wire[name]: dict(_FIELDS[name]) for name in wire},
    }


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
