"""The TS004 package of a device: messages of the server in, answers and data blocks out."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

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
    """An uplink on the package's port. The device sends it after a delay drawn evenly from 0 to `max_delay_s` seconds."""

    payload: bytes
    max_delay_s: int = 0


@lru_cache(maxsize=64)
def _commands(payload: bytes, version: int) -> tuple[Command, ...]:
    """Devices of one process that hear the same multicast message share its parsing."""
    return parse_downlink(payload, version=version).commands


@dataclass(slots=True)
class _Session:
    setup: FragSessionSetupReq
    decoder: FragDecoder
    nb_frag_received: int = 0
    mic_error: bool = False
    unanswered: bool = False
    highest: int = 0
    uncoded: set[int] = field(default_factory=set)

    @property
    def lost(self) -> int:
        """Uncoded fragments that others came after, and that did not come themselves."""
        return min(self.highest, self.setup.nb_frag) - len(self.uncoded)


@dataclass(slots=True)
class FragmentationPackage:
    """TS004 on one device, both versions, no I/O: `receive` takes FRMPayloads of the package's port, in any number.

    It keeps one session per FragIndex. `int_key`: the DataBlockIntKey (16 octets), which version 2 needs.
    A block that is whole, and in version 2 has the right MIC, is handed out by `block`.
    """

    profile: DeviceProfile
    int_key: bytes | None = None
    _sessions: dict[int, _Session] = field(default_factory=dict)
    _session_cnt_prev: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.profile.version == 2 and self.int_key is None:
            raise ParameterError("no int_key was given: version 2 checks the MIC of the block with the DataBlockIntKey")
        if self.int_key is not None and len(self.int_key) != 16:
            raise ParameterError(f"int_key of {len(self.int_key)} octets was given: it is AES-128, exactly 16 octets")

    def receive(self, payload: bytes, *, mc_group: int | None = None) -> list[Answer]:
        """Take a message that came by unicast, or on multicast group `mc_group` (0 to 3), and answer it.

        What is no message is dropped without a trace, as on a device. Setup, delete and version requests are for unicast
        only: on a multicast address they are skipped (TS004, table of commands).
        """
        prompt: list[Command] = []
        answers: list[Answer] = []
        for command in _commands(bytes(payload), self.profile.version):
            match command:
                case DataFragment():
                    answers += self._on_fragment(command, mc_group)
                case FragSessionStatusReq():
                    answers += self._on_status(command)
                case FragDataBlockReceivedAns() if mc_group is None:
                    self._on_received(command)
                case PackageVersionReq() | FragSessionSetupReq() | FragSessionDeleteReq() if mc_group is None:
                    prompt.append(self._on_unicast(command))
                case _:
                    pass
        return [Answer(payload=encode(prompt)), *answers] if prompt else answers

    def block(self, frag_index: int = 0) -> bytes | None:
        """The data block of a session, or None while it is not whole or its MIC is wrong."""
        session = self._sessions.get(frag_index)
        return session.decoder.data() if session and session.decoder.complete and not session.mic_error else None

    def missing(self, frag_index: int = 0) -> int | None:
        """The rank still lacking, or None where there is no such session."""
        session = self._sessions.get(frag_index)
        return session.decoder.missing if session else None

    def received_again(self, frag_index: int = 0) -> Answer | None:
        """FragDataBlockReceivedReq once more, as long as the server has not answered it (version 2), or None."""
        session = self._sessions.get(frag_index)
        return _received(session) if session is not None and session.unanswered else None

    def _on_received(self, answer: FragDataBlockReceivedAns) -> None:
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
        """Version 2: SessionCnt must grow, counted from the last session that got a fragment (TS004-2.0.0, SessionCnt)."""
        return setup.session_cnt is not None and setup.session_cnt <= self._session_cnt_prev.get(setup.frag_index, -1)

    def _on_fragment(self, fragment: DataFragment, mc_group: int | None) -> list[Answer]:
        session = self._sessions.get(fragment.frag_index)
        if session is None or not _may_feed(session.setup, mc_group) or session.decoder.complete:
            return []
        if len(fragment.payload) != session.setup.frag_size or self._gives_up(session, fragment.n):
            return []
        session.nb_frag_received = min(session.nb_frag_received + 1, _NB_FRAG_RECEIVED_MAX)
        if session.setup.session_cnt is not None:
            self._session_cnt_prev[fragment.frag_index] = session.setup.session_cnt
        if not session.decoder.feed(fragment.n, fragment.payload):
            return []
        return self._on_complete(session)

    def _gives_up(self, session: _Session, n: int) -> bool:
        """Whether the device drops fragment `n`, for its order or because it lost more than its decoder can hold."""
        late = self.profile.in_order and n < session.highest
        session.highest = max(session.highest, n)
        if not late and 1 <= n <= session.setup.nb_frag:
            session.uncoded.add(n)
        most = self.profile.most_lost()
        return late or (most is not None and n > session.setup.nb_frag and session.lost > most)

    def _missing_frag(self, session: _Session) -> int:
        """MissingFrag, as the profile has it."""
        missing = session.decoder.missing
        if self.profile.missing_report == "one" and not missing and not session.lost:
            return 1
        return session.lost if self.profile.missing_report == "lost" and missing < session.lost else missing

    def _on_complete(self, session: _Session) -> list[Answer]:
        setup = session.setup
        session.mic_error = setup.mic is not None and setup.mic != self._mic(session)
        session.unanswered = setup.ack_reception
        return [_received(session)] if setup.ack_reception else []

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
            return self._no_session()
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

    def _no_session(self) -> list[Answer]:
        """Version 2 can say so; version 1 has no words for it and keeps silent."""
        if self.profile.version == 1:
            return []
        return [Answer(payload=FragSessionStatusAns(version=2, session_does_not_exist=True).to_bytes())]


def _received(session: _Session) -> Answer:
    received = FragDataBlockReceivedReq(frag_index=session.setup.frag_index, mic_error=session.mic_error)
    return Answer(payload=received.to_bytes(), max_delay_s=max_ack_delay_s(session.setup.block_ack_delay))


def _may_feed(setup: FragSessionSetupReq, mc_group: int | None) -> bool:
    """Unicast always may; a multicast group only if its bit is in McGroupBitMask (TS004, FragSessionSetupReq)."""
    return mc_group is None or bool(setup.mc_group_bit_mask >> mc_group & 1)
