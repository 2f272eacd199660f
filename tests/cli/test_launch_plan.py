"""fuota launch --plan: the plan is sent as it is, for its image only; and plan, launch and watch announce the same times."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest

APP = "AAAAAAAAAAAAAA01"
JOB = f"MCastXferJobReq:{APP}"
IMAGE = random.Random(7).randbytes(340)
PLANNED = ("--region", "EU868", "-d", "5", "-s", "20", "--loss", "0.1", "--coded", "12")
IN_THE_SANDBOX = ("--speed", "max", "--devices", 3, "--loss", 0)
METER = 'name = "meter"\nversion = 2\ndescriptor = "0A0B0C0D"\nuplink_period_s = 600\nfrag_size_multiple = 8\n'


@pytest.fixture
def image(tmp_path) -> Path:
    path = tmp_path / "app.bin"
    path.write_bytes(IMAGE)
    return path


@pytest.fixture
def meter(tmp_path) -> Path:
    path = tmp_path / "meter.toml"
    path.write_text(METER)
    return path


@pytest.fixture(scope="module")
def plan_texts() -> dict[tuple[object, ...], str]:
    """Text of each plan that was made already, by its options."""
    return {}


@pytest.fixture
def planned(fuota, image, tmp_path, plan_texts):
    """Return a function that plans the image with these options and returns the file."""

    def plan(*options: object) -> Path:
        path, key = tmp_path / "plan.json", options or PLANNED
        if key not in plan_texts:
            result = fuota("plan", image, *key, "-o", path)
            assert result.code == 0, result.err
            plan_texts[key] = path.read_text()
        path.write_text(plan_texts[key])
        return path

    return plan


def content(path: Path) -> dict:
    return json.loads(path.read_text())["plan"]


def edited(path: Path, **changes: object) -> Path:
    """Return the file with other values and its old hash."""
    document = json.loads(path.read_text())
    document["plan"] |= changes
    path.write_text(json.dumps(document))
    return path


def resealed(path: Path, **changes: object) -> Path:
    """Return the file with other values and their hash."""
    document = json.loads(edited(path, **changes).read_text())
    canonical = json.dumps(document["plan"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    path.write_text(json.dumps({**document, "sha256": hashlib.sha256(canonical.encode()).hexdigest()}))
    return path


def check_refusal(result, code: int, *words: str) -> None:
    """Assert that the command printed one line with these words and sent nothing."""
    assert result.code == code, result.err
    assert result.err.splitlines() == [result.complaint]
    for word in words:
        assert word in result.complaint


# --- what is sent


@pytest.mark.parametrize(
    "options",
    [
        PLANNED,
        ("--region", "IN865", "--loss", "0.1", "--coded", "3"),
        ("--region", "IN865", "--loss", "0", "--coded", "0"),
        ("--region", "US915", "--class", "B", "--loss", "0.1", "-r", "0.5"),
        ("--region", "EU868", "-d", "3", "-s", "24", "--loss", "0.1", "--coded", "7", "--frequency", "868.3"),
        ("--region", "EU868", "-d", "5", "-s", "24", "--loss", "0.1", "--coded", "7", "--profile", "METER"),
        (
            "--region",
            "AS923",
            "-s",
            "30",
            "--loss",
            "0.1",
            "--coded",
            "5",
            "--start-delay",
            "900",
            "--interval-ms",
            "7654",
        ),
    ],
    ids=["EU868", "IN865", "no coded fragments", "class B", "another channel", "version 2", "pace"],
)
def test_the_sandbox_sends_what_was_planned(fuota, image, planned, journal, meter, options):
    path = planned(*(meter if option == "METER" else option for option in options))
    plan = content(path)
    result = fuota("launch", image, "--plan", path, *IN_THE_SANDBOX, "--json")
    assert result.code == 0
    launched, verdict = result.event("launched"), result.event("verdict")
    for name in ("nb_frag", "nb_coded", "frag_size", "data_rate"):
        assert launched[name] == plan[name], name
    frames = plan["nb_frag"] + plan["nb_coded"]
    assert launched["frames"] == verdict["frames"] == frames
    assert verdict["airtime_us"] == frames * plan["time_on_air_us"]
    (campaign,) = journal.campaigns()
    (ended,) = (event for event in journal.history(campaign.id) if event["what"] == "ended")
    assert ended["result"] == f"Sent {frames} fragments to 3 devices.", "the server's own count"
    assert verdict["image_sha256"] == hashlib.sha256(IMAGE).hexdigest()
    assert verdict["counts"]["updated"] == 3
    devices = [event for event in result.events if event["event"] == "device"]
    assert {device["received"] for device in devices} == {plan["nb_frag"]}, "nothing was lost, so more was not needed"
    assert campaign.request["devClass"] == plan["device_class"]
    assert campaign.request["millisBetweenPkts"] == str(plan["pace"]["interval_us"] // 1000)
    assert campaign.request["startDelaySecs"] == str(plan["start_delay_s"])
    assert campaign.request["descriptor"].lower() == (plan["descriptor"] or "00000000")
    assert campaign.request.get("txChnl") == (None if plan["channel"] is None else str(plan["channel"]))


def test_the_plan_is_shown_in_one_line(fuota, image, planned):
    result = fuota("launch", image, "--plan", planned(), *IN_THE_SANDBOX)
    assert result.code == 0
    summary = "app.bin: 340 bytes, 17 uncoded and 12 coded fragments of 20 bytes at DR5 (EU868)"
    assert sum(line.startswith(summary) for line in result.err.splitlines()) == 1
    assert "in 29 frames" in result.out


def test_an_image_from_a_pipe_is_sent_by_its_plan(fuota, planned):
    result = fuota("launch", "-", "--plan", planned(), *IN_THE_SANDBOX, "--json", stdin=IMAGE)
    assert (result.code, result.event("launched")["frames"]) == (0, 29)


def test_a_server_receives_the_parameters_of_the_plan(fuota, image, planned, http_server):
    path, requests = planned(), []

    def reply(method, path, headers, body):
        requests.append((method, path))
        posted = any(earlier == "POST" for earlier, _ in requests)
        return (200, {"jobId": JOB, "state": "Done"}) if posted else (404, {})

    where = ("--server", http_server(reply), "--app-eui", APP, "--tag", "north", "--poll", 0.05)
    result = fuota("launch", image, "--plan", path, *where, "--json")
    assert result.code == 8, "no device has reported"
    assert result.event("launched")["frames"] == 29, "the region comes from the plan"
    ((_, posted),) = (request for request in requests if request[0] == "POST")
    query = dict(part.split("=") for part in posted.partition("?")[2].split("&"))
    parameters = fuota("plan", image, *PLANNED, "--json").event("plan")["transfer_parameters"]
    assert {name: query[name] for name in parameters} == {name: str(value) for name, value in parameters.items()}
    assert query.keys() - parameters.keys() == {"appEui", "devTags", "descriptor", "useMultiPkg"}


# --- what is kept


def test_the_journal_records_the_hash_of_the_plan(fuota, image, planned, journal):
    path = planned()
    sha256 = json.loads(path.read_text())["sha256"]
    result = fuota("launch", image, "--plan", path, *IN_THE_SANDBOX, "--json")
    assert result.event("launched")["plan_sha256"] == sha256
    (campaign,) = journal.campaigns()
    assert campaign.plan_sha256 == sha256


def test_a_launch_without_a_plan_file_records_no_hash(fuota, image, journal):
    result = fuota("launch", image, *IN_THE_SANDBOX, "--json")
    assert result.event("launched")["plan_sha256"] is None
    (campaign,) = journal.campaigns()
    assert campaign.plan_sha256 is None


# --- the target

LOSSY = ("--speed", "max", "--devices", 12, "--loss", "0.2-0.4", "--json")


@pytest.mark.parametrize(
    ("target", "option", "code"),
    [(0.01, (), 0), (0.999, (), 1), (0.999, ("--target", 0.01), 0), (0.01, ("--target", 1), 1)],
)
def test_the_target_of_the_plan_is_used_unless_another_is_given(fuota, image, planned, target, option, code):
    path = planned(*PLANNED, "--target", target)
    result = fuota("launch", image, "--plan", path, *LOSSY, *option)
    assert 0 < result.event("verdict")["counts"]["updated"] < 12, "otherwise the target decides nothing"
    assert result.code == code


# --- options that the plan decides


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("-r 0.5", "--redundancy"),
        ("--redundancy 0.7", "--redundancy"),
        ("-d 5", "--data-rate"),
        ("-s 20", "--frag-size"),
        ("--interval-ms 5000", "--interval-ms"),
        ("--start-delay 300", "--start-delay"),
        ("--region EU868", "--region"),
        ("--channel 2", "--channel"),
        ("--class C", "--class"),
        ("--version 1", "--version"),
        ("--frag-alg NB_TRANS", "--frag-alg"),
        ("--descriptor 00000000", "--descriptor"),
    ],
)
def test_an_option_that_the_plan_decides_is_a_usage_error(fuota, image, planned, journal, option, name):
    """This holds even if both agree: the command line can then be read without the plan."""
    result = fuota("launch", image, "--plan", planned(), *option.split(), *IN_THE_SANDBOX)
    check_refusal(result, 2, f"--plan decides {name} too", "plan again")
    assert journal.campaigns() == []


def test_all_options_that_the_plan_decides_are_named(fuota, image, planned, journal):
    twice = ("--region", "EU868", "-d", 5, "-r", 0.5, "-s", 20)
    result = fuota("launch", image, "--plan", planned(), *twice, *IN_THE_SANDBOX, "--json")
    assert result.code == 2
    for name in ("--region", "--data-rate", "--redundancy", "--frag-size"):
        assert name in result.event("error")["message"]
    assert "--interval-ms" not in result.event("error")["message"]
    assert journal.campaigns() == []


def test_options_that_the_plan_leaves_open_are_accepted(fuota, image, planned):
    others = ("--target", 0.9, "--seed", 5, "--multi-package", "--contract-id", 7, "--yes")
    assert fuota("launch", image, "--plan", planned(), *others, *IN_THE_SANDBOX).code == 0


# --- refused plans and images


@pytest.mark.parametrize(
    "other", [IMAGE[:-1], IMAGE + b"\0", b"\0" + IMAGE[1:], b""], ids=["shorter", "longer", "changed", "empty"]
)
def test_an_image_that_was_changed_is_refused(fuota, image, planned, journal, other):
    path = planned()
    image.write_bytes(other)
    digest = hashlib.sha256(other).hexdigest()[:16]
    check_refusal(
        fuota("launch", image, "--plan", path, *IN_THE_SANDBOX),
        3,
        "the plan is for app.bin, 340 bytes",
        digest,
        "plan again",
    )
    assert journal.campaigns() == []


@pytest.mark.parametrize("changes", [{"nb_coded": 13}, {"region": "IN865"}, {"target": 0.5}, {"unheard_of": 1}])
def test_a_plan_that_was_changed_is_refused(fuota, image, planned, journal, changes):
    result = fuota("launch", image, "--plan", edited(planned(), **changes), *IN_THE_SANDBOX)
    check_refusal(result, 3, "plan.json was changed after it was written", "plan again")
    assert journal.campaigns() == []


@pytest.mark.parametrize(
    "changes", [{"nb_coded": "12"}, {"nb_frag": 0}, {"region": 868}, {"target": "all"}, {"pace": {}}, {"version": 9}]
)
def test_a_plan_with_invalid_values_is_refused(fuota, image, planned, journal, changes):
    check_refusal(fuota("launch", image, "--plan", resealed(planned(), **changes), *IN_THE_SANDBOX), 3)
    assert journal.campaigns() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is not JSON"),
        ("{", "it is not JSON"),
        ("[1]", "is not a plan"),
        ('{"fuota_plan": 2}', "must be 1, got 2"),
    ],
)
def test_a_file_that_is_not_a_plan_is_refused(fuota, image, tmp_path, journal, text, words):
    (tmp_path / "plan.json").write_text(text)
    check_refusal(fuota("launch", image, "--plan", tmp_path / "plan.json", *IN_THE_SANDBOX), 3, "plan.json", words)
    assert journal.campaigns() == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing.json", "No such file or directory"), ("app.bin/x", "Not a directory"), ("folder", "directory")],
)
def test_a_plan_that_cannot_be_read_is_exit_code_2(fuota, image, tmp_path, journal, name, words):
    (tmp_path / "folder").mkdir()
    check_refusal(fuota("launch", image, "--plan", tmp_path / name, *IN_THE_SANDBOX), 2, name, words)
    assert journal.campaigns() == []


def test_a_plan_for_the_application_to_send_is_refused(fuota, image, tmp_path, journal):
    """An application-managed plan may have more coded fragments than mcastTransfer takes."""
    path = tmp_path / "plan.json"
    managed = fuota(
        "plan", image, "--region", "EU868", "-d", 5, "-s", 20, "--coded", 40, "--application-managed", "-o", path
    )
    if managed.code == 0:
        check_refusal(fuota("launch", image, "--plan", path, *IN_THE_SANDBOX), 3)
    assert managed.code in (0, 3)
    assert journal.campaigns() == []


# --- one planner

SAME = ("--region", "EU868", "-d", "5", "-r", "0.3")


def launched_without_plan(fuota, image, http_server, *options: object):
    """Launch on a server that ends the job at once; return the result and the id of the campaign."""
    posts = []

    def reply(method, path, headers, body):
        posts.extend(["POST"] * (method == "POST"))
        return (200, {"jobId": JOB, "state": "Done", "startTime": 1, "endTime": 2}) if posts else (404, {})

    where = ("--server", http_server(reply), "--app-eui", APP, "--tag", "north", "--poll", 0.05)
    result = fuota("launch", image, *options, *where, "--json")
    return result, result.event("launched")["campaign"]


def test_plan_launch_and_watch_have_the_same_duration(fuota, large, http_server, journal, tmp_path):
    plan = fuota("plan", large, *SAME, "-o", tmp_path / "plan.json", "--json").event("plan")
    result, campaign = launched_without_plan(fuota, large, http_server, *SAME)
    launched = result.event("launched")
    assert (launched["duration_ms"], launched["interval_ms"]) == (plan["duration_ms"], plan["interval_ms"])
    assert (launched["frames"], launched["airtime_us"]) == (plan["nb_frag"] + plan["nb_coded"], plan["airtime_us"])
    assert journal.campaign(campaign).expected["duration_ms"] == plan["duration_ms"]
    by_file, _ = launched_without_plan(fuota, large, http_server, "--plan", tmp_path / "plan.json")
    assert by_file.event("launched")["duration_ms"] == plan["duration_ms"]


def test_options_that_are_not_given_are_planned_as_by_fuota_plan(fuota, large, http_server):
    plan = fuota("plan", large, "--region", "EU868", "--json").event("plan")
    result, _ = launched_without_plan(fuota, large, http_server, "--region", "EU868")
    for name in ("data_rate", "frag_size", "nb_frag", "nb_coded", "interval_ms", "duration_ms"):
        assert result.event("launched")[name] == plan[name], name


@pytest.mark.parametrize("options", [(), ("-d", "5"), ("-d", "0", "-r", "0.5"), ("--frag-alg", "NB_TRANS", "-d", "3")])
def test_a_launch_stays_within_the_duty_cycle_of_eu868(fuota, large, http_server, journal, options):
    result, campaign = launched_without_plan(fuota, large, http_server, "--region", "EU868", *options)
    launched = result.event("launched")
    assert launched["airtime_us"] / launched["frames"] <= 0.10 * launched["interval_ms"] * 1000
    assert journal.campaign(campaign).request["millisBetweenPkts"] == str(launched["interval_ms"])


def test_an_interval_that_breaks_the_duty_cycle_is_refused_as_by_fuota_plan(fuota, large, journal):
    options = ("--region", "EU868", "-d", "0", "--interval-ms", "5000")
    where = ("--server", "http://127.0.0.1:1", "--app-eui", APP, "--tag", "north")
    planned, launched = fuota("plan", large, *options), fuota("launch", large, *options, *where)
    assert (planned.code, launched.code) == (3, 3)
    assert "28125" in launched.complaint
    assert launched.complaint == planned.complaint
    assert journal.campaigns() == []
