from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuota.device import DeviceProfile, EnergyModel, load_profile, profile_names
from fuota.errors import FuotaError, MessageError, ParameterError, StorageError
from fuota.tables import parse_toml


@pytest.fixture
def write_profile(tmp_path):
    def write(text, name="meter.toml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_built_in_profiles_load_by_name():
    assert profile_names() == ("ideal", "lora-basics-modem", "loramac-node")
    assert [load_profile(name).name for name in profile_names()] == list(profile_names())


def test_the_ideal_profile_is_the_default():
    assert load_profile("ideal") == DeviceProfile()


def test_loramac_node_has_its_default_limits():
    profile = load_profile("loramac-node")  # Lora-net/LoRaMac-node issue 827
    assert (profile.max_nb_frag, profile.max_frag_size, profile.max_repairable()) == (21, 50, 5)
    assert not profile.holds(nb_frag=22, frag_size=50, padding=0)


def test_lora_basics_modem_takes_24_kb():
    profile = load_profile("lora-basics-modem")
    assert (profile.max_nb_frag, profile.max_frag_size, profile.max_repairable()) == (100, 242, 100)
    assert profile.slot_bytes == 24_200


def test_profile_file_sets_every_kind_of_value(write_profile):
    path = write_profile(
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
    ("text", "words"),
    [
        ("max_nb_fragments = 3", "meter.toml has an unknown key 'max_nb_fragments' .*'max_nb_frag'"),
        ("colour = 3", "unknown key 'colour' .known: name, version"),
        ("max_nb_frag = '3'", "max_nb_frag of meter.toml must be a whole number, got '3'"),
        ("max_nb_frag = 3.0", "max_nb_frag of meter.toml must be a whole number, got 3.0"),
        ("max_nb_frag = true", "max_nb_frag of meter.toml must be a whole number, got True"),
        ("second_buffer = 1", "second_buffer of meter.toml must be true or false, got 1"),
        ("name = 1", "name of meter.toml must be a text, got 1"),
        ("descriptor = 5", "descriptor of meter.toml must be bytes in hexadecimal, .*got 5"),
        ("descriptor = 'xyz'", "descriptor of meter.toml must be bytes in hexadecimal, .*got 'xyz'"),
        ("descriptor = '0102'", "meter.toml: descriptor .*2"),
        ("variant = 'literall'", "variant of meter.toml must be one of .*got 'literall' .*'literal'"),
        ("max_frag_size = 300", "meter.toml: max_frag_size .*300.*255"),
        ("energy = 3", "energy of meter.toml must be a table, got 3"),
        ("[energy]\nrecieve_ua = 3", "energy of meter.toml has an unknown key 'recieve_ua' .*'receive_ua'"),
        ("[energy]\nreceive_ua = -3", "receive_ua .*-3"),
    ],
)
def test_invalid_keys_and_values_are_refused(write_profile, text, words):
    with pytest.raises(ParameterError, match=words):
        load_profile(write_profile(text))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version = = 1", "meter.toml is not valid TOML: .*line 1"),
        (b"name = '\xff'", "byte 8 is not UTF-8"),
        (b"a=" + b"[" * 10_000, "deep"),
    ],
)
def test_invalid_toml_is_refused(write_profile, content, words):
    with pytest.raises(MessageError, match=words):
        load_profile(write_profile(content))


def test_byte_order_mark_is_accepted(write_profile):
    assert load_profile(write_profile(b"\xef\xbb\xbfversion = 2")).version == 2


def test_unknown_profile_name_suggests_the_closest():
    with pytest.raises(StorageError, match=r"loramac-nod is neither a file nor .*'loramac-node'"):
        load_profile("loramac-nod")


def test_folder_is_refused(tmp_path):
    with pytest.raises(StorageError, match="cannot be read"):
        load_profile(tmp_path)


@given(st.text())
def test_any_text_is_parsed_or_refused(text):
    with contextlib.suppress(FuotaError):
        parse_toml(text, "any")
