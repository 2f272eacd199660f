"""The 20 calls of the reference, with all their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fuota.network.senra.device_records import EXPORT_FIELDS
from fuota.sandbox.http import parameters as p
from fuota.sandbox.http.parameters import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call. name: path under /rest/integration. rows: kind of the rows in its body, "" for no rows."""

    name: str
    method: str
    summary: str
    parameters: tuple[Parameter, ...]
    rows: str = ""

    @property
    def is_fuota(self) -> bool:
        """Whether it belongs to the "FUOTA API". Its answers have responseMsg and statusCode instead of message."""
        return "/" not in self.name

    @property
    def has_body(self) -> bool:
        """Whether it has a body: rows, or the file of mcastTransfer."""
        return bool(self.rows) or self.name == "mcastTransfer"


def _required(name: str, kind: p.ValueKind, alias: str = "") -> Parameter:
    return Parameter(name=name, kind=kind, required=True, alias=alias)


def _optional(name: str, kind: p.ValueKind, default: object = None, alias: str = "") -> Parameter:
    return Parameter(name=name, kind=kind, default=default, alias=alias)


_APP, _OPTIONAL_APP = _required("appEui", p.EUI), _optional("appEui", p.EUI)
_CONTRACT, _PROFILE, _TAGS = _optional("contractId", p.ID), _optional("profId", p.ID), _optional("tags", p.TAGS)
_SCOPE = (_OPTIONAL_APP, _optional("joinEui", p.EUI), _CONTRACT, _PROFILE)
_TARGETS = (_optional("devEuis", p.EUIS), _optional("devTags", p.TAGS))
_RADIO = (_optional("txChnl", p.integer(0, 255)), _optional("txDr", p.integer(0, 15)))
# 1-254 in the tables of the reference.
_PORT, _PDU = _optional("port", p.PORT, 1), _required("pdu", p.PDU)
# The reference writes eui and devEui for the same parameter, and jobID and jobId.
_EUI, _JOB = _required("eui", p.EUI, alias="devEui"), _optional("jobID", p.WORD, alias="jobId")
_TYPE = _optional("type", p.choice("D2D", "APP"))
_GROUP = (_APP, _TYPE, _required("mcAddr", p.ADDRESS))

_ALL = (
    Call(
        name="device/sendmsg",
        method="POST",
        summary="Queue a downlink for a device",
        parameters=(
            _EUI,
            _PDU,
            _PORT,
            _optional("confirmed", p.FLAG, default=False),
            _optional("timeoutMinutes", p.integer(1, 525_600), 65),
            _optional("clear", p.FLAG, default=False),
            _optional("class", p.ANY_CLASS),
            _optional("immediate", p.FLAG, default=False),
        ),
    ),
    Call(
        name="device/sendmcastmsg",
        method="POST",
        summary="Send a multicast downlink from base stations",
        parameters=(_required("addr", p.ADDRESS), _PDU, _PORT, _required("bstnEuis", p.SOME_EUIS)),
    ),
    Call(
        name="device/clearmsgs",
        method="POST",
        summary="Clear queued downlinks",
        parameters=(_EUI, _optional("msgId", p.ID)),
    ),
    Call(
        name="device/register",
        method="POST",
        summary="Register devices",
        rows="register",
        parameters=(
            _required("token", p.TOKEN),
            *_SCOPE,
            _TAGS,
            _optional("actType", p.choice("OTAA", "ABP"), "OTAA"),
        ),
    ),
    Call(
        name="device/activate",
        method="POST",
        summary="Activate devices",
        rows="activate",
        # The token is in the example and not in the table.
        parameters=(*_SCOPE, _TAGS, _optional("token", p.TOKEN)),
    ),
    Call(
        name="device/activateOne",
        method="POST",
        summary="Activate one device",
        # devEui is in the example and not in the table.
        parameters=(
            *_SCOPE,
            _TAGS,
            _optional("metadata", p.TEXT),
            _optional("lat", p.number(-90, 90)),
            _optional("lng", p.number(-180, 180)),
            _optional("devType", p.TEXT),
            _required("devEui", p.EUI, alias="eui"),
        ),
    ),
    Call(name="device/deactivate", method="POST", summary="Deactivate devices", rows="deactivate", parameters=_SCOPE),
    Call(
        name="device/update",
        method="POST",
        summary="Change fields of devices",
        rows="update",
        parameters=(_APP, _PROFILE, _optional("tagsOperation", p.choice("APPEND", "REPLACE", "DELETE")), _TAGS),
    ),
    Call(
        name="device/csvExport",
        method="GET",
        summary="Export devices as CSV",
        parameters=(
            _OPTIONAL_APP,
            _optional("fields", p.words(*EXPORT_FIELDS), ("devEui", "contract", "tags", "state", "lastHeardFrom")),
            _optional("state", p.choice("ALL", "REGISTERED", "ACTIVATED", "DEACTIVATED", "JOINED"), "ALL"),
            _optional("psrDays", p.integer(1, 31)),
            _CONTRACT,
            _optional("devEuis", p.EUIS),
        ),
    ),
    Call(
        name="device/transfer",
        method="POST",
        summary="Move devices to another application",
        rows="transfer",
        parameters=(
            _required("fromAppEui", p.EUI),
            _required("toAppEui", p.EUI),
            _required("contractId", p.ID),
            _PROFILE,
        ),
    ),
    Call(name="device/status", method="GET", summary="Status of a task", parameters=(_required("reqId", p.WORD),)),
    Call(
        name="mcastTransfer",
        method="POST",
        summary="Start a FUOTA transfer",
        parameters=(
            _APP,
            *_TARGETS,
            _required("startDelaySecs", p.integer(1)),
            *_RADIO,
            _CONTRACT,
            _optional("fragAlg", p.choice("FWD_ERR_CORR", "NB_TRANS"), "FWD_ERR_CORR"),
            _optional("fragPkgVer", p.integer(1, 2), 1),
            _optional("devClass", p.MULTICAST_CLASS, "C"),
            _required("redundancy", p.number(0.0, 1.0)),
            _optional("millisBetweenPkts", p.integer(1), 5000),
            _optional("descriptor", p.DESCRIPTOR, bytes(4)),
            _optional("useMultiPkg", p.FLAG, default=False),
            _optional("maxFragSize", p.integer(0, 253), 0),
        ),
    ),
    Call(
        name="mcastCancel",
        method="POST",
        summary="Cancel a FUOTA transfer, or leave devices out of it",
        parameters=(_JOB, _OPTIONAL_APP, *_TARGETS),
    ),
    Call(name="mcastStatus", method="GET", summary="Status of a FUOTA transfer", parameters=(_JOB, _OPTIONAL_APP)),
    Call(
        name="mcast/setup",
        method="POST",
        summary="Set up a multicast group",
        parameters=(
            _APP,
            *_TARGETS,
            *_RADIO,
            _CONTRACT,
            _optional("devClass", p.MULTICAST_CLASS, "C"),
            _optional("type", p.choice("D2D", "APP"), "D2D"),
            _optional("periodicity", p.integer(0, 7), 3),
        ),
    ),
    Call(
        name="mcast/addDevices",
        method="POST",
        summary="Add devices to a multicast group",
        parameters=(*_GROUP, *_TARGETS),
    ),
    Call(
        name="mcast/removeDevices",
        method="POST",
        summary="Remove devices from a multicast group",
        parameters=(*_GROUP, *_TARGETS),
    ),
    Call(name="mcast/status", method="GET", summary="Status of a multicast group", parameters=_GROUP),
    Call(
        name="mcast/sendmsg",
        method="POST",
        summary="Send a downlink to a multicast group",
        parameters=(*_GROUP, _PDU, _PORT),
    ),
    Call(name="mcast/delete", method="POST", summary="Remove a multicast group", parameters=_GROUP),
)
CALLS: Mapping[str, Call] = {call.name: call for call in _ALL}
"""All calls by name."""
