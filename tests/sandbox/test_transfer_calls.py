"""The three FUOTA calls of the sandbox over real HTTP, in the form of the API reference."""

from __future__ import annotations

import itertools

import pytest

from fuota.errors import AuthenticationError, BadRequestError, NotFoundError
from fuota.network import SenraClient
from fuota.radio import fragment_phy_bytes
from fuota.radio import region as find_region

CALLS = [("POST", "mcastTransfer"), ("GET", "mcastStatus"), ("POST", "mcastCancel")]
FIRST, SECOND, THIRD = "02000000F007A001", "02000000F007A002", "02000000F007A003"


# --- mcastTransfer


@pytest.mark.parametrize(
    ("delay_s", "text"), [(1, "00:00:01"), (120, "00:02:00"), (3661, "01:01:01"), (360_000, "100:00:00")]
)
def test_the_answer_to_a_start_is_that_of_the_reference(make_world, delay_s, text):
    assert make_world().transfer(startDelaySecs=delay_s) == (
        200,
        {
            "jobId": "MCastXferJobReq:02000000F0A00001",
            "responseMsg": f"MCastXferJobReq job starting in: {text}",
            "statusCode": 200,
        },
    )


IMAGE = bytes(range(256)) * 3


@pytest.mark.parametrize(
    "body",
    [
        {"data": IMAGE},
        {"data": IMAGE, "headers": {"content-type": "application/x-firmware"}},
        {"files": {"file": ("app.bin", IMAGE)}},
        {"files": {"note": (None, "first"), "file": ("app.bin", IMAGE, "application/x-firmware")}},
    ],
    ids=["raw", "raw with a type", "multipart", "multipart with other parts"],
)
def test_the_image_is_the_body_or_its_part_named_file(make_world, body):
    world = make_world()
    query = {"appEui": world.app_eui, "devEuis": FIRST, "startDelaySecs": 60, "redundancy": 0}
    assert world.call("POST", "mcastTransfer", query, **body)[0] == 200
    world.run_to("Done")
    assert world.devices[0].package.block() == IMAGE


def test_the_case_of_a_media_type_does_not_matter(make_world):
    world = make_world()
    part = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + IMAGE + b"\r\n--xx--\r\n"
    query = {"appEui": world.app_eui, "devEuis": FIRST, "startDelaySecs": 60, "redundancy": 0}
    headers = {"content-type": "Multipart/Form-Data; boundary=xx"}
    assert world.call("POST", "mcastTransfer", query, data=part, headers=headers)[0] == 200
    world.run_to("Done")
    assert world.devices[0].package.block() == IMAGE


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"data": b""}, "empty"),
        ({"files": {"file": ("app.bin", b"")}}, "empty"),
        ({"files": {"firmware": ("app.bin", IMAGE)}}, "no part 'file'"),
        ({"files": {"file": (None, "text, not a file")}}, "no part 'file'"),
        ({"data": IMAGE, "headers": {"content-type": "multipart/form-data"}}, "cannot be read"),
        ({"data": IMAGE, "headers": {"content-type": "multipart/form-data; boundary=xx"}}, "cannot be read"),
    ],
)
def test_a_body_without_an_image_is_refused(make_world, body, message):
    world = make_world()
    query = {"appEui": world.app_eui, "devEuis": FIRST, "startDelaySecs": 60, "redundancy": 0}
    world.assert_refused(world.call("POST", "mcastTransfer", query, **body), 400, message)
    world.assert_refused(world.call("GET", "mcastStatus", {"appEui": world.app_eui}), 404, "No job")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("appEui", "AAAA", "16 hexadecimal digits"),
        ("devTags", "", "exactly one of dev_euis and dev_tags"),
        ("devEuis", FIRST, "exactly one of dev_euis and dev_tags"),  # in addition to devTags
        ("startDelaySecs", "soon", "startDelaySecs must be a whole number, got 'soon'"),
        ("startDelaySecs", "1.5", "startDelaySecs"),
        ("startDelaySecs", "", "startDelaySecs"),
        ("startDelaySecs", "0", "nearest: 1"),
        ("startDelaySecs", "999999999999", "within 366 days"),
        ("txChnl", "x", "txChnl"),
        ("txChnl", "-1", "nearest: 0"),
        ("txChnl", "256", "nearest: 255"),
        ("txChnl", "3", "EU868 has no downlink channel 3"),
        ("txDr", "x", "txDr"),
        ("txDr", "16", "nearest: 15"),
        ("txDr", "15", "EU868"),
        ("contractId", "x", "contractId"),
        ("contractId", "0", "nearest: 1"),
        ("fragAlg", "RAPTOR", "one of FWD_ERR_CORR, NB_TRANS"),
        ("fragPkgVer", "3", "nearest: 2"),
        ("fragPkgVer", "1.0", "fragPkgVer"),
        ("devClass", "A", "one of B, C"),
        ("redundancy", "much", "redundancy must be a number from 0.0 to 1.0, got 'much'"),
        ("redundancy", "1.01", "nearest: 1.0"),
        ("redundancy", "-0.1", "nearest: 0.0"),
        ("redundancy", "nan", "from 0.0 to 1.0"),
        ("redundancy", "inf", "from 0.0 to 1.0"),
        ("millisBetweenPkts", "x", "millisBetweenPkts"),
        ("millisBetweenPkts", "0", "nearest: 1"),
        ("millisBetweenPkts", "999999999999999", "within 366 days"),
        ("descriptor", "0102030", "descriptor"),
        ("descriptor", "0102030G", "descriptor"),
        ("descriptor", "010203", "4 bytes"),
        ("useMultiPkg", "yes", "useMultiPkg"),
        ("maxFragSize", "x", "maxFragSize"),
        ("maxFragSize", "254", "nearest: 253"),
        ("maxFragSize", "-1", "nearest: 0"),
    ],
)
def test_a_bad_parameter_is_explained_and_starts_nothing(make_world, name, value, message):
    world = make_world()
    world.assert_refused(world.transfer(**{name: value}), 400, message)
    world.assert_refused(world.call("GET", "mcastStatus", {"appEui": world.app_eui}), 404, "No job")


@pytest.mark.parametrize("name", ["appEui", "startDelaySecs", "redundancy"])
def test_a_missing_required_parameter_is_named(make_world, name):
    world = make_world()
    world.assert_refused(world.transfer(leave_out=[name]), 400, f"required parameter is missing: {name}")


def test_an_image_with_too_many_fragments_is_refused(make_world):
    world = make_world()
    world.assert_refused(world.transfer(bytes(20_000), maxFragSize=1), 400, "16383")


def test_repeated_fragments_do_not_count_towards_the_largest_number(make_world):
    make_world().start(bytes(9000), maxFragSize=1, fragAlg="NB_TRANS", redundancy=1)  # 18000 frames, N to 9000


def test_all_parameters_of_the_reference_are_accepted_and_unknown_parameters_ignored(make_world):
    make_world().start(
        txChnl=2,
        txDr=3,
        contractId=20,
        fragAlg="FWD_ERR_CORR",
        fragPkgVer=1,
        devClass="B",
        millisBetweenPkts=4000,
        descriptor="0102abCD",
        useMultiPkg="False",
        maxFragSize=200,
        colour="blue",
    )


@pytest.mark.parametrize(
    ("targets", "count"),
    [
        ({"devTags": "sandbox"}, 3),
        ({"devTags": "pumps, sandbox"}, 3),
        ({"devTags": "", "devEuis": f"{FIRST}, {THIRD.lower()}"}, 2),
        ({"devTags": "", "devEuis": "02-00-00-00-F0-07-A0-01"}, 1),
    ],
)
def test_devices_are_chosen_by_euis_or_tags(make_world, targets, count):
    world = make_world().start(**targets).run_to("Done")
    assert world.status()["result"] == f"Sent 20 fragments to {count} devices."


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"appEui": "02000000F0A00003"}, "Application EUI 02000000F0A00003 was not found"),
        ({"devTags": "pumps"}, "No device carries a tag of pumps"),
        (
            {"devTags": "", "devEuis": f"{FIRST},AAAAAAAAAAAAAAAA"},
            "Device EUI was not found: AAAAAAAAAAAAAAAA (1 in all)",
        ),
    ],
)
def test_unknown_applications_tags_and_devices_are_answered_404(make_world, changes, message):
    world = make_world()
    world.assert_refused(world.transfer(**changes), 404, message)
    world.assert_refused(world.call("GET", "mcastStatus", {"appEui": world.app_eui}), 404, "No job")


@pytest.mark.parametrize(
    ("region", "params", "frag_size"),
    [
        ("EU868", {}, 48),  # RX2 is DR0, 51 bytes (RP002-1.0.4)
        ("EU868", {"txDr": 3}, 112),
        ("EU868", {"txDr": 5}, 239),
        ("EU868", {"txDr": 5, "maxFragSize": 64}, 64),
        ("US915", {"txDr": 13, "maxFragSize": 100}, 100),
    ],
)
@pytest.mark.parametrize("gap_ms", [None, 1, 4000])
def test_fragments_fill_the_data_rate_and_keep_airtime_and_gap_apart(make_world, region, params, frag_size, gap_ms):
    gap = {} if gap_ms is None else {"millisBetweenPkts": gap_ms}
    world = make_world(region=region).start(bytes(4 * frag_size), **params, **gap)
    messages = world.listen(world.devices[0])
    world.run_to("Done")
    fragments = [time_us for time_us, _, payload in messages if len(payload) == frag_size + 3]
    airtime_us = find_region(region).data_rate(params.get("txDr", 0)).time_on_air_us(fragment_phy_bytes(frag_size))
    expected_us = airtime_us + 1000 * (5000 if gap_ms is None else gap_ms)
    assert [b - a for a, b in itertools.pairwise(fragments)] == [expected_us] * 7
    assert fragments[0] // 1000 == world.status()["startTime"]


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"redundancy": 0}, 10),
        ({"redundancy": "0.25"}, 13),
        ({"redundancy": 1}, 20),
        ({"fragAlg": "NB_TRANS", "redundancy": 0}, 10),
        ({"fragAlg": "NB_TRANS", "redundancy": "0.5"}, 20),
        ({"fragAlg": "NB_TRANS", "redundancy": 1}, 20),
    ],
)
def test_redundancy_adds_a_share_of_coded_fragments_or_repeats_fragments(make_world, params, sent):
    world = make_world().start(**params).run_to("Done")
    assert world.status()["result"] == f"Sent {sent} fragments to 3 devices."
    assert all(device.package.block() == bytes(480) for device in world.devices)


# --- keys, paths and methods


@pytest.mark.parametrize("key", [None, "", "AK2:wrong", "AK2:fuota-sandbox-opens-nothing-but-sandboxes2", "\xe9"])
@pytest.mark.parametrize(("method", "name"), CALLS)
def test_a_wrong_key_is_answered_403_by_every_call(make_world, method, name, key):
    world = make_world().start()
    world.assert_refused(
        world.call(method, name, {"jobId": world.job_id}, key=key), 403, "rejected due to an authorization issue"
    )
    assert world.status()["state"] == "Queued"


@pytest.mark.parametrize("path", ["", "mcast", "device/registers", "../../docs", "../../redoc"])
def test_other_paths_are_answered_404(make_world, path):
    assert make_world().call("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("method", "name"), [("GET", "mcastTransfer"), ("POST", "mcastStatus"), ("GET", "mcastCancel")]
)
def test_a_wrong_method_is_answered_405(make_world, method, name):
    assert make_world().call(method, name)[0] == 405


# --- with our own client


def test_our_client_starts_and_follows_a_transfer(make_world):
    world = make_world()
    transfers = world.client.transfers
    transfer = transfers.start(IMAGE, app_eui=world.app_eui, dev_euis=[FIRST], start_delay_s=90, redundancy=0.5)
    assert (transfer.job_id, transfer.message) == (world.job_id, "MCastXferJobReq job starting in: 00:01:30")
    status = transfers.status(job_id=transfer.job_id)
    assert (status.state, status.pct_done, status.finished) == ("Queued", 0, False)
    world.run_to("Running")
    assert not transfers.status(app_eui=world.app_eui).finished
    world.run_to("Done")
    status = transfers.status(app_eui=world.app_eui)
    assert (status.pct_done, status.finished, status.failed, status.cancelled) == (100, True, False, False)
    assert world.devices[0].package.block() == IMAGE


def test_our_client_cancels_devices_and_transfers(make_world):
    world = make_world().start()
    transfers = world.client.transfers
    assert "1 devices" in transfers.cancel(app_eui=world.app_eui, dev_euis=[SECOND]).message
    assert not transfers.status(app_eui=world.app_eui).finished
    assert transfers.cancel(job_id=world.job_id).job_id == world.job_id
    status = transfers.status(app_eui=world.app_eui)
    assert (status.state, status.finished, status.cancelled) == ("Cancelled", True, True)


def test_our_client_raises_a_separate_error_for_each_refusal(make_world):
    world = make_world()
    request = {"app_eui": world.app_eui, "dev_tags": ["sandbox"], "start_delay_s": 60, "redundancy": 1.0}
    with pytest.raises(NotFoundError, match="No job could be found"):
        world.client.transfers.status(app_eui=world.app_eui)
    with pytest.raises(NotFoundError, match="No device carries a tag"):
        world.client.transfers.start(IMAGE, **request | {"dev_tags": ["pumps"]})
    with pytest.raises(AuthenticationError):
        SenraClient(world.url, "AK2:wrong", retries=0).transfers.start(IMAGE, **request)
    world.client.transfers.start(IMAGE, **request)
    with pytest.raises(BadRequestError, match="one job per Application at a time"):
        world.client.transfers.start(IMAGE, **request)
