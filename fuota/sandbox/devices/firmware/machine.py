"""The part: a Cortex-M3 board in QEMU, with a flash chip that is a file, a console, and a line to its modem."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from fuota.errors import ParameterError, UnreachableError
from fuota.sandbox.devices.firmware.flash import MEMORY_BYTES, factory
from fuota.sandbox.devices.firmware.line import Frame, FrameReader, Kind

QEMU = "qemu-system-arm"
PATIENCE_S = 20
"""For an answer, on a machine that does much else: the longest takes 0.1 s on an idle one."""

_GUARD = '"$@" & read -r _; { kill -9 $!; wait; } 2>/dev/null'
"""Kills QEMU when its standard input ends, be it that this process has. In a session of its own it hears no Ctrl-C for us."""


def require_qemu() -> str:
    """Where QEMU is. Raises ParameterError where it is not installed."""
    if (found := shutil.which(QEMU)) is None:
        raise ParameterError(f"{QEMU} was not found: install it (Debian, Ubuntu: apt-get install {QEMU})")
    return found


class Machine:
    """`with Machine(folder, boot=..., image=...) as machine:` is the part, switched on and started.

    `folder`: for its flash chip and boot ROM; `boot`: the boot loader (ELF); `image`: what the factory puts into slot 0, or
    None to go on with the chip that lies there. `on_line`: gets what it says on its console, line by line, on a thread.
    Raises ParameterError without QEMU, ImageError for an image too large, UnreachableError where it does not start.
    """

    def __init__(
        self, folder: Path, *, boot: bytes, image: bytes | None, on_line: Callable[[str], None] | None = None
    ) -> None:
        self._qemu = require_qemu()
        self.flash = folder / "flash.bin"
        self._boot = folder / "boot.elf"
        self._boot.write_bytes(boot)
        if image is not None:
            factory(self.flash, image)
        self._on_line = on_line
        self._process: subprocess.Popen[str] | None = None
        self._reader = FrameReader()

    def switch_on(self) -> None:
        """Power. Returns once the part has started."""
        ours, its = socket.socketpair()
        ours.settimeout(PATIENCE_S)
        with its:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                ["/bin/sh", "-c", _GUARD, "sh", self._qemu, *_options(its.fileno(), self._boot, self.flash)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[its.fileno()],
                start_new_session=True,
                text=True,
                errors="replace",
            )
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        self._modem = ours
        self._reader.reset()
        self._console = threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True)
        self._console.start()
        self._until(Kind.STARTED)

    def switch_off(self) -> None:
        """No power, at once, whatever it is doing; the flash keeps what has reached it."""
        if self._process is None:
            return
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()
        self._console.join()
        self._process.stdout.close()  # type: ignore[union-attr]
        self._modem.close()
        self._process = None

    def send(self, frame: Frame) -> None:
        """Hand the part a frame, and do not wait."""
        try:
            self._modem.sendall(frame.to_bytes())
        except OSError as error:
            raise UnreachableError(f"{QEMU} has ended: {error}") from None

    def exchange(self, frame: Frame) -> list[Frame]:
        """Hand the part a frame; what it transmits until it has dealt with it, or has restarted. Raises UnreachableError."""
        self.send(frame)
        return self._until(Kind.DONE, Kind.STARTED)

    def _until(self, *last: Kind) -> list[Frame]:
        frames: list[Frame] = []
        while not frames or frames[-1].kind not in last:
            frames += self._reader.feed(self._received())
        return frames

    def _received(self) -> bytes:
        try:
            if octets := self._modem.recv(4096):
                return octets
            reason = "it has ended"
        except OSError as error:
            reason = f"nothing for {PATIENCE_S} s" if isinstance(error, TimeoutError) else str(error)
        raise UnreachableError(f"the part in {QEMU} does not answer: {reason}")

    def _listen(self, console: Iterable[str]) -> None:
        for line in console:
            if self._on_line is not None and (said := line.strip("\r\n> ").lstrip("\r* ")):
                self._on_line(said)

    def __enter__(self) -> Self:
        try:
            self.switch_on()
        except BaseException:
            self.switch_off()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.switch_off()


def _options(modem_fd: int, boot: Path, flash: Path) -> list[str]:
    """The chip is the machine's PSRAM, shared with a file, so that it outlives the process as flash outlives power."""
    memory = f"memory-backend-file,id=flash,mem-path={_quoted(flash)},size={MEMORY_BYTES},share=on"
    words = f"-M mps2-an385,memory-backend=flash -display none -monitor none -serial stdio -chardev socket,id=modem,fd={modem_fd}"
    return [*words.split(), "-serial", "chardev:modem", "-object", memory, "-kernel", str(boot)]


def _quoted(path: Path) -> str:
    """In QEMU's options a comma ends a value, and two stand for one."""
    return str(path).replace(",", ",,")
