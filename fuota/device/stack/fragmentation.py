"""The TS004 package of a device, which takes messages of the server and returns answers and data blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from fuota import rules
from fuota.device.profile import DeviceProfile
from fuota.errors import ParameterError
from fuota.fragmentation import FragDecoder
from fuota.lorawan.codec import Command, encode
from fuota.lorawan.fragmentation import (
    PACKAGE_IDENTIFIER,
    DataFragment,
    FragDataBlockReceivedAns,
    FragDataBlockReceivedReq,
    FragSessionDeleteAns,
    FragSessionDeleteReq,
    FragSessionSetupAns,
    FragSessionSetupReq,
    FragSessionStatusAns,
    FragSessionStatusReq,
    PackageVersionAns,
    PackageVersionReq,
    max_ack_delay_s,
    parse_downlink,
)
from fuota.lorawan.keys import data_block_mic

_NB_FRAG_RECEIVED_MAX = 0x3FFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An uplink on the package's port.

    payload: FRMPayload. max_delay_s: the device sends the uplink after a random delay of 0 to `max_delay_s` seconds.
    """

    payload: bytes
    max_delay_s: int = 0


@lru_cache(maxsize=64)
def _commands(payload: bytes, version: int) -> tuple[Command, ...]:
    """Parse a message. The result is cached, because many devices of one process receive the same multicast message."""
    return parse_downlink(payload, version=version).commands


@dataclass(slots=True)
class _Session:
    """State of one session.

    nb_frag_received: number of fragments received, as it is reported. unanswered: whether the server has not yet answered the
    report of completion. highest: highest fragment number received. uncoded: numbers of the uncoded fragments received.
    """

    setup: FragSessionSetupReq
    decoder: FragDecoder
    nb_frag_received: int = 0
    mic_error: bool = False
    unanswered: bool = False
    highest: int = 0
    uncoded: set[int] = field(default_factory=set)

    @property
    def lost(self) -> int:
        """Number of uncoded fragments that did not arrive although a later fragment did."""
        return min(self.highest, self.setup.nb_frag) - len(self.uncoded)


@dataclass(slots=True)
class FragmentationPackage:
    """TS004 on one device, both versions, without I/O: `receive` takes FRMPayloads of the package's port.

    profile: limits of the device. int_key: DataBlockIntKey (16 bytes), which version 2 needs.

    There is one session per FragIndex. `block` returns a complete data block, in version 2 only with the right MIC. Raises
    ParameterError if `int_key` is missing in version 2 or has a wrong length.
    """

    profile: DeviceProfile
    int_key: bytes | None = None
    _sessions: dict[int, _Session] = field(default_factory=dict)
    _session_cnt_prev: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.profile.version == 2 and self.int_key is None:
            raise ParameterError(
                "int_key must be the DataBlockIntKey in version 2, to check the MIC of the block, got None"
            )
        if self.int_key is not None:
            rules.exact_length("int_key", self.int_key, 16)

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take a message and return the answers.

        payload: FRMPayload. mc_group: multicast group of the frame, 0 to 3; None for unicast.

        Bytes that are not a message are dropped without an answer, as on a device. Setup, delete and version requests are
        skipped on a multicast address, because they are unicast only (TS004, table of commands).
        """
        immediate: list[Command] = []
        answers: list[Answer] = []
        for command in _commands(bytes(payload), self.profile.version):
            match command:
                case DataFragment():
                    answers += self._on_fragment(command, mc_group)
                case FragSessionStatusReq():
                    answers += self._on_status(command)
                case FragDataBlockReceivedAns() if mc_group is None:
                    self._on_completion_answer(command)
                case PackageVersionReq() | FragSessionSetupReq() | FragSessionDeleteReq() if mc_group is None:
                    immediate.append(self._on_unicast(command))
                case _:
                    pass
        return [Answer(payload=encode(immediate)), *answers] if immediate else answers

    def block(self, frag_index: int = 0) -> bytes | None:
        """Return the data block of a session; None while it is incomplete or if its MIC is wrong."""
        session = self._sessions.get(frag_index)
        return session.decoder.data() if session and session.decoder.complete and not session.mic_error else None

    def missing(self, frag_index: int = 0) -> int | None:
        """Return the rank still missing; None if there is no such session."""
        session = self._sessions.get(frag_index)
        return session.decoder.missing if session else None

    def pending_completion(self, frag_index: int = 0) -> Answer | None:
        """Return FragDataBlockReceivedReq (version 2) to send it again; None if the server has answered it."""
        session = self._sessions.get(frag_index)
        return _completion(session) if session is not None and session.unanswered else None

    def _on_completion_answer(self, answer: FragDataBlockReceivedAns) -> None:
        if (session := self._sessions.get(answer.frag_index)) is not None:
            session.unanswered = False

    def _on_unicast(self, command: PackageVersionReq | FragSessionSetupReq | FragSessionDeleteReq) -> Command:
        match command:
            case PackageVersionReq():
                return PackageVersionAns(package_identifier=PACKAGE_IDENTIFIER, package_version=self.profile.version)
            case FragSessionSetupReq():
                return self._on_setup(command)
            case FragSessionDeleteReq():
                existed = self._sessions.pop(command.frag_index, None) is not None
                return FragSessionDeleteAns(frag_index=command.frag_index, session_does_not_exist=not existed)

    def _on_setup(self, setup: FragSessionSetupReq) -> FragSessionSetupAns:
        profile = self.profile
        answer = FragSessionSetupAns(
            version=profile.version,
            frag_index=setup.frag_index,
            frag_algo_unsupported=setup.frag_algo != 0,
            not_enough_memory=not profile.holds(
                nb_frag=setup.nb_frag, frag_size=setup.frag_size, padding=setup.padding
            ),
            frag_index_unsupported=setup.frag_index >= profile.frag_sessions,
            wrong_descriptor=profile.descriptor not in (None, setup.descriptor),
            session_cnt_replay=self._is_replay(setup),
        )
        if answer.accepted:
            decoder = FragDecoder(
                nb_frag=setup.nb_frag,
                frag_size=setup.frag_size,
                padding=setup.padding,
                version=profile.version,
                variant=profile.variant,
            )
            self._sessions[setup.frag_index] = _Session(setup, decoder)
        return answer

    def _is_replay(self, setup: FragSessionSetupReq) -> bool:
        """Return whether SessionCnt (version 2) is not above that of the last session with a fragment (TS004-2.0.0, SessionCnt)."""
        return setup.session_cnt is not None and setup.session_cnt <= self._session_cnt_prev.get(setup.frag_index, -1)

    def _on_fragment(self, fragment: DataFragment, mc_group: int | None) -> list[Answer]:
        session = self._sessions.get(fragment.frag_index)
        if session is None or not _may_feed(session.setup, mc_group) or session.decoder.complete:
            return []
        if len(fragment.payload) != session.setup.frag_size or self._drops(session, fragment.n):
            return []
        session.nb_frag_received = min(session.nb_frag_received + 1, _NB_FRAG_RECEIVED_MAX)
        if session.setup.session_cnt is not None:
            self._session_cnt_prev[fragment.frag_index] = session.setup.session_cnt
        if not session.decoder.feed(fragment.n, fragment.payload):
            return []
        return self._on_complete(session)

    def _drops(self, session: _Session, n: int) -> bool:
        """Record fragment `n`, and return whether the device drops it: it is late, or more are lost than the decoder can repair."""
        late = self.profile.in_order and n < session.highest
        session.highest = max(session.highest, n)
        if not late and 1 <= n <= session.setup.nb_frag:
            session.uncoded.add(n)
        limit = self.profile.max_repairable()
        return late or (limit is not None and n > session.setup.nb_frag and session.lost > limit)

    def _missing_frag(self, session: _Session) -> int:
        """Return MissingFrag as devices of this profile report it."""
        missing = session.decoder.missing
        if self.profile.missing_report == "one" and not missing and not session.lost:
            return 1
        return session.lost if self.profile.missing_report == "lost" and missing < session.lost else missing

    def _on_complete(self, session: _Session) -> list[Answer]:
        setup = session.setup
        session.mic_error = setup.mic is not None and setup.mic != self._mic(session)
        session.unanswered = setup.ack_reception
        return [_completion(session)] if setup.ack_reception else []

    def _mic(self, session: _Session) -> bytes:
        setup = session.setup
        assert self.int_key is not None and setup.session_cnt is not None  # noqa: S101, PT018 - version 2 has both
        return data_block_mic(
            key=self.int_key,
            session_cnt=setup.session_cnt,
            frag_index=setup.frag_index,
            descriptor=setup.descriptor,
            data=session.decoder.data(),
        )

    def _on_status(self, request: FragSessionStatusReq) -> list[Answer]:
        session = self._sessions.get(request.frag_index)
        if session is None:
            return self._without_session()
        missing = self._missing_frag(session)
        if not request.participants and missing == 0:
            return []
        status = FragSessionStatusAns(
            version=self.profile.version,
            frag_index=request.frag_index,
            nb_frag_received=session.nb_frag_received,
            missing_frag=min(missing, 255),
            mic_error=session.mic_error,
        )
        return [Answer(payload=status.to_bytes(), max_delay_s=max_ack_delay_s(session.setup.block_ack_delay))]

    def _without_session(self) -> list[Answer]:
        """Return the answer of version 2 for a session that does not exist. Version 1 has no such answer."""
        if self.profile.version == 1:
            return []
        return [Answer(payload=FragSessionStatusAns(version=2, session_does_not_exist=True).to_bytes())]


def _completion(session: _Session) -> Answer:
    request = FragDataBlockReceivedReq(frag_index=session.setup.frag_index, mic_error=session.mic_error)
    return Answer(payload=request.to_bytes(), max_delay_s=max_ack_delay_s(session.setup.block_ack_delay))


def _may_feed(setup: FragSessionSetupReq, mc_group: int | None) -> bool:
    """Return whether a frame may feed the session: unicast, or a group in McGroupBitMask (TS004, FragSessionSetupReq)."""
    return mc_group is None or bool(setup.mc_group_bit_mask >> mc_group & 1)
