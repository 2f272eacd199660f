"""RF fields of the data stream: the fields of the reference, with values that the region allows."""

from __future__ import annotations

import json

import pytest

from fuota.network import SenraClient, Uplink, parse_uplinks
from fuota.radio import region, region_names, sub_plan_names
from fuota.sandbox import FleetRecipe, Sandbox
from fuota.sandbox.server.rf_data import uplink_frequencies_hz, with_rf_data

RF_FIELDS = {"channel", "datarate", "freq", "rssi", "snr", "ismBand", "maxPayload"}


def uplink_with_rf_data(name, *, dev_eui="0000000000000001", seqno=0):
    uplink = Uplink(dev_eui=dev_eui, pdu=b"\x01", port=1, seqno=seqno)
    return with_rf_data(uplink, region(name), rssi_dbm=-77, snr_db=9.5)


@pytest.mark.parametrize("name", [*region_names(), *sub_plan_names()])
def test_an_uplink_has_a_channel_and_a_data_rate_of_the_region(name):
    region_, uplink = region(name), uplink_with_rf_data(name)
    rate = region_.data_rate(uplink.data_rate)
    assert rate.uplink
    assert (rate.bw_hz, rate.max_payload_bytes) == (125_000, uplink.max_payload_bytes)
    assert region_.band_hz[0] <= uplink.frequency_hz <= region_.band_hz[1]
    assert uplink.to_json().keys() > RF_FIELDS
    assert parse_uplinks(json.dumps(uplink.to_json())) == [uplink]


@pytest.mark.parametrize(("channel", "freq"), [(55, 913.3), (28, 907.9), (56, 913.5), (27, 907.7), (1, 902.5)])
def test_channels_have_the_frequencies_of_the_reference_examples(channel, freq):
    """Reference, "Batching": channel and freq of the five notifications."""
    assert uplink_frequencies_hz(region("US915"))[channel] == freq * 1_000_000


def test_a_device_uses_all_channels():
    assert {uplink_with_rf_data("US915", seqno=k).channel for k in range(64)} == set(range(64))
    assert {uplink_with_rf_data("EU868", seqno=k).channel for k in range(3)} == {0, 1, 2}


@pytest.mark.parametrize("rf_data", [True, False])
def test_the_data_stream_has_rf_fields_only_on_request(collector, wait_until, rf_data):
    fleet = FleetRecipe(devices=1, loss_low=0, loss_high=0)
    with Sandbox(fleet=fleet, speed=None, data_stream_url=collector.url, rf_data=rf_data, duplicates=1) as sandbox:
        SenraClient(sandbox.url, sandbox.api_key).downlinks.send(
            sandbox.dev_euis[0], "00", port=200
        )  # PackageVersionReq
        wait_until(lambda: len(collector.uplinks) == 2)
    near, far = collector.uplinks
    assert near.to_json().keys() & RF_FIELDS == (RF_FIELDS if rf_data else set())
    assert not rf_data or near.rssi_dbm > far.rssi_dbm


def test_the_export_has_the_data_rate_of_uplinks(make_world):
    world = make_world(devices=1)
    world.server.uplink(world.devices[0], 10, b"\x01")
    assert "Cur DR\n5\n" in world.request("GET", "device/csvExport", {"fields": "curDr"}).text
