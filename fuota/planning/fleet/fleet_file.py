"""A fleet from a file: groups in TOML, or devices in CSV, written by hand or exported by the server."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fuota import files, rules
from fuota.calls import checked_call
from fuota.errors import MessageError, ParameterError, StorageError
from fuota.planning.fleet.fleet import Fleet, FleetMember
from fuota.planning.fleet.fleet_csv import NO_FIGURES, FleetReader, fleet_from_csv
from fuota.planning.fleet.link_model import LinkModel
from fuota.radio import Region
from fuota.radio import region as region_named
from fuota.tables import build, check_keys, parse_toml


@checked_call
def open_fleet(
    path: str | Path,
    *,
    region: Region | str,
    model: LinkModel | None = None,
    device_class: Literal["B", "C"] = "C",
    default_loss: float | None = None,
) -> Fleet:
    """Return the fleet in a TOML or CSV file. The extension says which of the two it is, otherwise the first line.

    path: the file. region: Region or its name. model: turns uplink figures into downlink losses; None for the model of the region
    on the frequency of RX2. device_class: class of the session. default_loss: share of frames lost by a device or group whose
    figures are unknown; None to exclude such devices and refuse such groups.

    TOML has a table [[group]] for each group: `name`, `devices`, `burst_frames`, `lat`, `lng` and one of: `loss`; `cn0_dbhz`;
    `snr_db` and `psr` (a share), either or both, of the uplinks at `data_rate` (an index). A table [link] overrides constants
    of the model.

    CSV has one device in each row. Columns are known by the letters of their headings, in any order: dev_eui, loss, burst_frames,
    snr_db, psr, data_rate, lat, lng, and the columns of the server's export ("Dev EUI", yestAvgSnr, yestPsr, curDr, estLat, estLng,
    state, devClass). A packet success rate is in percent, or a share if no value of the column is above 1. A data rate is
    3, DR3 or SF10BW125. A loss counts before everything else; of SNR and packet success rate the worse value counts; a packet
    success rate without SNR or data rate is taken for the rate of the downlink, an SNR without data rate for an SNR at 125 kHz.
    Devices that cannot take part in a session of `device_class`, and devices whose row cannot be read, are listed in `excluded`.

    Raises StorageError if the file cannot be read, MessageError if it is neither TOML nor CSV, ParameterError for a wrong value
    in TOML or a wrong argument, PlanError if no device is left.
    """
    rules.one_of("device_class", device_class, ("B", "C"))
    if default_loss is not None:
        rules.probability("default_loss", default_loss)
    channel_plan = region_named(region) if isinstance(region, str) else region
    reader = FleetReader(
        region=channel_plan,
        model=LinkModel.for_region(channel_plan) if model is None else model,
        device_class=device_class,
        default_loss=default_loss,
    )
    where, text = Path(path).name, _text(Path(path))
    if _is_toml(where, text):
        return _from_toml(parse_toml(text, where), where, reader)
    return fleet_from_csv(text, where, reader)


def _text(path: Path) -> str:
    try:
        content = files.read_whole(path, what=str(path))
    except OSError as exc:
        raise StorageError(f"{path} cannot be read: {exc.strerror or exc}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise MessageError(f"{path.name}, line {line}: byte 0x{content[exc.start]:02X} is not UTF-8 text") from None


def _is_toml(name: str, text: str) -> bool:
    suffix = Path(name).suffix.lower()
    if suffix in {".toml", ".csv"}:
        return suffix == ".toml"
    first = next((line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return first.startswith("[")


_LossOrCn0 = tuple[float | None, float | None]
"""Loss and C/N0; exactly one of the two is not None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Keys of a table [[group]]."""

    name: str
    devices: int = 1
    loss: float | None = None
    cn0_dbhz: float | None = None
    snr_db: float | None = None
    psr: float | None = None
    data_rate: int | None = None
    burst_frames: float = 1.0
    lat: float | None = None
    lng: float | None = None


def _from_toml(table: dict[str, Any], where: str, reader: FleetReader) -> Fleet:
    check_keys(table, ["group", "link"], where)
    groups, link = table.get("group", []), table.get("link", {})
    if not isinstance(groups, list) or not isinstance(link, dict):
        raise ParameterError(f"{where} has a group or a link of another form: groups are [[group]], the link is [link]")
    model = build(LinkModel, asdict(reader.model) | link, f"[link] of {where}")
    reader = replace(reader, model=model)
    return Fleet(
        members=tuple(_member(group, f"group {n} of {where}", reader) for n, group in enumerate(groups, 1)), model=model
    )


def _member(table: object, where: str, reader: FleetReader) -> FleetMember:
    if not isinstance(table, dict):
        rules.refuse(where, "a table [[group]]", table)
    group = build(_Group, {"name": where} | table, where)
    try:
        loss, cn0 = _loss_or_cn0(group, reader)
        return FleetMember(
            name=group.name,
            devices=group.devices,
            loss=loss,
            cn0_dbhz=cn0,
            burst_frames=group.burst_frames,
            lat=group.lat,
            lng=group.lng,
        )
    except ParameterError as exc:
        raise ParameterError(f"{where}: {exc}") from None


def _loss_or_cn0(group: _Group, reader: FleetReader) -> _LossOrCn0:
    if group.loss is not None or group.cn0_dbhz is not None:
        return group.loss, group.cn0_dbhz
    if group.snr_db is not None or group.psr is not None:
        return _from_uplinks(group, reader)
    if reader.default_loss is None:
        raise ParameterError(f"{NO_FIGURES}; give loss, cn0_dbhz, snr_db or psr")
    return reader.default_loss, None


def _from_uplinks(group: _Group, reader: FleetReader) -> _LossOrCn0:
    if group.psr is not None and not 0 < group.psr <= 1:
        rules.refuse("psr", "a share above 0 and at most 1", group.psr)
    rate = None if group.data_rate is None else reader.region.data_rate(group.data_rate)
    loss, cn0 = reader.model.from_uplinks(
        snr_db=math.nan if group.snr_db is None else group.snr_db,
        success=math.nan if group.psr is None else group.psr,
        rates=[rate],
    )
    if math.isnan(cn0[0]) and math.isnan(loss[0]):
        rules.refuse("data_rate", "LoRa if only an SNR is known; give psr or loss", group.data_rate)
    return (float(loss[0]), None) if math.isnan(cn0[0]) else (None, float(cn0[0]))
