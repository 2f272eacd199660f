"""A Cortex-M3 board in QEMU. Its flash chip is a file; it has a console and a UART to its radio modem."""

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
from fuota.sandbox.devices.firmware.flash import MEMORY_BYTES, write_factory_chip
from fuota.sandbox.devices.firmware.line import Frame, FrameKind, FrameReader

QEMU = "qemu-system-arm"
TIMEOUT_S = 20
"""Time limit for an answer of the board. The slowest answer takes 0.1 s on an idle machine."""

_GUARD = '"$@" & read -r _; { kill -9 $!; wait; } 2>/dev/null'
"""Shell script that kills QEMU when the script's standard input ends, also if this process ends.

It runs in a separate session, so that Ctrl-C in our terminal does not reach it.
"""


def require_qemu() -> str:
    """Return the path of QEMU. Raises ParameterError if it is not installed."""
    if (path := shutil.which(QEMU)) is None:
        raise ParameterError(f"{QEMU} was not found: install it (Debian, Ubuntu: apt-get install {QEMU})")
    return path


class Machine:
    """The emulated board. `with Machine(folder, boot=..., image=...) as machine:` runs it until the block ends.

    folder: folder for its flash chip and boot ROM. boot: the boot loader (ELF). image: image that the factory puts into slot 0, or
    None to continue with the chip in the folder. on_line: called on a thread with each line of the console.

    Raises ParameterError without QEMU, ImageError if the image is too large, UnreachableError if the board does not start.
    """

    def __init__(
        self, folder: Path, *, boot: bytes, image: bytes | None, on_line: Callable[[str], None] | None = None
    ) -> None:
        self._qemu = require_qemu()
        self.flash = folder / "flash.bin"
        self._boot = folder / "boot.elf"
        self._boot.write_bytes(boot)
        if image is not None:
            write_factory_chip(self.flash, image)
        self._on_line = on_line
        self._process: subprocess.Popen[str] | None = None
        self._reader = FrameReader()

    def switch_on(self) -> None:
        """Switch the power on. Returns when the firmware has started."""
        modem_socket, board_socket = socket.socketpair()
        modem_socket.settimeout(TIMEOUT_S)
        with board_socket:
            self._process = subprocess.Popen(  # noqa: S603 - the arguments are fixed
                ["/bin/sh", "-c", _GUARD, "sh", self._qemu, *_options(board_socket.fileno(), self._boot, self.flash)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=[board_socket.fileno()],
                start_new_session=True,
                text=True,
                errors="replace",
            )
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        self._modem = modem_socket
        self._reader.reset()
        self._console = threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True)
        self._console.start()
        self._until(FrameKind.STARTED)

    def switch_off(self) -> None:
        """Switch the power off at once. The flash keeps everything that was written to it."""
        if self._process is None:
            return
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()
        self._console.join()
        self._process.stdout.close()  # type: ignore[union-attr]
        self._modem.close()
        self._process = None

    def send(self, frame: Frame) -> None:
        """Send a frame to the board without waiting for an answer. Raises UnreachableError."""
        try:
            self._modem.sendall(frame.to_bytes())
        except OSError as error:
            raise UnreachableError(f"{QEMU} has ended: {error}") from None

    def exchange(self, frame: Frame) -> list[Frame]:
        """Send a frame to the board. Return its frames until it has finished or has restarted. Raises UnreachableError."""
        self.send(frame)
        return self._until(FrameKind.DONE, FrameKind.STARTED)

    def _until(self, *last: FrameKind) -> list[Frame]:
        frames: list[Frame] = []
        while not frames or frames[-1].kind not in last:
            frames += self._reader.feed(self._received())
        return frames

    def _received(self) -> bytes:
        try:
            if data := self._modem.recv(4096):
                return data
            reason = "it has ended"
        except OSError as error:
            reason = f"no answer for {TIMEOUT_S} s" if isinstance(error, TimeoutError) else str(error)
        raise UnreachableError(f"the board in {QEMU} does not answer: {reason}")

    def _listen(self, console: Iterable[str]) -> None:
        for line in console:
            if self._on_line is not None and (text := line.strip("\r\n> ").lstrip("\r* ")):
                self._on_line(text)

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
    """Return the options of QEMU.

    The flash chip is the board's PSRAM, shared with a file: it survives the process as flash survives a loss of power.
    """
    memory = f"memory-backend-file,id=flash,mem-path={_quoted(flash)},size={MEMORY_BYTES},share=on"
    options = f"-M mps2-an385,memory-backend=flash -display none -monitor none -serial stdio -chardev socket,id=modem,fd={modem_fd}"
    return [*options.split(), "-serial", "chardev:modem", "-object", memory, "-kernel", str(boot)]


def _quoted(path: Path) -> str:
    """Return a path for QEMU's options, in which a comma ends a value and two commas stand for one."""
    return str(path).replace(",", ",,")
