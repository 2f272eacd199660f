"""The other end: what a device can do, how it reassembles, what it reports."""

from __future__ import annotations

from fuota.device.profile import DeviceProfile
from fuota.device.reassembly import Answer, FragmentationPackage
from fuota.device.report import IMAGE_REPORT_FPORT, DeviceReport, ImageReport, Outcome, Verdict, judge

__all__ = [
    "IMAGE_REPORT_FPORT",
    "Answer",
    "DeviceProfile",
    "DeviceReport",
    "FragmentationPackage",
    "ImageReport",
    "Outcome",
    "Verdict",
    "judge",
]
