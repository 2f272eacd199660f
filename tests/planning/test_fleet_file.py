from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuota.errors import FuotaError, MessageError, ParameterError, PlanError, StorageError
from fuota.planning.fleet.fleet_file import open_fleet
from fuota.planning.fleet.link_model import LinkModel
from fuota.radio import region

DATA = Path(__file__).parent / "data"
EU868, US915 = region("EU868"), region("US915")
A, B, C = (f"123000000000ABC{i}" for i in "012")


@pytest.fixture
def opened(tmp_path):
    """Opens a fleet that is written to a file first."""

    def open_text(text, name="fleet.csv", **how):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return open_fleet(path, **{"region": EU868, **how})

    return open_text


def reasons(fleet):
    return {device.name: device.reason for device in fleet.excluded}


# The server's export


@pytest.fixture(scope="module")
def export():
    return open_fleet(DATA / "export.csv", region="US915")


def test_export_members(export):
    assert [member.name[-1] for member in export.members] == list("01234")
    assert export.devices == 5
    assert export.model == LinkModel.for_region(US915)
    assert (export.members[0].lat, export.members[0].lng) == (43.0775992, -70.7596765)
    assert export.members[3].lat is None


def test_export_links(export):
    model = export.model
    links = [member.cn0_dbhz for member in export.members]
    assert links[0] == pytest.approx(float(model.cn0_from_snr(6.25, 125_000)))  # 98.6 % at SF7 would be a better link
    assert links[3] == pytest.approx(float(model.cn0_from_snr(2.0, 125_000)))
    assert links[2] == pytest.approx(float(model.cn0_from_snr(-11.75, 125_000)))
    assert (links[4], export.members[4].loss) == (None, pytest.approx(0.1))  # 90 %, but its data rate is unknown


def test_excluded_devices_of_the_export_have_reasons(export):
    assert reasons(export) == {
        "line 16": "the row has 13 cells, the heading has 12",
        "123000000000ABC5": "its state is ACTIVATED: it has not joined yet",
        "123000000000ABC6": "its state is REGISTERED: it is not activated yet",
        "123000000000ABC7": "its class is CLASS_A: the session is for class C",
        "123000000000ABC8": "it has no figures of its link, and there is no default loss",
        "123000000000ABC1": "the DevEUI is already on line 3",
        "line 12": "'123000000000ABCX' is not a DevEUI: it has 16 hexadecimal digits",
        "123000000000ABC9": "'many' on line 13: a packet success rate is 0 to 100 percent",
        "123000000000ABCA": "'0' on line 14: no uplink of it arrived, so its downlink is unknown",
        "123000000000ABCB": "'DR13' on line 15: US915 has no such data rate for uplinks",
    }


def test_a_default_loss_includes_devices_without_figures():
    fleet = open_fleet(DATA / "export.csv", region=US915, default_loss=0.25)
    assert {member.name: member.loss for member in fleet.members}["123000000000ABC8"] == 0.25
    assert "123000000000ABC8" not in reasons(fleet)
    assert "123000000000ABCA" in reasons(fleet)  # no uplink of it arrived


@pytest.mark.parametrize("default_loss", [-0.1, 1.1, float("nan")])
def test_a_default_loss_is_a_share(opened, default_loss):
    with pytest.raises(ParameterError, match="default_loss must be 0 to 1, got"):
        opened(f"dev_eui\n{A}", default_loss=default_loss)


def test_a_session_for_class_b_takes_devices_of_class_b(opened):
    text = f"devEui,devClass,loss\n{A},CLASS_B,0.1\n{B},C,0.1\n{C},B/C,0.1\n"
    assert [member.name for member in opened(text, device_class="B").members] == [A, C]
    assert [member.name for member in opened(text).members] == [B, C]


@pytest.mark.parametrize(
    "heading",
    [
        "devEui,yestPsr,yestAvgSnr,curDr",
        "Dev EUI,Yest PSR,Yest Avg SNR,Cur DR",
        "dev_eui,psr,snr_db,data_rate",
        '"DEV EUI", psr ,"SNR dB",cur dr',
    ],
)
def test_headings_are_known_by_their_letters(opened, heading):
    fleet = opened(f"{heading}\n{A},90,-3,2\n")
    cn0 = float(fleet.model.cn0_from_success(0.9, fleet.model.required_cn0_dbhz(EU868.data_rate(2))))
    assert fleet.members[0].cn0_dbhz == pytest.approx(min(cn0, float(fleet.model.cn0_from_snr(-3, 125_000))))


def test_columns_come_in_any_order_with_others_between(opened):
    plain = opened(f"devEui,yestPsr,curDr\n{A},90,2\n")
    assert opened(f"note,Cur DR,Dev EUI,?,Yest PSR,note\nx,2,{A},,90,y\n").members == plain.members


@pytest.mark.parametrize("data_rate", ["3", "DR3", "dr 3", "SF9BW125", "sf9bw125", "SF9 / BW125 kHz", "DR_3", "3.0"])
def test_a_data_rate_is_an_index_or_its_parameters(opened, data_rate):
    fleet = opened(f"devEui,yestPsr,curDr\n{A},90,{data_rate}\n")
    required = fleet.model.required_cn0_dbhz(EU868.data_rate(3))
    assert fleet.members[0].cn0_dbhz == pytest.approx(float(fleet.model.cn0_from_success(0.9, required)))


def test_success_rates_that_are_all_below_one_are_shares(opened):
    percent = opened(f"devEui,yestPsr\n{A},90\n{B},1\n")
    assert [member.loss for member in percent.members] == pytest.approx([0.1, 0.99])
    shares = opened(f"devEui,yestPsr\n{A},0.9\n{B},1\n")
    assert [member.loss for member in shares.members] == pytest.approx([0.1, 0.0])
    signed = opened(f"devEui,yestPsr\n{A},0.9%\n{B},1 %\n")
    assert [member.loss for member in signed.members] == pytest.approx([0.991, 0.99])


# CSV written by hand


def test_a_table_written_by_hand(opened):
    fleet = opened(f"dev_eui,loss,burst_frames\n{A},0.1,3\n{B},0.2,\n")
    assert [(member.loss, member.burst_frames) for member in fleet.members] == [(0.1, 3.0), (0.2, 1.0)]
    assert not fleet.depends_on_data_rate


def test_a_loss_counts_before_everything_else(opened):
    fleet = opened(f"dev_eui,loss,yestPsr,yestAvgSnr,curDr\n{A},0.1,many,99,DR77\n")
    assert fleet.members[0].loss == 0.1


@pytest.mark.parametrize("eui", ["12-30-00-00-00-00-ab-c0", "12:30:00:00:00:00:AB:C0", " 123000000000abc0 "])
def test_an_eui_is_written_in_several_ways(opened, eui):
    assert opened(f"dev_eui,loss\n{eui},0.1\n").members[0].name == A


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (f"{B},1.5,1", "'1.5' on line 3: a loss is a share, 0 to 1"),
        (f"{B},-0.5,1", "'-0.5' on line 3: a loss is a share"),
        (f"{B},little,1", "'little' on line 3: a loss is a share"),
        (f"{B},inf,1", "'inf' on line 3: a loss is a share"),
        (f"{B},0.1,0", "'0' on line 3: burst_frames is 1 or more"),
        (f"{B},0.9,2", "with bursts of 2.0 frames"),
        (f"{B},nan,1", "it has no figures of its link"),
        (f"{B},0.1", "the row has 2 cells, the heading has 3"),
        (f"{A},0.1,1", "the DevEUI is already on line 2"),
        ("1234,0.1,1", "'1234' is not a DevEUI"),
        ('"x\ny",0.1,1', "is not a DevEUI"),
    ],
)
def test_a_row_that_cannot_be_read_is_left_out(opened, row, reason):
    fleet = opened(f"dev_eui,loss,burst_frames\n{A},0.1,1\n{row}\n")
    assert [member.name for member in fleet.members] == [A]
    assert reason in fleet.excluded[0].reason


@pytest.mark.parametrize(
    ("snr", "psr", "reason"),
    [
        ("60", "90", "'60' on line 3: an SNR of LoRa is -40 to 40 dB"),
        ("-41", "90", "'-41' on line 3: an SNR"),
        ("good", "90", "'good' on line 3: an SNR"),
        ("5", "-1", "'-1' on line 3: a packet success rate is 0 to 100 percent"),
        ("5", "101", "'101' on line 3: a packet success rate"),
    ],
)
def test_figures_that_no_radio_reports_are_left_out(opened, snr, psr, reason):
    fleet = opened(f"dev_eui,yestAvgSnr,yestPsr\n{A},5,90\n{B},{snr},{psr}\n")
    assert [member.name for member in fleet.members] == [A]
    assert fleet.excluded[0].reason.startswith(reason)


def test_spreadsheets_of_other_countries(opened):
    expected = opened(f"dev_eui,loss\n{A},0.1\n").members
    assert opened(f"dev_eui;loss\r\n{A};0.1\r\n").members == expected
    assert opened(f"dev_eui\tloss\n{A}\t0.1\n").members == expected
    assert opened(b"\xef\xbb\xbf" + f"dev_eui,loss\n\n{A},0.1\n,\n".encode()).members == expected


def test_the_refusal_of_a_fleet_without_devices_names_the_reasons(opened):
    with pytest.raises(PlanError, match=r"2 were left out \(2: its state is ACTIVATED: it has not joined yet\)"):
        opened(f"dev_eui,state,loss\n{A},ACTIVATED,0.1\n{B},activated,0.1\n")
    with pytest.raises(PlanError, match="the fleet has no members"):
        opened("dev_eui,loss\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "fleet.csv is empty"),
        (b"\n\n", "fleet.csv is empty"),
        (b"name,loss\nx,0.1\n", "fleet.csv, line 1: no column is a DevEUI, they are name, loss"),
        (b'dev_eui,loss\n"x,0.1\n', r"fleet.csv, line \d: not valid CSV"),
        (b"dev_eui,loss\n\xff,0.1\n", "fleet.csv, line 2: byte 0xFF is not UTF-8 text"),
        (b"dev_eui\n" + b"A" * 200_000, "line 2: not valid CSV: field larger"),
    ],
)
def test_invalid_csv_is_refused_with_its_line(opened, content, message):
    with pytest.raises(MessageError, match=message):
        opened(content)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StorageError, match="cannot be read: No such file"):
        open_fleet(tmp_path / "none.csv", region=EU868)
    with pytest.raises(StorageError, match="cannot be read"):
        open_fleet(tmp_path, region=EU868)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), name=st.sampled_from(["a.csv", "a.toml", "a.txt"]))
def test_any_bytes_are_read_or_refused_with_our_error(opened, content, name):
    with contextlib.suppress(FuotaError):
        opened(content, name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            *(st.sampled_from([A, B, "JOINED", "A", "", "3", "-7.5", "98", "nan", "1e999", "DR3", '"', "\n"]),) * 6
        ),
        max_size=6,
    )
)
def test_every_row_is_a_member_or_excluded(opened, rows):
    text = "devEui,state,devClass,yestPsr,yestAvgSnr,curDr\n" + "\n".join(",".join(row) for row in rows)
    with contextlib.suppress(MessageError, PlanError):
        fleet = opened(f"{text}\n{C},JOINED,C,99,3,3\n")
        assert len(fleet.members) + len(fleet.excluded) >= 1
        assert all(0 <= loss <= 1 for loss in fleet.losses(EU868.data_rate(3)))


# TOML


GROUPS = """
[[group]]
name = "yard"
devices = 200
loss = 0.1
burst_frames = 3

[[group]]
name = "hill"
devices = 30
snr_db = -3.5
data_rate = 3
lat = 43.08
lng = -70.76

[[group]]
name = "cellar"
psr = 0.7
data_rate = 0

[[group]]
name = "known"
cn0_dbhz = 51.5
"""


def test_groups(opened):
    fleet = opened(GROUPS, "fleet.toml")
    assert fleet.devices == 232
    assert fleet.counts.tolist() == [200, 30, 1, 1]
    assert fleet.bursts.tolist() == [3.0, 1.0, 1.0, 1.0]
    yard, hill, cellar, known = fleet.members
    assert (yard.loss, yard.cn0_dbhz) == (0.1, None)
    assert hill.cn0_dbhz == pytest.approx(float(fleet.model.cn0_from_snr(-3.5, 125_000)))
    assert cellar.cn0_dbhz < hill.cn0_dbhz
    assert known.cn0_dbhz == 51.5
    assert (hill.lat, hill.lng) == (43.08, -70.76)


def test_toml_is_known_by_its_first_line_too(opened):
    assert opened(f"# the fleet\n{GROUPS}", "fleet").devices == 232
    assert opened(f"dev_eui,loss\n{A},0.1", "fleet").devices == 1


def test_link_constants_can_be_changed(opened):
    text = "[link]\nother_loss = 0.05\ngateway_eirp_dbm = 20\n" + GROUPS
    fleet = opened(text, "fleet.toml")
    assert fleet.model == LinkModel.for_region(EU868, other_loss=0.05, gateway_eirp_dbm=20)
    usual = opened(GROUPS, "fleet.toml")
    weaker_db = usual.model.gateway_eirp_dbm - 20
    assert fleet.members[1].cn0_dbhz == pytest.approx(usual.members[1].cn0_dbhz - weaker_db)
    model = LinkModel(device_noise_figure_db=9.0)
    assert opened("[link]\nother_loss = 0.05\n" + GROUPS, "fleet.toml", model=model).model.device_noise_figure_db == 9.0


def test_a_group_without_figures_needs_a_default(opened):
    text = '[[group]]\nname = "yard"\ndevices = 3\n'
    assert opened(text, "fleet.toml", default_loss=0.2).members[0].loss == 0.2
    with pytest.raises(ParameterError, match=r"group 1 of fleet.toml: it has no figures .* give loss"):
        opened(text, "fleet.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[groups]]\nloss = 0.1", "fleet.toml has an unknown key 'groups' .did you mean 'group'"),
        ("[[group]]\nlos = 0.1", "group 1 of fleet.toml has an unknown key 'los' .did you mean 'loss'"),
        ("[[group]]\nloss = '0.1'", "loss of group 1 of fleet.toml must be a number, got '0.1'"),
        ("[[group]]\nloss = 1.1", "group 1 of fleet.toml: loss of .* must be 0 to 1, got 1.1 .nearest: 1"),
        ("[[group]]\nloss = 0.1\ncn0_dbhz = 50", "got both"),
        ("[[group]]\nloss = 0.1\ndevices = 0", "devices of .* got 0 .nearest: 1"),
        ("[[group]]\nsnr_db = 3\ndata_rate = 77", "EU868 has no DR77"),
        ("[[group]]\nsnr_db = 3\ndata_rate = 8", "data_rate must be LoRa .*, got 8"),
        ("[[group]]\npsr = 90\ndata_rate = 3", "psr must be a share above 0 and at most 1, got 90"),
        ("[[group]]\npsr = 0.0\ndata_rate = 3", "psr must be a share .* got 0.0"),
        (
            "[link]\nother_los = 1\n[[group]]\nloss = 0.1",
            r"\[link\] of fleet.toml has an unknown key 'other_los'.*'other_loss'",
        ),
        ("[link]\nother_loss = 1\n[[group]]\nloss = 0.1", r"\[link\] of fleet.toml: other_loss must be .* got 1"),
        ("group = 3", "group or a link of another form"),
        ("group = [3]", "group 1 of fleet.toml must be a table .*, got 3"),
        ("link = 3", "group or a link of another form"),
        (
            "[[group]]\nname='a'\nloss=0\n[[group]]\nname='a'\nloss=0",
            "members must have different names, got a 2 times",
        ),
    ],
)
def test_invalid_group_is_refused(opened, text, message):
    with pytest.raises(ParameterError, match=message):
        opened(text, "fleet.toml")


def test_a_share_without_a_data_rate_is_the_share_of_the_downlink(opened):
    assert opened("[[group]]\npsr = 0.8\n", "fleet.toml").members[0].loss == pytest.approx(0.2)


def test_toml_without_groups_and_invalid_toml_are_refused(opened):
    with pytest.raises(PlanError, match="the fleet has no members"):
        opened("", "fleet.toml")
    with pytest.raises(MessageError, match=r"fleet.toml is not valid TOML: .*line 2"):
        opened("[link]\n= 3", "fleet.toml")
