"""The HTTP of the sandbox: the three FUOTA calls as the reference writes them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from fuota.errors import AuthenticationError, BadRequestError, FuotaError, NotFoundError, ParameterError
from fuota.sandbox import parameters
from fuota.sandbox.server import NetworkServer

PATH = "/rest/integration"


def create_app(server: NetworkServer, api_key: str) -> FastAPI:
    """An application that answers mcastTransfer, mcastStatus and mcastCancel for `server`.

    Errors are answered as {"responseMsg": ..., "statusCode": ...}: 403 for the key, 404 for what is not known, 400 for the
    rest, with a message.
    """
    app = FastAPI(title="fuota sandbox", docs_url=None, redoc_url=None, openapi_url=None)

    async def transfer(request: Request) -> dict[str, Any]:
        wanted = parameters.transfer_request(request.query_params)
        image = await _posted_file(request)
        return await run_in_threadpool(server.start_transfer, wanted, image)

    async def status(request: Request) -> dict[str, Any]:
        job_id, app_eui = parameters.job_id(request.query_params), request.query_params.get("appEui")
        if not job_id and not app_eui:
            raise ParameterError("either jobId or appEui is required")
        return await run_in_threadpool(server.transfer_status, job_id=job_id, app_eui=app_eui)

    async def cancel(request: Request) -> dict[str, Any]:
        if job_id := parameters.job_id(request.query_params):
            return await run_in_threadpool(server.cancel_transfer, job_id)
        dev_euis, dev_tags = parameters.devices(request.query_params)
        app_eui = request.query_params.get("appEui", "")
        return await run_in_threadpool(server.cancel_devices, app_eui, dev_euis, dev_tags)

    for name, method, call in (
        ("mcastTransfer", "POST", transfer),
        ("mcastStatus", "GET", status),
        ("mcastCancel", "POST", cancel),
    ):
        app.add_api_route(f"{PATH}/{name}", _guarded(call, api_key), methods=[method], response_model=None)
    return app


def _guarded(call: Callable[[Request], Any], api_key: str) -> Callable[[Request], Any]:
    """The call behind the key, its errors turned into answers."""

    async def answer(request: Request) -> JSONResponse:
        try:
            if not secrets.compare_digest(request.headers.get("authorization", "").encode(), api_key.encode()):
                raise AuthenticationError("Access to this resource was rejected due to an authorization issue.")
            return JSONResponse(await call(request))
        except FuotaError as error:
            code = _status_of(error)
            return JSONResponse({"responseMsg": str(error), "statusCode": code}, status_code=code)

    return answer


def _status_of(error: FuotaError) -> int:
    match error:
        case AuthenticationError():
            return 403
        case NotFoundError():
            return 404
        case _:
            return 400


async def _posted_file(request: Request) -> bytes:
    """The multipart part `file` of the reference's example, or the whole body, as its table has it."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await request.body()
    try:
        async with request.form() as form:
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise BadRequestError("the multipart body has no part 'file'")
            return await part.read()
    except HTTPException as error:
        raise BadRequestError(f"the multipart body cannot be read: {error.detail}") from None
