from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device import DeviceProfile, EnergyModel, load_profile, profile_names
from fuota.errors import FuotaError, MessageError, ParameterError, StorageError
from fuota.tables import parse_toml


@pytest.fixture
def written(tmp_path):
    def write(text, name="meter.toml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_the_built_in_profiles():
    assert profile_names() == ("ideal", "lora-basics-modem", "loramac-node")
    assert [load_profile(name).name for name in profile_names()] == list(profile_names())


def test_the_ideal_profile_is_the_default():
    assert load_profile("ideal") == DeviceProfile()


def test_loramac_node_as_it_is_delivered():
    profile = load_profile("loramac-node")  # Lora-net/LoRaMac-node issue 827
    assert (profile.max_nb_frag, profile.max_frag_size, profile.most_lost()) == (21, 50, 5)
    assert not profile.holds(nb_frag=22, frag_size=50, padding=0)


def test_lora_basics_modem_takes_24_kb():
    profile = load_profile("lora-basics-modem")
    assert (profile.max_nb_frag, profile.max_frag_size, profile.most_lost()) == (100, 242, 100)
    assert profile.slot_bytes == 24_200


def test_a_file_of_one_s_own(written):
    path = written(
        """
        version = 2
        max_nb_frag = 500
        descriptor = "0A0B0C0D"
        second_buffer = false
        frag_size_multiple = 8
        variant = "literal"

        [energy]
        receive_ua = 5_300
        """
    )
    assert load_profile(path) == DeviceProfile(
        name="meter",
        version=2,
        max_nb_frag=500,
        descriptor=bytes([10, 11, 12, 13]),
        second_buffer=False,
        frag_size_multiple=8,
        variant="literal",
        energy=EnergyModel(receive_ua=5_300),
    )
    assert load_profile(str(path)) == load_profile(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "max_nb_fragments = 3",
            "meter.toml has 'max_nb_fragments', which is no key of it: the closest is 'max_nb_frag'",
        ),
        ("colour = 3", "'colour', which is no key of it: there are name, version"),
        ("max_nb_frag = '3'", "max_nb_frag of meter.toml is '3': it must be a whole number"),
        ("max_nb_frag = 3.0", "max_nb_frag of meter.toml is 3.0: it must be a whole number"),
        ("max_nb_frag = true", "max_nb_frag of meter.toml is True: it must be a whole number"),
        ("second_buffer = 1", "second_buffer of meter.toml is 1: it must be true or false"),
        ("name = 1", "name of meter.toml is 1: it must be a text"),
        ("descriptor = 5", "descriptor of meter.toml is 5: it must be octets in hexadecimal"),
        ("descriptor = 'xyz'", "descriptor of meter.toml is 'xyz': it must be octets in hexadecimal"),
        ("descriptor = '0102'", "meter.toml: descriptor of 2 octets was given"),
        ("variant = 'literall'", "variant of meter.toml is 'literall': the closest is 'literal'"),
        ("max_frag_size = 300", "meter.toml: max_frag_size 300 was given: it is 1 to 255; the nearest is 255"),
        ("energy = 3", "energy of meter.toml is 3: it must be a table"),
        ("[energy]\nrecieve_ua = 3", "energy of meter.toml has 'recieve_ua', .*the closest is 'receive_ua'"),
        ("[energy]\nreceive_ua = -3", "receive_ua -3 was given"),
    ],
)
def test_what_no_profile_has_is_refused(written, text, said):
    with pytest.raises(ParameterError, match=said):
        load_profile(written(text))


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"version = = 1", "meter.toml is not TOML: .*line 1"),
        (b"name = '\xff'", "octet 8 is no UTF-8"),
        (b"a=" + b"[" * 10_000, "deep"),
    ],
)
def test_what_is_not_toml_is_refused(written, octets, said):
    with pytest.raises(MessageError, match=said):
        load_profile(written(octets))


def test_a_byte_order_mark_is_no_obstacle(written):
    assert load_profile(written(b"\xef\xbb\xbfversion = 2")).version == 2


def test_a_profile_that_is_not_there():
    with pytest.raises(StorageError, match=r"loramac-nod is neither a file nor .*the closest is 'loramac-node'"):
        load_profile("loramac-nod")


def test_a_folder_is_no_profile(tmp_path):
    with pytest.raises(StorageError, match="cannot be read"):
        load_profile(tmp_path)


@given(st.text())
def test_no_text_is_a_surprise(text):
    with contextlib.suppress(FuotaError):
        parse_toml(text, "any")
