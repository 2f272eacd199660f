"""Command `fuota device export`, against a server that answers as in the API reference."""

from __future__ import annotations

import pytest

from tests.network.conftest import ScriptedServer
from tests.network.test_export import EXAMPLE

EUI0, EUI1, EUI2 = "123000000000ABC0", "123000000000ABC1", "123000000000ABC2"


@pytest.fixture
def exporting(fuota, tmp_path, monkeypatch):
    """Function that runs `fuota device export`, and the server that it calls."""
    monkeypatch.setenv("FUOTA_API_KEY", "AK2:zyxwvutsrqponmlkjihgfedcba9876543210ZYXW")
    server = ScriptedServer()
    yield lambda *arguments: fuota("device", "export", *arguments, "--server", server.url), server
    server.stop()


def test_export_is_the_csv_of_the_server(exporting, tmp_path):
    export, server = exporting
    server.play(EXAMPLE)
    assert export().stdout == EXAMPLE
    server.play(EXAMPLE)
    assert export("-o", tmp_path / "e.csv").out == ""
    assert (tmp_path / "e.csv").read_bytes() == EXAMPLE


def test_export_as_json_lines(exporting):
    export, server = exporting
    server.play(EXAMPLE)
    events = export(
        "--json", "--field", "devEui,state", "--field", "yestPsr", "--psr-days", 3, "--state", "JOINED"
    ).events
    assert [event["devEui"] for event in events] == [EUI0, EUI1, EUI2]
    assert events[1]["lastHeardFrom"] == "2018-04-03T12:27:38Z"
    assert server.received[0].query == {"fields": "devEui,state,yestPsr", "psrDays": "3", "state": "JOINED"}


def test_truncated_export_leaves_the_old_file(exporting, tmp_path):
    export, server = exporting
    (tmp_path / "e.csv").write_text("before")
    server.play(EXAMPLE, does="cut")
    assert export("-o", tmp_path / "e.csv").code == 5
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".csv", ".part")] == ["e.csv"]
    assert (tmp_path / "e.csv").read_text() == "before"


def test_export_is_a_fleet_file_of_plan(fuota, exporting, tmp_path, image):
    export, server = exporting
    server.play(f"Dev EUI,State,Yest PSR,Yest Avg SNR,Cur DR\n{EUI0},JOINED,99,9,5\n{EUI1},ACTIVATED,,,\n".encode())
    export("-o", tmp_path / "fleet.csv")
    plan = fuota("plan", image, "--region", "EU868", "-d", 5, "--coded", 3, "--fleet", tmp_path / "fleet.csv", "--json")
    assert plan.code == 0, plan.err
    assert "it has not joined yet" in plan.out
