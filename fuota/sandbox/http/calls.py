"""The 20 calls of the reference, each with every row of its table of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fuota.network.senra.device_records import EXPORT_FIELDS
from fuota.sandbox.http import parameters as p
from fuota.sandbox.http.parameters import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call: its path under /rest/integration, its parameters, and what kind of rows its body holds ("" for no rows)."""

    name: str
    method: str
    what: str
    parameters: tuple[Parameter, ...]
    rows: str = ""

    @property
    def is_fuota(self) -> bool:
        """Whether it is of the "FUOTA API", whose answers have responseMsg and statusCode where others have message."""
        return "/" not in self.name

    @property
    def has_body(self) -> bool:
        """Whether it takes a body: rows, or the file of mcastTransfer."""
        return bool(self.rows) or self.name == "mcastTransfer"


def _needed(name: str, kind: p.Kind, also: str = "") -> Parameter:
    return Parameter(name=name, kind=kind, required=True, also=also)


def _may(name: str, kind: p.Kind, default: object = None, also: str = "") -> Parameter:
    return Parameter(name=name, kind=kind, default=default, also=also)


_APP, _MY_APP = _needed("appEui", p.EUI), _may("appEui", p.EUI)
_CONTRACT, _PROFILE, _TAGS = _may("contractId", p.ID), _may("profId", p.ID), _may("tags", p.TAGS)
_PLACE = (_MY_APP, _may("joinEui", p.EUI), _CONTRACT, _PROFILE)
_TARGETS = (_may("devEuis", p.EUIS), _may("devTags", p.TAGS))
_RADIO = (_may("txChnl", p.integer(0, 255)), _may("txDr", p.integer(0, 15)))
# 1-254 in the tables; the other two of sendmsg are the device's own.
_PORT, _PDU = _may("port", p.PORT, 1), _needed("pdu", p.PDU)
# The reference writes eui and devEui for the same parameter, jobID and jobId too.
_EUI, _JOB = _needed("eui", p.EUI, also="devEui"), _may("jobID", p.WORD, also="jobId")
_TYPE = _may("type", p.choice("D2D", "APP"))
_GROUP = (_APP, _TYPE, _needed("mcAddr", p.ADDRESS))

_ALL = (
    Call(
        name="device/sendmsg",
        method="POST",
        what="Queue a downlink for a device",
        parameters=(
            _EUI,
            _PDU,
            _PORT,
            _may("confirmed", p.FLAG, default=False),
            _may("timeoutMinutes", p.integer(1, 525_600), 65),
            _may("clear", p.FLAG, default=False),
            _may("class", p.ANY_CLASS),
            _may("immediate", p.FLAG, default=False),
        ),
    ),
    Call(
        name="device/sendmcastmsg",
        method="POST",
        what="Send a multicast downlink from base stations",
        parameters=(_needed("addr", p.ADDRESS), _PDU, _PORT, _needed("bstnEuis", p.SOME_EUIS)),
    ),
    Call(
        name="device/clearmsgs",
        method="POST",
        what="Clear queued downlinks",
        parameters=(_EUI, _may("msgId", p.ID)),
    ),
    Call(
        name="device/register",
        method="POST",
        what="Register devices",
        rows="register",
        parameters=(
            _needed("token", p.TOKEN),
            *_PLACE,
            _TAGS,
            _may("actType", p.choice("OTAA", "ABP"), "OTAA"),
        ),
    ),
    Call(
        name="device/activate",
        method="POST",
        what="Activate devices",
        rows="activate",
        # The token is in the example and not in the table.
        parameters=(*_PLACE, _TAGS, _may("token", p.TOKEN)),
    ),
    Call(
        name="device/activateOne",
        method="POST",
        what="Activate one device",
        # devEui is in the example and not in the table.
        parameters=(
            *_PLACE,
            _TAGS,
            _may("metadata", p.TEXT),
            _may("lat", p.number(-90, 90)),
            _may("lng", p.number(-180, 180)),
            _may("devType", p.TEXT),
            _needed("devEui", p.EUI, also="eui"),
        ),
    ),
    Call(name="device/deactivate", method="POST", what="Deactivate devices", rows="deactivate", parameters=_PLACE),
    Call(
        name="device/update",
        method="POST",
        what="Change fields of devices",
        rows="update",
        parameters=(_APP, _PROFILE, _may("tagsOperation", p.choice("APPEND", "REPLACE", "DELETE")), _TAGS),
    ),
    Call(
        name="device/csvExport",
        method="GET",
        what="Export devices as CSV",
        parameters=(
            _MY_APP,
            _may("fields", p.words(*EXPORT_FIELDS), ("devEui", "contract", "tags", "state", "lastHeardFrom")),
            _may("state", p.choice("ALL", "REGISTERED", "ACTIVATED", "DEACTIVATED", "JOINED"), "ALL"),
            _may("psrDays", p.integer(1, 31)),
            _CONTRACT,
            _may("devEuis", p.EUIS),
        ),
    ),
    Call(
        name="device/transfer",
        method="POST",
        what="Move devices to another application",
        rows="transfer",
        parameters=(
            _needed("fromAppEui", p.EUI),
            _needed("toAppEui", p.EUI),
            _needed("contractId", p.ID),
            _PROFILE,
        ),
    ),
    Call(name="device/status", method="GET", what="The status of a task", parameters=(_needed("reqId", p.WORD),)),
    Call(
        name="mcastTransfer",
        method="POST",
        what="Start a FUOTA task",
        parameters=(
            _APP,
            *_TARGETS,
            _needed("startDelaySecs", p.integer(1)),
            *_RADIO,
            _CONTRACT,
            _may("fragAlg", p.choice("FWD_ERR_CORR", "NB_TRANS"), "FWD_ERR_CORR"),
            _may("fragPkgVer", p.integer(1, 2), 1),
            _may("devClass", p.MULTICAST_CLASS, "C"),
            _needed("redundancy", p.number(0.0, 1.0)),
            _may("millisBetweenPkts", p.integer(1), 5000),
            _may("descriptor", p.DESCRIPTOR, bytes(4)),
            _may("useMultiPkg", p.FLAG, default=False),
            _may("maxFragSize", p.integer(0, 253), 0),
        ),
    ),
    Call(
        name="mcastCancel",
        method="POST",
        what="Cancel a FUOTA task, or leave devices out of it",
        parameters=(_JOB, _MY_APP, *_TARGETS),
    ),
    Call(name="mcastStatus", method="GET", what="The status of a FUOTA task", parameters=(_JOB, _MY_APP)),
    Call(
        name="mcast/setup",
        method="POST",
        what="Set up a multicast group",
        parameters=(
            _APP,
            *_TARGETS,
            *_RADIO,
            _CONTRACT,
            _may("devClass", p.MULTICAST_CLASS, "C"),
            _may("type", p.choice("D2D", "APP"), "D2D"),
            _may("periodicity", p.integer(0, 7), 3),
        ),
    ),
    Call(
        name="mcast/addDevices",
        method="POST",
        what="Add devices to a multicast group",
        parameters=(*_GROUP, *_TARGETS),
    ),
    Call(
        name="mcast/removeDevices",
        method="POST",
        what="Remove devices from a multicast group",
        parameters=(*_GROUP, *_TARGETS),
    ),
    Call(name="mcast/status", method="GET", what="The status of a multicast group", parameters=_GROUP),
    Call(
        name="mcast/sendmsg",
        method="POST",
        what="Send a downlink to a multicast group",
        parameters=(*_GROUP, _PDU, _PORT),
    ),
    Call(name="mcast/delete", method="POST", what="Remove a multicast group", parameters=_GROUP),
)
CALLS: Mapping[str, Call] = {call.name: call for call in _ALL}
