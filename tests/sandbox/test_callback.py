"""The result of a registration is posted to the URL of the request, with its headers."""

from __future__ import annotations

import json

import pytest

from fuota.network.background import BackgroundServer

NEW, KEY = "AAAAAAAAAAAAAAA1", "0123456789ABCDEF0123456789ABCDEF"


class Listener:
    """Records every POST and answers `status`."""

    def __init__(self):
        self.posts, self.status = [], 200

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return
        message = await receive()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.posts.append((scope["path"], scope["query_string"].decode(), headers, json.loads(message["body"])))
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b"thanks"})


@pytest.fixture
def listener():
    listener = Listener()
    with BackgroundServer(listener) as server:
        listener.url = server.url
        yield listener


def register(world, url, headers):
    """Register a device with this callback. Return the status of the task."""
    body = {"data": [{"devEui": NEW, "appKey": KEY}], "callback": {"url": url, "headers": headers}}
    status, answer = world.call("POST", "device/register", {"token": world.service.token()}, json=body)
    assert status == 200
    request_id = answer["statusUrl"].split("reqId=")[1]
    world.clock.run_until(lambda: world.service.tasks.by_id[request_id].done)
    return world.call("GET", "device/status", {"reqId": request_id})[1]


def test_the_posted_result_equals_the_status_of_the_task(make_world, listener, wait_until):
    status = register(make_world(), f"{listener.url}/endpoint?a=1", {"X-API-Key": "123456789abcdef"})
    wait_until(lambda: listener.posts)
    ((path, query, headers, body),) = listener.posts
    assert (path, query, headers["x-api-key"]) == ("/endpoint", "a=1", "123456789abcdef")
    assert headers["content-type"] == "application/json"
    assert "authorization" not in headers
    assert body == status
    assert body["result"]["stats"]["registered"] == 1


def test_a_failed_callback_is_logged_without_its_url_and_changes_nothing(make_world, listener, wait_until, caplog):
    listener.status = 500
    status = register(make_world(), f"{listener.url}/secret", {})
    wait_until(lambda: "could not be posted" in caplog.text)
    assert status["state"] == "DONE_SUC"
    assert "secret" not in caplog.text


def test_without_a_callback_nothing_is_posted(make_world, listener):
    make_world().register(NEW)
    assert listener.posts == []
