"""A plan in a file: what was decided, bound to the image that it was decided for, and to itself."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from fuota.errors import ImageError, PlanError, StorageError
from fuota.planning import TransmissionPlan

FORMAT = 1


def plan_sha256(plan: TransmissionPlan) -> str:
    """The SHA-256 of a plan: of its JSON with sorted keys and no white space."""
    return _sha256(plan.to_json())


def save_plan(plan: TransmissionPlan, path: Path) -> str:
    """Write the plan with its hash, whole or not at all; the hash. Raises StorageError."""
    sha256 = plan_sha256(plan)
    text = json.dumps({"fuota_plan": FORMAT, "sha256": sha256, "plan": plan.to_json()}, indent=1) + "\n"
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=path.parent, prefix=path.name, delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as error:
        raise StorageError(f"the plan {path} cannot be written: {error.strerror}") from None
    return sha256


def load_plan(path: Path) -> TransmissionPlan:
    """Read a plan that `save_plan` wrote. Raises StorageError where it cannot be read, PlanError where it was changed since."""
    document = _read(path)
    if document.get("fuota_plan") != FORMAT:
        raise PlanError(
            f"{path} has format {document.get('fuota_plan')!r}: this fuota reads plans of format {FORMAT}; plan again"
        )
    values = document.get("plan")
    if not isinstance(values, dict) or _sha256(values) != document.get("sha256"):
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
            f"the plan is for {plan.image.name}, {plan.image.size} bytes, SHA-256 {plan.image.sha256[:16]}…; this image has"
            f" {len(image)} bytes, SHA-256 {sha256[:16]}…: send that one, or plan again"
        )


def request_fields(plan: TransmissionPlan) -> dict[str, Any]:
    """What the plan says of a TransferRequest; who the devices are is not in it."""
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
