"""The other end: what a device can do, how it reassembles, what it reports."""

from __future__ import annotations

from fuota.device.energy import EnergyModel
from fuota.device.profile import DeviceProfile, decoder_memory_bytes
from fuota.device.profile_file import load_profile, profile_names
from fuota.device.report import IMAGE_REPORT_FPORT, DeviceReport, ImageReport, Outcome, Verdict, judge
from fuota.device.stack.fragmentation import Answer, FragmentationPackage
from fuota.device.validate_image import inspect_image, inspect_patch, validate_image

__all__ = [
    "IMAGE_REPORT_FPORT",
    "Answer",
    "DeviceProfile",
    "DeviceReport",
    "EnergyModel",
    "FragmentationPackage",
    "ImageReport",
    "Outcome",
    "Verdict",
    "decoder_memory_bytes",
    "inspect_image",
    "inspect_patch",
    "judge",
    "load_profile",
    "profile_names",
    "validate_image",
]
