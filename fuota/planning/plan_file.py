"""A plan in a file, with its SHA-256 and the SHA-256 of its image."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from fuota import files
from fuota.errors import ImageError, PlanError, StorageError
from fuota.planning.transmission_plan import TransmissionPlan
from fuota.text import printable

FORMAT = 1
"""Version of the file format."""


def plan_sha256(plan: TransmissionPlan) -> str:
    """Return the SHA-256 of a plan: of its JSON with sorted keys and no white space."""
    return _sha256(plan.to_json())


def save_plan(plan: TransmissionPlan, path: Path) -> str:
    """Write the plan with its hash, whole or not at all, and return the hash.

    Raises StorageError if the file cannot be written or if `path` is something other than a regular file.
    """
    sha256 = plan_sha256(plan)
    content = json.dumps({"fuota_plan": FORMAT, "sha256": sha256, "plan": plan.to_json()}, indent=1) + "\n"
    files.write_whole(path, content.encode(), what="the plan")
    return sha256


def load_plan(path: Path) -> TransmissionPlan:
    """Read a plan that `save_plan` wrote.

    Raises StorageError if the file cannot be read, PlanError if it is not a plan, or if the plan was changed.
    """
    document = _read(path)
    file_format = document.get("fuota_plan")
    if file_format != FORMAT:
        raise PlanError(f"the format of {path} must be {FORMAT}, got {file_format!r}; plan again")
    values = document.get("plan")
    if not isinstance(values, dict) or len(document) != 3 or _sha256(values) != document.get("sha256"):
        raise PlanError(f"{path} was changed after it was written: its SHA-256 does not match its content; plan again")
    try:
        return TransmissionPlan.from_json(values)
    except (ImageError, TypeError, ValueError) as error:
        raise PlanError(f"{path} is not a plan of this version of fuota ({error}); plan again") from None


def check_image(plan: TransmissionPlan, image: bytes) -> None:
    """Raise ImageError if `image` is not the image that the plan was made for."""
    sha256 = hashlib.sha256(image).hexdigest()
    if sha256 != plan.image.sha256:
        raise ImageError(
            f"the plan is for {printable(plan.image.name)}, {plan.image.size} bytes, SHA-256 {plan.image.sha256[:16]}…;"
            f" this image has {len(image)} bytes, SHA-256 {sha256[:16]}…: send the planned image, or plan again"
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(files.read_whole(path, what=f"the plan {path}").decode())
    except OSError as error:
        raise StorageError(f"the plan {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise PlanError(
            f"{path} is not a plan: it is not JSON; `fuota plan IMAGE -o {path.name}` writes a plan"
        ) from None
    if not isinstance(document, dict):
        raise PlanError(f"{path} is not a plan; `fuota plan IMAGE -o {path.name}` writes a plan")
    return document


def _sha256(values: dict[str, object]) -> str:
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
