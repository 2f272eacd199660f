"""The folder that holds the journal and the results of tasks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuota.campaign.journal import Journal


def state_folder(folder: Path | None = None) -> Path:
    """Return `folder`, or the state folder of the user if it is None."""
    from platformdirs import user_state_path

    return folder or user_state_path("fuota", appauthor=False)


def open_journal(folder: Path | None = None) -> Journal:
    """Return the journal in `folder`, or in the state folder of the user if it is None. Raises StorageError."""
    from fuota.campaign.journal import Journal

    return Journal(state_folder(folder))
