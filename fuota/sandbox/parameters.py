"""The parameters of the three FUOTA calls, from a query string back to values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fuota.errors import ParameterError
from fuota.network import TransferRequest


def _listed(text: str) -> tuple[str, ...] | None:
    return tuple(part.strip() for part in text.split(",") if part.strip()) or None


def _flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(text)
    return text.lower() == "true"


_TRANSFER: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "appEui": ("app_eui", str),
    "devEuis": ("dev_euis", _listed),
    "devTags": ("dev_tags", _listed),
    "startDelaySecs": ("start_delay_s", int),
    "txChnl": ("tx_channel", int),
    "txDr": ("tx_data_rate", int),
    "contractId": ("contract_id", int),
    "fragAlg": ("frag_alg", str),
    "fragPkgVer": ("frag_pkg_ver", int),
    "devClass": ("dev_class", str),
    "redundancy": ("redundancy", float),
    "millisBetweenPkts": ("millis_between_pkts", int),
    "descriptor": ("descriptor", bytes.fromhex),
    "useMultiPkg": ("use_multi_pkg", _flag),
    "maxFragSize": ("max_frag_size", int),
}
_REQUIRED = ("appEui", "startDelaySecs", "redundancy")


def transfer_request(query: Mapping[str, str]) -> TransferRequest:
    """The parameters of mcastTransfer; unknown ones are ignored. Raises ParameterError."""
    absent = [name for name in _REQUIRED if name not in query]
    if absent:
        raise ParameterError(f"required parameter is missing: {', '.join(absent)}")
    values = {}
    for wire_name, (name, convert) in _TRANSFER.items():
        if wire_name in query:
            values[name] = _converted(wire_name, query[wire_name], convert)
    return TransferRequest(**values)


def job_id(query: Mapping[str, str]) -> str | None:
    """The job, under either of the spellings that the reference uses."""
    return query.get("jobId") or query.get("jobID")


def devices(query: Mapping[str, str]) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """(devEuis, devTags), one of them None. Raises ParameterError unless exactly one is given, and appEui with it."""
    dev_euis, dev_tags = _listed(query.get("devEuis", "")), _listed(query.get("devTags", ""))
    if (dev_euis is None) == (dev_tags is None) or not query.get("appEui"):
        raise ParameterError("give either jobId, or appEui with exactly one of devEuis and devTags")
    return dev_euis and tuple(eui.upper() for eui in dev_euis), dev_tags


def _converted(wire_name: str, text: str, convert: Callable[[str], Any]) -> Any:
    try:
        return convert(text)
    except ValueError:
        raise ParameterError(f"parameter {wire_name} has the value {text!r}, which is not of its type") from None
