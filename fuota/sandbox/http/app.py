"""HTTP application of the sandbox: the 20 calls of the reference, and their description at /openapi.json."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from fuota.errors import AuthenticationError, BadRequestError, FuotaError, NotFoundError, StorageError
from fuota.network.redaction import redact
from fuota.sandbox.http import parameters
from fuota.sandbox.http.bodies import MAX_BODY_BYTES
from fuota.sandbox.http.calls import CALLS, Call
from fuota.sandbox.http.handlers import answer as answer_to
from fuota.sandbox.http.openapi import document
from fuota.sandbox.http.service import ApiRequest, Service

PATH = "/rest/integration"
_TOO_LONG = f"the body is longer than {MAX_BODY_BYTES} bytes: send it in several requests"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def create_app(service: Service) -> FastAPI:
    """Return an application that answers the 20 calls for `service`.

    Errors are answered as {"message": ...}, by the three FUOTA calls as {"responseMsg": ..., "statusCode": ...}: 403 for a wrong
    key, 404 for unknown devices, groups and tasks, 500 if the state could not be saved, 400 for other errors.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    description = document(PATH)
    app.openapi = lambda: description  # type: ignore[method-assign]
    for call in CALLS.values():
        app.add_api_route(
            f"{PATH}/{call.name}", _http_handler(call, service), methods=[call.method], response_model=None
        )
    return app


def _http_handler(call: Call, service: Service) -> Handler:
    """Return the HTTP handler of a call. It checks key and parameters, and turns errors into answers."""

    async def answer(request: Request) -> Response:
        try:
            content = await run_in_threadpool(answer_to, service, call.name, await _checked(call, service, request))
        except FuotaError as error:
            return _refusal(call, error)
        if isinstance(content, list):
            return Response("".join(content), media_type="text/csv")
        return JSONResponse(content)

    return answer


async def _checked(call: Call, service: Service, request: Request) -> ApiRequest:
    """Return the request with its key and parameters checked. Raises FuotaError."""
    query, headers = request.query_params, request.headers
    # "passed either as a URL parameter or in an authorization header" (reference). Older clients name the parameter apikey.
    key = service.keys.check(headers.get("authorization") or query.get("apikey"), call.name)
    return ApiRequest(
        values=parameters.read(call.parameters, query),
        key=key,
        url=str(request.base_url).rstrip("/"),
        body=await _body(call, request),
        other_key=headers.get("authorization2"),
    )


def _refusal(call: Call, error: FuotaError) -> JSONResponse:
    match error:
        case AuthenticationError():
            code = 403
        case NotFoundError():
            code = 404
        case StorageError():  # the state file: not a fault of the request
            code = 500
        case _:
            code = 400
    message = redact(str(error))
    content = {"responseMsg": message, "statusCode": code} if call.is_fuota else {"message": message}
    return JSONResponse(content, status_code=code)


async def _body(call: Call, request: Request) -> bytes:
    """Return the body of a call that has one: rows as JSON, or the file.

    The file is a part of a multipart body (example of the reference) or the whole body (table of the reference).
    """
    if not call.has_body:
        return b""
    if int(request.headers.get("content-length") or 0) > MAX_BODY_BYTES:  # uvicorn has checked that it is a number
        raise BadRequestError(_TOO_LONG)
    body = await _read(request)
    if call.rows or not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return body
    try:
        async with Request(request.scope, _replay(body)).form() as form:
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise BadRequestError("the multipart body has no part 'file'")
            return await part.read()
    except HTTPException as error:
        raise BadRequestError(f"the multipart body cannot be read: {error.detail}") from None


async def _read(request: Request) -> bytes:
    """Return the whole body. Raises BadRequestError if it is too long, whether announced or not, or cut off."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise BadRequestError(_TOO_LONG)
    except ClientDisconnect:
        raise BadRequestError("the body was cut off") from None
    return bytes(body)


def _replay(body: bytes) -> Callable[[], Coroutine[Any, Any, dict[str, Any]]]:
    """Return a body that was read, to be read again by the parser of forms, which does not limit the size of a file."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
