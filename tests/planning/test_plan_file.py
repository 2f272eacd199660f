"""A plan in a file: the same plan comes back, and nothing else passes for it."""

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
    """One plan of each kind."""
    export = tmp_path_factory.mktemp("fleet") / "export.csv"
    export.write_text(EXPORT)

    def made(fleet=False, **choices):
        whom = {"fleet": export} if fleet else {"loss": 0.1}
        return fuota.plan(IMAGE, **({"nb_coded": 5, "frag_size": 40} | whom | choices))

    return {name: made(**choices) for name, choices in PLANS.items()}


@pytest.fixture(scope="module")
def planned(plans):
    """A plan with something in every field that a file could lose."""
    return replace(plans["US915 class B, hopping"], excluded=(Excluded(name="x", reason="y"),), overridden=("one",))


@pytest.fixture(scope="module")
def document(planned, tmp_path_factory):
    """What is in the file of `planned`."""
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    save_plan(planned, path)
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Writes any text or JSON as a plan file."""
    path = tmp_path_factory.mktemp("written") / "plan.json"

    def write(content):
        octets = content if isinstance(content, bytes) else json.dumps(content).encode()
        path.write_bytes(octets)
        return path

    return write


def resealed(document):
    """With the hash of what is in it now."""
    canonical = json.dumps(document["plan"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {**document, "sha256": sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()}


def places(value, at=()):
    """The way to every value inside, as keys and indexes."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield (*at, key)
        yield from places(one, (*at, key))


def inside(value, at):
    for key in at:
        value = value[key]
    return value


def refusal(path) -> str:
    """The one line for a file that is no plan, or no longer the one that was planned."""
    with pytest.raises(PlanError) as refused:
        load_plan(path)
    told = str(refused.value)
    assert path.name in told
    assert "\n" not in told
    return told


# --- the same plan comes back


@pytest.mark.parametrize("kind", PLANS)
def test_what_was_saved_is_loaded(plans, tmp_path, kind):
    path = tmp_path / "plan.json"
    told = save_plan(plans[kind], path)
    loaded = load_plan(path)
    assert loaded == plans[kind]
    assert loaded.schedule.tobytes() == plans[kind].schedule.tobytes()
    assert loaded.transfer_parameters() == plans[kind].transfer_parameters()
    assert told == plan_sha256(plans[kind]) == plan_sha256(loaded) == json.loads(path.read_text())["sha256"]


@given(st.text(st.characters(codec=None), min_size=1, max_size=20))
def test_any_name_of_an_image_comes_back(planned, tmp_path_factory, name):
    path = tmp_path_factory.getbasetemp() / "named.json"
    named = replace(planned, image=replace(planned.image, name=name))
    save_plan(named, path)
    assert load_plan(path) == named


def test_a_plan_that_was_only_laid_out_anew_is_the_same(planned, document, written):
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


# --- nothing else passes for it


@given(st.data())
def test_a_value_that_was_edited_is_seen_wherever_it_stands(document, written, data):
    edited = copy.deepcopy(document)
    *way, last = data.draw(st.sampled_from(list(places(document["plan"]))))
    holder = inside(edited["plan"], way)
    before = json.dumps(holder[last], sort_keys=True)
    holder[last] = data.draw(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text())
    assume(json.dumps(holder[last], sort_keys=True) != before)
    assert "was changed after it was written" in refusal(written(edited))


@given(st.data())
def test_a_value_that_is_missing_is_a_plan_of_another_fuota(document, written, data):
    less = copy.deepcopy(document)
    named = [place for place in places(document["plan"]) if isinstance(place[-1], str)]
    *way, last = data.draw(st.sampled_from(named))
    del inside(less["plan"], way)[last]
    assert "is not a plan of this version of fuota" in refusal(written(resealed(less)))


@pytest.mark.parametrize(
    "way", [(), ("image",), ("pace",), ("slots",), ("success",), ("success", "mean"), ("excluded", 0), ("findings", 0)]
)
def test_a_value_too_many_is_a_plan_of_another_fuota(document, written, way):
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
def test_a_value_of_another_kind_is_a_plan_of_another_fuota(document, written, way, value):
    """It would end somewhere in the launch, with a traceback."""
    other = copy.deepcopy(document)
    inside(other["plan"], way[:-1])[way[-1]] = value
    assert "is not a plan of this version of fuota" in refusal(written(resealed(other)))


@given(octet=st.sampled_from([b"0", b"}", b" "]), share=st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_short_is_no_plan(document, written, octet, share):
    whole = json.dumps(document).encode()
    cut = whole[: int(share * (len(whole) - 1))]
    assert "is not JSON" in refusal(written(cut))
    refusal(written(cut + octet))


@pytest.mark.parametrize("octets", [b"", b"nonsense", b"\x00\x01\xff", b"\xef\xbb\xbf{}", b"{'a': 1}", b"[" * 200_000])
def test_what_is_not_json_is_no_plan(written, octets):
    path = written(octets)
    assert f"it is not JSON; `fuota plan IMAGE -o {path.name}` writes a plan" in refusal(path)


@pytest.mark.parametrize("value", [[1], "plan", 5, None, True, [], 1.5])
def test_json_that_is_no_object_is_no_plan(written, value):
    assert "is not a plan" in refusal(written(value))


@pytest.mark.parametrize("number", [0, 2, "1", None, [1]])
def test_another_format_is_named_with_the_one_that_is_read(document, written, number):
    told = refusal(written({**document, "fuota_plan": number}))
    assert f"must be 1, got {number!r}; plan again" in told


@pytest.mark.parametrize("left_out", ["fuota_plan", "sha256", "plan"])
def test_a_file_without_one_of_its_parts_is_refused(document, written, left_out):
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


def test_the_image_that_was_planned_for_is_taken(plans):
    assert check_image(plans["IN865"], IMAGE) is None


@pytest.mark.parametrize(
    "image", [b"", IMAGE[:-1], IMAGE + b"\0", b"\1" + IMAGE[1:]], ids=["empty", "shorter", "longer", "one bit"]
)
def test_another_image_is_refused_and_both_are_named(plans, image):
    with pytest.raises(ImageError) as refused:
        check_image(plans["IN865"], image)
    for one in (IMAGE, image):
        assert f"{len(one)} bytes, SHA-256 {sha256(one).hexdigest()[:16]}…" in str(refused.value)


# --- what the server is told


@pytest.mark.parametrize("kind", PLANS)
def test_a_request_tells_the_server_what_the_plan_says_it_tells(plans, kind):
    plan = plans[kind]
    query = TransferRequest(app_eui="AAAAAAAAAAAAAA01", dev_tags=["all"], **plan.transfer_fields()).query()
    said = plan.transfer_parameters()
    whom_and_defaults = {"appEui", "devTags", "useMultiPkg", "descriptor"}
    assert query.keys() - whom_and_defaults == said.keys() - whom_and_defaults
    assert bytes.fromhex(query["descriptor"]) == bytes.fromhex(said.get("descriptor", "00000000"))
    assert query["useMultiPkg"] == "false"
    for name in said.keys() - whom_and_defaults:
        assert type(said[name])(query[name]) == said[name], name


@pytest.mark.parametrize("kind", PLANS)
def test_what_the_server_is_told_makes_the_planned_fragments(plans, kind):
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
    """No file gets longer than this."""
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
def test_where_it_cannot_be_written_nothing_is(plans, tmp_path, name):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match=rf"the plan {re.escape(str(tmp_path / name))} cannot be written: ."):
        save_plan(plans["IN865"], tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "folder"]


def test_what_is_no_file_is_not_replaced_by_one(plans, tmp_path):
    """Or `-o /dev/null` of a superuser takes /dev/null from everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # so that whoever writes does not wait
    with suppress(StorageError):
        save_plan(plans["IN865"], pipe)
    os.close(reading)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_who_may_read_a_plan_is_for_the_user_to_say(plans, tmp_path, umask):
    """It names devices."""
    before = os.umask(umask)
    try:
        save_plan(plans["IN865"], tmp_path / "plan.json")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == 0o666 & ~umask
