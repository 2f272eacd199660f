"""Plan files: the same plan is loaded, and everything else is refused."""

from __future__ import annotations

import copy
import json
import os
import re
import resource
import stat
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import fuota
from fuota.device import DeviceProfile
from fuota.errors import ImageError, PlanError, StorageError
from fuota.findings import Finding, Severity
from fuota.network import TransferRequest
from fuota.planning import Excluded, Image, check_image, load_plan, plan_sha256, save_plan

IMAGE = bytes(range(200)) * 2
PROFILE = DeviceProfile(name="meter", version=2, descriptor=bytes.fromhex("0a0b0c0d"), uplink_period_s=900)
PLANS = {
    "IN865": {"region": "IN865"},
    "EU868 at a data rate": {"region": "EU868", "data_rate": 5, "frag_size": 20},
    "EU868 on another channel": {"region": "EU868", "data_rate": 4, "frag_size": 20, "frequency_hz": 868_300_000},
    "EU868 class B": {"region": "EU868", "device_class": "B", "data_rate": 3, "frag_size": 25, "mc_addr": 0x01020304},
    "US915 class B, hopping": {"region": "US915", "device_class": "B", "start_gps_s": 1280},
    "a profile of version 2": {"region": "AS923", "profile": PROFILE},
    "no coded fragments": {"region": "IN865", "nb_coded": 0},
    "overridden": {"region": "EU868", "data_rate": 5, "frag_size": 20, "duty_cycle": 1.0, "dwell_ms": 400},
    "a start delay": {"region": "KR920", "start_delay_s": 77, "interval_ms": 4321},
    "devices left out": {"region": "IN865", "fleet": True},
}
"""What is asked of each plan, beside the image, a loss and some coded fragments."""
EXPORT = """dev_eui,state,loss
1000000000000001,JOINED,0.1
1000000000000002,ACTIVATED,0.1
"""


@pytest.fixture(scope="module")
def plans(tmp_path_factory):
    """Return a plan of each kind."""
    export = tmp_path_factory.mktemp("fleet") / "export.csv"
    export.write_text(EXPORT)

    def make(fleet=False, **choices):
        devices = {"fleet": export} if fleet else {"loss": 0.1}
        return fuota.plan(IMAGE, **({"nb_coded": 5, "frag_size": 40} | devices | choices))

    return {name: make(**choices) for name, choices in PLANS.items()}


@pytest.fixture(scope="module")
def planned(plans):
    """A plan with something in every field that a file could lose."""
    return replace(plans["US915 class B, hopping"], excluded=(Excluded(name="x", reason="y"),), overridden=("one",))


@pytest.fixture(scope="module")
def document(planned, tmp_path_factory):
    """Return the content of the file of `planned`."""
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    save_plan(planned, path)
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Writes any text or JSON as a plan file."""
    path = tmp_path_factory.mktemp("written") / "plan.json"

    def write(content):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        path.write_bytes(data)
        return path

    return write


def resealed(document):
    """Return the document with the hash of its present content."""
    canonical = json.dumps(document["plan"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**document, "sha256": sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()}


def places(value, at=()):
    """The way to every value inside, as keys and indexes."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in inside:
        yield (*at, key)
        yield from places(member, (*at, key))


def inside(value, at):
    for key in at:
        value = value[key]
    return value


def refusal(path) -> str:
    """Return the single-line message for a file that is not a plan, or that was changed."""
    with pytest.raises(PlanError) as refused:
        load_plan(path)
    message = str(refused.value)
    assert path.name in message
    assert "\n" not in message
    return message


# --- the same plan is loaded


@pytest.mark.parametrize("kind", PLANS)
def test_loaded_plan_equals_the_saved_plan(plans, tmp_path, kind):
    path = tmp_path / "plan.json"
    sha256_saved = save_plan(plans[kind], path)
    loaded = load_plan(path)
    assert loaded == plans[kind]
    assert loaded.schedule.tobytes() == plans[kind].schedule.tobytes()
    assert loaded.transfer_parameters() == plans[kind].transfer_parameters()
    assert sha256_saved == plan_sha256(plans[kind]) == plan_sha256(loaded) == json.loads(path.read_text())["sha256"]


@given(st.text(st.characters(codec=None), min_size=1, max_size=20))
def test_any_name_of_an_image_comes_back(planned, tmp_path_factory, name):
    path = tmp_path_factory.getbasetemp() / "named.json"
    named = replace(planned, image=replace(planned.image, name=name))
    save_plan(named, path)
    assert load_plan(path) == named


def test_a_plan_with_another_layout_is_the_same(planned, document, written):
    laid_out = json.dumps(document, sort_keys=True, indent=8, ensure_ascii=False).encode()
    assert load_plan(written(laid_out)) == planned


def test_the_same_plan_has_the_same_hash_and_the_same_file(plans, tmp_path):
    for name in ("one", "two"):
        save_plan(plans["IN865"], tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_two_plans_have_the_same_hash(plans):
    assert len({plan_sha256(plan) for plan in plans.values()}) == len(PLANS)


CHANGES = st.one_of(
    st.builds(dict, data_rate=st.integers(0, 15)),
    st.builds(dict, nb_coded=st.integers(0, 16_383)),
    st.builds(dict, frag_size=st.integers(1, 255)),
    st.builds(dict, channel=st.none() | st.integers(0, 255)),
    st.builds(dict, frequency_hz=st.tuples(st.integers(1, 10**9))),
    st.builds(dict, descriptor=st.none() | st.binary(min_size=4, max_size=4)),
    st.builds(dict, start_delay_s=st.integers(1, 10**6)),
    st.builds(dict, target=st.floats(0, 1)),
    st.builds(dict, confidence=st.floats(0, 1)),
    st.builds(dict, region=st.text(max_size=8)),
    st.builds(dict, slots=st.none()),
    st.builds(
        dict, image=st.builds(Image, name=st.text(max_size=8), size=st.integers(1, 10**9), sha256=st.text(max_size=64))
    ),
    st.builds(dict, overridden=st.lists(st.text(max_size=8), max_size=2).map(tuple)),
    st.builds(dict, excluded=st.lists(st.builds(Excluded, name=st.text(), reason=st.text()), max_size=2).map(tuple)),
    st.builds(
        dict,
        findings=st.lists(
            st.builds(Finding, severity=st.sampled_from(Severity), code=st.text(), message=st.text()), max_size=2
        ).map(tuple),
    ),
)


@given(CHANGES)
def test_another_plan_has_another_hash_and_comes_back_too(planned, tmp_path_factory, changes):
    other = replace(planned, **changes)
    assume(other != planned)
    path = tmp_path_factory.getbasetemp() / "other.json"
    assert save_plan(other, path) != plan_sha256(planned)
    assert load_plan(path) == other


# --- everything else is refused


@given(st.data())
def test_an_edited_value_is_noticed_everywhere(document, written, data):
    edited = copy.deepcopy(document)
    *way, last = data.draw(st.sampled_from(list(places(document["plan"]))))
    holder = inside(edited["plan"], way)
    before = json.dumps(holder[last], sort_keys=True)
    holder[last] = data.draw(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text())
    assume(json.dumps(holder[last], sort_keys=True) != before)
    assert "was changed after it was written" in refusal(written(edited))


@given(st.data())
def test_a_missing_value_is_refused(document, written, data):
    less = copy.deepcopy(document)
    named = [place for place in places(document["plan"]) if isinstance(place[-1], str)]
    *way, last = data.draw(st.sampled_from(named))
    del inside(less["plan"], way)[last]
    assert "is not a plan of this version of fuota" in refusal(written(resealed(less)))


@pytest.mark.parametrize(
    "way", [(), ("image",), ("pace",), ("slots",), ("success",), ("success", "mean"), ("excluded", 0), ("findings", 0)]
)
def test_an_unknown_value_is_refused(document, written, way):
    more = copy.deepcopy(document)
    inside(more["plan"], way)["unheard_of"] = 1
    assert "is not a plan of this version of fuota" in refusal(written(resealed(more)))


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("nb_coded",), "12"),
        (("nb_frag",), 0),
        (("frag_size",), 1.5),
        (("data_rate",), None),
        (("target",), "all"),
        (("region",), 868),
        (("pace", "interval_us"), "1000"),
        (("image",), None),
        (("frequency_hz",), 868),
        (("findings",), [7]),
    ],
)
def test_a_value_of_another_kind_is_refused(document, written, way, value):
    """Otherwise the launch would end with a traceback."""
    other = copy.deepcopy(document)
    inside(other["plan"], way[:-1])[way[-1]] = value
    assert "is not a plan of this version of fuota" in refusal(written(resealed(other)))


@given(byte=st.sampled_from([b"0", b"}", b" "]), share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(document, written, byte, share):
    whole = json.dumps(document).encode()
    cut = whole[: int(share * (len(whole) - 1))]
    assert "is not JSON" in refusal(written(cut))
    refusal(written(cut + byte))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x00\x01\xff", b"\xef\xbb\xbf{}", b"{'a': 1}", b"[" * 200_000])
def test_content_that_is_not_json_is_refused(written, content):
    path = written(content)
    assert f"it is not JSON; `fuota plan IMAGE -o {path.name}` writes a plan" in refusal(path)


@pytest.mark.parametrize("value", [[1], "plan", 5, None, True, [], 1.5])
def test_json_that_is_not_an_object_is_refused(written, value):
    assert "is not a plan" in refusal(written(value))


@pytest.mark.parametrize("number", [0, 2, "1", None, [1]])
def test_another_format_is_named_with_the_one_that_is_read(document, written, number):
    message = refusal(written({**document, "fuota_plan": number}))
    assert f"must be 1, got {number!r}; plan again" in message


@pytest.mark.parametrize("left_out", ["fuota_plan", "sha256", "plan"])
def test_a_file_without_a_part_is_refused(document, written, left_out):
    assert "plan again" in refusal(written({name: part for name, part in document.items() if name != left_out}))


@pytest.mark.parametrize("part", [None, 5, "ab" * 32, []])
def test_a_hash_of_another_plan_is_refused(document, written, part):
    assert "its SHA-256 does not match its content" in refusal(written({**document, "sha256": part}))


@pytest.mark.parametrize("name", ["missing.json", "missing/plan.json", "folder"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match=rf"the plan {re.escape(str(tmp_path / name))} cannot be read: ."):
        load_plan(tmp_path / name)


# --- for one image


def test_the_planned_image_is_accepted(plans):
    assert check_image(plans["IN865"], IMAGE) is None


@pytest.mark.parametrize(
    "image", [b"", IMAGE[:-1], IMAGE + b"\0", b"\1" + IMAGE[1:]], ids=["empty", "shorter", "longer", "one bit"]
)
def test_another_image_is_refused_with_both_hashes(plans, image):
    with pytest.raises(ImageError) as refused:
        check_image(plans["IN865"], image)
    for content in (IMAGE, image):
        assert f"{len(content)} bytes, SHA-256 {sha256(content).hexdigest()[:16]}…" in str(refused.value)


# --- request to the server


@pytest.mark.parametrize("kind", PLANS)
def test_the_request_agrees_with_the_transfer_parameters(plans, kind):
    plan = plans[kind]
    query = TransferRequest(app_eui="AAAAAAAAAAAAAA01", dev_tags=["all"], **plan.transfer_fields()).query()
    parameters = plan.transfer_parameters()
    devices_and_defaults = {"appEui", "devTags", "useMultiPkg", "descriptor"}
    assert query.keys() - devices_and_defaults == parameters.keys() - devices_and_defaults
    assert bytes.fromhex(query["descriptor"]) == bytes.fromhex(parameters.get("descriptor", "00000000"))
    assert query["useMultiPkg"] == "false"
    for name in parameters.keys() - devices_and_defaults:
        assert type(parameters[name])(query[name]) == parameters[name], name


@pytest.mark.parametrize("kind", PLANS)
def test_the_transfer_fields_make_the_planned_fragments(plans, kind):
    plan = plans[kind]
    fields = plan.transfer_fields()
    session = fuota.FragmentationSession.fit(
        IMAGE, frag_size=fields["max_frag_size"], redundancy=fields["redundancy"], version=fields["frag_pkg_ver"]
    )
    assert (session.nb_frag, session.nb_coded) == (plan.nb_frag, plan.nb_coded)
    assert (session.frag_size, session.padding) == (plan.frag_size, plan.padding)


# --- written whole or not at all


@contextmanager
def full_disk(most_bytes):
    """Limit the length of files to `most_bytes`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_new_plan_takes_the_place_of_the_old_one(plans, tmp_path):
    path = tmp_path / "plan.json"
    for kind in PLANS:
        save_plan(plans[kind], path)
    assert load_plan(path) == plans[kind]
    assert list(tmp_path.iterdir()) == [path]


def test_on_a_full_disk_the_old_plan_stays_and_nothing_beside_it(plans, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text("an older one")
    with full_disk(100), pytest.raises(StorageError, match=rf"the plan {re.escape(str(path))} cannot be written: ."):
        save_plan(plans["IN865"], path)
    assert path.read_text() == "an older one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["missing/plan.json", "file/plan.json", "folder"])
def test_nothing_is_written_if_the_file_cannot_be_written(plans, tmp_path, name):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match=rf"the plan {re.escape(str(tmp_path / name))} cannot be written: ."):
        save_plan(plans["IN865"], tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


def test_a_pipe_is_not_replaced_by_a_file(plans, tmp_path):
    """Otherwise `-o /dev/null` of a superuser would remove /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # so that the writer does not wait
    with suppress(StorageError):
        save_plan(plans["IN865"], pipe)
    os.close(reading)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_umask_decides_who_may_read_a_plan(plans, tmp_path, umask):
    """A plan names devices."""
    before = os.umask(umask)
    try:
        save_plan(plans["IN865"], tmp_path / "plan.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == 0o666 & ~umask
