"""A plan in a file: what was decided, bound to the image that it was decided for, and to itself."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

from fuota.errors import ImageError, PlanError, StorageError
from fuota.planning import TransmissionPlan
from fuota.text import printable

FORMAT = 1


def plan_sha256(plan: TransmissionPlan) -> str:
    """The SHA-256 of a plan: of its JSON with sorted keys and no white space."""
    return _sha256(plan.to_json())


def save_plan(plan: TransmissionPlan, path: Path) -> str:
    """Write the plan with its hash, whole or not at all; the hash. Raises StorageError, for what is there and no file too."""
    sha256 = plan_sha256(plan)
    text = json.dumps({"fuota_plan": FORMAT, "sha256": sha256, "plan": plan.to_json()}, indent=1) + "\n"
    try:
        _replace(Path(os.path.realpath(path)), text.encode())
    except OSError as error:
        raise StorageError(f"the plan {path} cannot be written: {error.strerror or error}") from None
    return sha256


def load_plan(path: Path) -> TransmissionPlan:
    """Read a plan that `save_plan` wrote. Raises StorageError where it cannot be read, PlanError where it was changed since."""
    document = _read(path)
    if document.get("fuota_plan") != FORMAT:
        raise PlanError(
            f"{path} has format {document.get('fuota_plan')!r}: this fuota reads plans of format {FORMAT}; plan again"
        )
    values = document.get("plan")
    if not isinstance(values, dict) or len(document) != 3 or _sha256(values) != document.get("sha256"):
        raise PlanError(f"{path} was changed since it was planned: its SHA-256 is not that of its content; plan again")
    try:
        return TransmissionPlan.from_json(values)
    except (KeyError, TypeError, ValueError) as error:
        raise PlanError(f"{path} is not a plan of this fuota ({error}); plan again") from None


def check_image(plan: TransmissionPlan, image: bytes) -> None:
    """Return when the image is the one that the plan was made for. Raises ImageError."""
    sha256 = hashlib.sha256(image).hexdigest()
    if sha256 != plan.image.sha256:
        raise ImageError(
            f"the plan is for {printable(plan.image.name)}, {plan.image.size} bytes, SHA-256 {plan.image.sha256[:16]}…;"
            f" this image has {len(image)} bytes, SHA-256 {sha256[:16]}…: send that one, or plan again"
        )


def request_fields(plan: TransmissionPlan) -> dict[str, Any]:
    """What the plan says of a TransferRequest; who the devices are is not in it. Raises PlanError for what no server takes."""
    if not plan.sent_by_server:
        raise PlanError(
            f"the plan has {plan.nb_frag} uncoded and {plan.nb_coded} coded fragments of {plan.frag_size} bytes, for an"
            " application that sends them itself: the server takes a redundancy of 1.0 and 253 bytes at most; the nearest is"
            f" {min(plan.nb_coded, plan.nb_frag)} coded ones of {min(plan.frag_size, 253)}; plan again"
        )
    return {
        "start_delay_s": plan.start_delay_s,
        "tx_channel": plan.channel,
        "tx_data_rate": plan.data_rate,
        "frag_alg": "FWD_ERR_CORR",
        "frag_pkg_ver": plan.version,
        "dev_class": plan.device_class,
        "redundancy": plan.redundancy,
        "millis_between_pkts": plan.interval_ms,
        "descriptor": plan.descriptor or bytes(4),
        "max_frag_size": plan.frag_size,
    }


def _replace(path: Path, content: bytes) -> None:
    """Put a file in the place of the one there, if any. Raises OSError, and leaves what was there."""
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise OSError("it is there and no regular file; name another")
    beside = path.with_name(f".fuota-{secrets.token_hex(8)}")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StorageError(f"the plan {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise PlanError(f"{path} is no plan: it is not JSON; `fuota plan IMAGE -o {path.name}` writes one") from None
    if not isinstance(document, dict):
        raise PlanError(f"{path} is no plan: `fuota plan IMAGE -o {path.name}` writes one")
    return document


def _sha256(values: dict[str, Any]) -> str:
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
