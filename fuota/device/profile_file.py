"""Device profiles as TOML: built in, or in a user's file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from fuota.calls import checked_call
from fuota.device.profile import DeviceProfile
from fuota.errors import StorageError
from fuota.tables import build, parse_toml, read_toml, suggestion

_FOLDER = files(__package__).joinpath("profiles")


@checked_call
def load_profile(path_or_name: str | Path) -> DeviceProfile:
    """Return a built-in profile, or the profile in a TOML file.

    path_or_name: name of a built-in profile (see `profile_names`), or path of the file.

    The keys are the fields of DeviceProfile, with the fields of EnergyModel in a table `energy` and the fields of
    ImageRequirements in a table `image`; `descriptor` is 8 hexadecimal digits. A missing key has its default; a profile without
    a name has the name of its file. Raises StorageError if the file does not exist, MessageError if it is not TOML,
    ParameterError for an unknown key or an illegal value.
    """
    if isinstance(path_or_name, str) and path_or_name in profile_names():
        text = _FOLDER.joinpath(f"{path_or_name}.toml").read_text(encoding="utf-8")
        return build(DeviceProfile, parse_toml(text, path_or_name), path_or_name)
    path = Path(path_or_name)
    if not path.exists():
        names = list(profile_names())
        raise StorageError(
            f"{path_or_name} is neither a file nor a built-in profile{suggestion(str(path_or_name), names)}"
        )
    return build(DeviceProfile, {"name": path.stem} | read_toml(path), path.name)


@cache
def profile_names() -> tuple[str, ...]:
    """Return the names of the built-in profiles, in alphabetical order."""
    return tuple(sorted(file.name[:-5] for file in _FOLDER.iterdir() if file.name.endswith(".toml")))
