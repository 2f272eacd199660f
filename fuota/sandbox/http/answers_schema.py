"""JSON Schemas of the answers (reference, "Response Example" of each call)."""

from __future__ import annotations

from collections.abc import Mapping

Schema = dict[str, object]

_TEXT: Schema = {"type": "string"}
_WHOLE: Schema = {"type": "integer"}


def _object(**members: Schema) -> Schema:
    return {"type": "object", "required": list(members), "properties": members}


ERROR = _object(message=_TEXT)
FUOTA_ERROR = _object(responseMsg=_TEXT, statusCode={"type": "integer", "enum": [400, 403, 404]})
_DOWNLINK = _object(message=_TEXT, msgId={"type": "integer", "minimum": 1})
_STARTED = _object(statusUrl=_TEXT)
_JOB = _object(jobId=_TEXT, responseMsg=_TEXT, statusCode={"type": "integer", "const": 200})
_TASK = _object(
    state={"type": "string", "enum": ["INITIAL", "QUEUED", "RUNNING", "DONE_SUC", "DONE_FAIL"]},
    result=_object(
        status=_TEXT,
        msgs={"type": "array", "items": _TEXT},
        stats={"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}},
    ),
    pctDone={"type": "integer", "minimum": 0, "maximum": 100},
)
_JOB_STATUS = _object(
    jobId=_TEXT,
    serverId=_TEXT,
    state=_TEXT,
    startTime=_WHOLE,
    endTime=_WHOLE,
    removeTime=_WHOLE,
    pctDone={"type": "integer", "minimum": 0, "maximum": 100},
    username=_TEXT,
    result=_TEXT,
    acctId=_WHOLE,
    operId=_WHOLE,
    jobLauncherClsNm=_TEXT,
)
_MEMBER = _object(devEui=_TEXT, groupId={"type": "integer", "minimum": 0, "maximum": 3}, state=_TEXT)
_GROUP = _object(
    appEui=_TEXT,
    devClass={"type": "string", "enum": ["CLASS_B", "CLASS_C"]},
    devs={"type": "array", "items": _MEMBER},
    dr=_WHOLE,
    durationSecs=_WHOLE,
    endTime=_WHOLE,
    freq={"type": "number"},
    maxFCnt=_WHOLE,
    mcAddr={"type": "string", "pattern": "^[0-9A-F]{8}$"},
    mcastType={"type": "string", "enum": ["D2D", "APP"]},
    minFCnt=_WHOLE,
    startTime=_WHOLE,
)
_BY_CALL: Mapping[str, Schema] = {
    "device/sendmsg": _DOWNLINK,
    "device/sendmcastmsg": _DOWNLINK,
    "mcast/sendmsg": _DOWNLINK,
    "device/clearmsgs": _object(clearedIds={"type": "array", "items": _WHOLE}),
    "device/activateOne": _object(message=_TEXT),
    "device/status": _TASK,
    "mcastTransfer": _JOB,
    "mcastCancel": _JOB,
    "mcastStatus": _JOB_STATUS,
}


def answer_schema(call: str) -> Schema:
    """Return the schema of the JSON answer to a successful call. (csvExport answers CSV instead.)"""
    return _BY_CALL.get(call, _GROUP if call.startswith("mcast/") else _STARTED)
