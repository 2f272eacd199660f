"""API keys, each for one application and one role, and the token that registration requires."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fuota.errors import AuthenticationError

REJECTED = "Access to this resource was rejected due to an authorization issue."
"""Reference, "Authorization failure"."""
TOKEN_US = 3600 * 1_000_000
"""Validity of a registration token: one hour (operator's guide, "Device Registration")."""


class Role(StrEnum):
    """Roles of keys (operator's guide, "API Key Management")."""

    DEVICE = "Device"
    FUOTA = "FUOTA"
    ONBOARDING = "Onboarding"
    READ_ACCESS = "Read Access"
    FULL_ACCESS = "Full Access"


_ONBOARDING = ("status", "register", "activate", "activateOne", "deactivate", "update")
CALLS_OF: Mapping[Role, frozenset[str]] = {
    Role.DEVICE: frozenset({"device/sendmsg", "device/sendmcastmsg", "device/clearmsgs"}),
    # mcastCancel, mcastStatus and mcast/* are only in the list of Full Access
    Role.FUOTA: frozenset({"mcastTransfer"}),
    Role.ONBOARDING: frozenset(f"device/{name}" for name in _ONBOARDING),  # not transfer
    Role.READ_ACCESS: frozenset({"device/csvExport"}),
}
"""Calls that a role allows. Full Access allows all calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """Rights of a key: the calls of its role, for its application."""

    app_eui: str
    role: Role

    def allows(self, call: str) -> bool:
        """Return whether the role allows a call."""
        return self.role is Role.FULL_ACCESS or call in CALLS_OF[self.role]


def sandbox_key(app_eui: str, role: Role) -> str:
    """Return the key of this role for this application: the same in every sandbox, 44 characters like the server's keys."""
    digest = hashlib.sha256(f"{app_eui} {role}".encode()).hexdigest()
    return f"AK2:{role.name.replace('_', '').lower()}{digest}"[:44]


class Keys:
    """All keys of a sandbox by their text."""

    def __init__(self, keys: Mapping[str, ApiKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def of(cls, app_euis: Iterable[str], *, first_key: str) -> Keys:
        """Return one key of each role for each application. first_key: the Full Access key of the first application."""
        keys = [ApiKey(app_eui=app_eui, role=role) for app_eui in app_euis for role in Role]
        first = ApiKey(app_eui=keys[0].app_eui, role=Role.FULL_ACCESS)
        return cls({first_key if key == first else sandbox_key(key.app_eui, key.role): key for key in keys})

    def check(self, text: str | None, call: str) -> ApiKey:
        """Return the rights of a key. Raises AuthenticationError if the key is unknown or does not allow this call."""
        key = self._keys.get(text or "")
        if key is None or not key.allows(call):
            raise AuthenticationError(REJECTED)
        return key

    def listed(self) -> list[tuple[str, Role, str]]:
        """Return (application, role, key) of all keys."""
        return [(key.app_eui, key.role, text) for text, key in self._keys.items()]


class RegistrationToken:
    """The registration token: six digits, valid once and for one hour of real time. A new token replaces the old one.

    The real server sends it by e-mail. The sandbox shows it, and there is always a valid token. seed: random seed.
    issued: number of tokens issued so far.
    """

    def __init__(self, *, seed: int = 1, issued: int = 0) -> None:
        self._seed = seed
        self.issued = issued
        self._token, self._until_us = "", 0

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> RegistrationToken:
        """Return the token of a state file. Raises KeyError or TypeError for other content."""
        token = cls(seed=int(saved["seed"]), issued=int(saved["issued"]))
        token._token, token._until_us = str(saved["token"]), int(saved["until_us"])
        return token

    def to_json(self) -> dict[str, object]:
        """Return the content for a state file."""
        return {"seed": self._seed, "issued": self.issued, "token": self._token, "until_us": self._until_us}

    def current(self, now_us: int) -> str:
        """Return the valid token: a new token if the last one was used or has expired. now_us: real time."""
        if now_us >= self._until_us:
            self.issued += 1
            draws = random.Random(f"token {self._seed} {self.issued}")  # noqa: S311 - valid for sandboxes only
            self._token, self._until_us = f"{draws.randrange(10**6):06d}", now_us + TOKEN_US
        return self._token

    def use(self, text: str, now_us: int) -> None:
        """Use up the token for one registration. Raises AuthenticationError if `text` is not the valid token."""
        if not self._token or now_us >= self._until_us or text != self._token:
            raise AuthenticationError(f"{REJECTED} The token is not valid: a token is valid once, and for an hour.")
        self._token, self._until_us = "", 0
