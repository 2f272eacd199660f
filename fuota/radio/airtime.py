"""Time on air of a frame, in whole microseconds.

The defaults fit a LoRaWAN downlink: explicit header, no payload CRC, 8 preamble symbols, coding rate 4/5
(LoRaWAN 1.0.3 §3.2: a downlink has an explicit header and no payload CRC; RP002-1.0.4, physical layer: 8 symbols).
"""

from __future__ import annotations

from fuota.calls import checked_call
from fuota.rules import integer, one_of, refuse

_CODING_RATES = ("4/5", "4/6", "4/7", "4/8")  # SX1276 data sheet §4.1.1.3, coding rate
_BANDWIDTHS_HZ = (125_000, 250_000, 500_000)  # RP002-1.0.4, the data rate tables of all regions
_FSK_OVERHEAD_BYTES = 5 + 3 + 1 + 2  # RP002-1.0.4, physical layer, FSK: preamble, sync word, length, CRC


@checked_call
def time_on_air_us(  # noqa: PLR0913 - a LoRa frame has these eight settings, and all are keywords
    *,
    sf: int,
    bw_hz: int,
    phy_payload_bytes: int,
    coding_rate: str = "4/5",
    preamble_symbols: int = 8,
    explicit_header: bool = True,
    crc: bool = False,
    low_data_rate_optimise: bool | None = None,
) -> int:
    """Return the time on air of one LoRa frame in microseconds. The result is exact: nothing is rounded.

    sf: spreading factor, 5 to 12.
    bw_hz: bandwidth in Hz: 125000, 250000 or 500000.
    phy_payload_bytes: length of the whole PHYPayload, 0 to 255.
    coding_rate: "4/5" to "4/8"; LoRaWAN uses "4/5".
    preamble_symbols: 6 to 65535 (SX1276 data sheet §4.1.1.6).
    explicit_header, crc: whether the frame has a header, and a CRC of its payload.
    low_data_rate_optimise: DE below. None is the rule of the data sheets: on if a symbol lasts longer than 16 ms, which
    applies to SF11 and SF12 at 125 kHz and to SF12 at 250 kHz.

    A symbol lasts 2^SF / BW. A frame is the preamble, 4.25 symbols of sync and start, 8 symbols, and the remaining payload in
    groups of 4 + CR symbols (CR is 1 for 4/5 up to 4 for 4/8) that carry 4 * (SF - 2 * DE) bits each:

        bits   = 8 * phy_payload_bytes + 16 (with CRC) + 20 (with explicit header) + 8 - 4 * SF
        groups = max(ceil(bits / (4 * (SF - 2 * DE))), 0)
        time   = (preamble_symbols + 4.25 + 8 + groups * (4 + CR)) * 2^SF / BW

    At SF5 and SF6, sync and start take 6.25 symbols, the term + 8 is omitted and DE is 0 (SX1261/2 data sheet; the SX1276
    data sheet has no such exception). RP002-1.0.5, which introduces SF5 and SF6, uses 12 preamble symbols with them.

    Raises ParameterError for a setting outside its range.

    Source: Semtech AN1200.13; SX1276 data sheet §4.1.1.7; SX1261/2 data sheet §6.1.4.
    """
    sf = integer("sf", sf, 5, 12)
    payload_bytes = integer("phy_payload_bytes", phy_payload_bytes, 0, 255)
    preamble_symbols = integer("preamble_symbols", preamble_symbols, 6, 65_535)
    bw_hz = _checked_bandwidth_hz(bw_hz)
    if low_data_rate_optimise is None:
        low_data_rate_optimise = (1 << sf) * 1000 > 16 * bw_hz
    sync_quarter_symbols, extra_bits, optimised = (17, 8, low_data_rate_optimise) if sf >= 7 else (25, 0, False)

    bits = 8 * payload_bytes + (16 if crc else 0) + (20 if explicit_header else 0) + extra_bits - 4 * sf
    groups = max(_divide_up(bits, 4 * (sf - 2 if optimised else sf)), 0)
    symbols = preamble_symbols + 8 + groups * _symbols_per_group(coding_rate)
    return (4 * symbols + sync_quarter_symbols) * (1 << sf) * 1_000_000 // (4 * bw_hz)


@checked_call
def fsk_time_on_air_us(*, phy_payload_bytes: int, bitrate_bps: int = 50_000) -> int:
    """Return the time on air of one FSK frame in microseconds, rounded up. It is exact at 50 kbit/s.

    phy_payload_bytes: length of the whole PHYPayload, 0 to 255.
    bitrate_bps: bit rate in bit/s, 600 to 300000.

    The PHYPayload is surrounded by 5 bytes of preamble, 3 of sync word, 1 of length and 2 of CRC; unlike LoRa, FSK keeps its
    CRC on the downlink. Raises ParameterError for a length or a bit rate outside its range.

    Source: RP002-1.0.4, physical layer, FSK; bit rate range of the SX1261/2 data sheet, 0.6 to 300 kbit/s.
    """
    payload_bytes = integer("phy_payload_bytes", phy_payload_bytes, 0, 255)
    bitrate_bps = integer("bitrate_bps", bitrate_bps, 600, 300_000)
    return _divide_up((_FSK_OVERHEAD_BYTES + payload_bytes) * 8 * 1_000_000, bitrate_bps)


def _divide_up(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)


def _checked_bandwidth_hz(bw_hz: int) -> int:
    if bw_hz not in _BANDWIDTHS_HZ:
        nearest = min(_BANDWIDTHS_HZ, key=lambda known: abs(known - bw_hz))
        refuse("bw_hz", f"one of {', '.join(map(str, _BANDWIDTHS_HZ))}", bw_hz, nearest=nearest, why="RP002-1.0.4")
    return int(bw_hz)


def _symbols_per_group(coding_rate: str) -> int:
    return 5 + _CODING_RATES.index(one_of("coding_rate", coding_rate, _CODING_RATES))
