"""API keys, each of one application and one role, and the tokens that registration asks for."""

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
"""A registration token is good for an hour (operator's guide, "Device Registration")."""


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
    # mcastCancel, mcastStatus and mcast/* are in no role's list but that of Full Access
    Role.FUOTA: frozenset({"mcastTransfer"}),
    Role.ONBOARDING: frozenset(f"device/{name}" for name in _ONBOARDING),  # not transfer
    Role.READ_ACCESS: frozenset({"device/csvExport"}),
}
"""What the keys of a role open; Full Access opens everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What a key opens: the calls of its role, for its application."""

    app_eui: str
    role: Role

    def opens(self, call: str) -> bool:
        """Whether its role covers a call."""
        return self.role is Role.FULL_ACCESS or call in CALLS_OF[self.role]


def sandbox_key(app_eui: str, role: Role) -> str:
    """The key of this role for this application: the same in every sandbox, and 44 characters as the server's are."""
    digest = hashlib.sha256(f"{app_eui} {role}".encode()).hexdigest()
    return f"AK2:{role.name.replace('_', '').lower()}{digest}"[:44]


class Keys:
    """The keys of a sandbox by their text."""

    def __init__(self, keys: Mapping[str, ApiKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def of(cls, app_euis: Iterable[str], *, first_key: str) -> Keys:
        """A key of each role for each application. `first_key` opens the first application wholly."""
        made = [ApiKey(app_eui=app_eui, role=role) for app_eui in app_euis for role in Role]
        first = ApiKey(app_eui=made[0].app_eui, role=Role.FULL_ACCESS)
        return cls({first_key if key == first else sandbox_key(key.app_eui, key.role): key for key in made})

    def check(self, given: str | None, call: str) -> ApiKey:
        """What the key is. Raises AuthenticationError where it is none, or not for this call."""
        found = self._keys.get(given or "")
        if found is None or not found.opens(call):
            raise AuthenticationError(REJECTED)
        return found

    def listed(self) -> list[tuple[str, Role, str]]:
        """(application, role, key) of all."""
        return [(key.app_eui, key.role, text) for text, key in self._keys.items()]


class Tokens:
    """The registration token: six digits, good once and for an hour of real time, as people use it; a new one voids the old.

    The real server e-mails it. Here it is shown by whoever runs the sandbox, and there is always one that is good.
    """

    def __init__(self, *, seed: int = 1, issued: int = 0) -> None:
        self._seed = seed
        self.issued = issued
        self._token, self._until_us = "", 0

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Tokens:
        """Those that `saved` was of. Raises KeyError, TypeError for what it was not."""
        found = cls(seed=int(saved["seed"]), issued=int(saved["issued"]))
        found._token, found._until_us = str(saved["token"]), int(saved["until_us"])
        return found

    def saved(self) -> dict[str, Any]:
        """For a state file."""
        return {"seed": self._seed, "issued": self.issued, "token": self._token, "until_us": self._until_us}

    def current(self, now_us: int) -> str:
        """The token that is good now; a new one where the last has been used or is too old."""
        if now_us >= self._until_us:
            self.issued += 1
            draws = random.Random(f"token {self._seed} {self.issued}")  # noqa: S311 - opens sandboxes only
            self._token, self._until_us = f"{draws.randrange(10**6):06d}", now_us + TOKEN_US
        return self._token

    def use(self, given: str, now_us: int) -> None:
        """Take the token for one registration. Raises AuthenticationError where it is not the one that is good."""
        if not self._token or now_us >= self._until_us or given != self._token:
            raise AuthenticationError(f"{REJECTED} The token is not valid: it is good once, and for an hour.")
        self._token, self._until_us = "", 0
