"""Names of the images in a ZIP archive, for the message that it must be unpacked."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from fuota.text import printable

_MANIFEST = "manifest.json"
_MAX_MANIFEST_BYTES = 65_536
_MAX_FILES = 10_000
_MAX_NAMES = 3
_IMAGES = frozenset({".bin", ".hex", ".uf2", ".elf", ".sfb", ".suit", ".srec", ".s19"})


def zip_remedy(data: bytes) -> str | None:
    """Return which file in the archive to send; None if it names none.

    The manifest of a Nordic archive names its images: nrfutil writes `bin_file`, the nRF Connect SDK writes a list of files.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = archive.namelist()[:_MAX_FILES]
            listed = list(dict.fromkeys(_listed(archive, files)))
    except Exception:  # zipfile raises many kinds of errors for a damaged archive
        return "it is damaged or cut off: get it again, then unpack it"
    images = [name for name in files if PurePosixPath(name).suffix.lower() in _IMAGES]
    if listed:
        return f"unpack it, and send {_names(listed)}, which its manifest names"
    return f"unpack it, and send the image in it ({_names(images)})" if images else None


def _listed(archive: zipfile.ZipFile, files: list[str]) -> Iterator[str]:
    """Yield the images that the manifest names."""
    if _MANIFEST not in files or archive.getinfo(_MANIFEST).file_size > _MAX_MANIFEST_BYTES:
        return
    content = json.loads(archive.read(_MANIFEST))
    images = content.get("manifest", {})
    for image in images.values() if isinstance(images, dict) else ():
        if isinstance(image, dict) and isinstance(image.get("bin_file"), str):
            yield image["bin_file"]
    for file in content.get("files", ()):
        if isinstance(file, dict) and isinstance(file.get("file"), str):
            yield file["file"]


def _names(names: list[str]) -> str:
    shown = " or ".join(printable(name) for name in names[:_MAX_NAMES])
    return f"{shown} or {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else shown
