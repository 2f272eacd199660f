"""Port of a downlink."""

from __future__ import annotations

from fuota.cli.help import OptionsUnder
from fuota.cli.output import Output

HIGHEST_APPLICATION_PORT = 223
"""TS001-1.0.4 reserves the ports above it; the server nevertheless accepts ports up to 254."""

message_option = OptionsUnder("Message")
port_option = message_option("--port", type=int, metavar="PORT", default=1, show_default=True, help="FPort, 1 to 254.")


def warn_of_reserved_port(port: int, out: Output) -> None:
    """Print a warning for a port that the server accepts but LoRaWAN reserves."""
    if port > HIGHEST_APPLICATION_PORT:
        out.say(f"warning: FPort {port} is reserved: applications use 1 to {HIGHEST_APPLICATION_PORT} (TS001-1.0.4)")
