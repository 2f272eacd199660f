"""Devices: their limits, how they reassemble a data block, and what they report."""

from fuota.device.energy import EnergyModel as EnergyModel
from fuota.device.image_validation import inspect_image as inspect_image
from fuota.device.image_validation import inspect_patch as inspect_patch
from fuota.device.image_validation import validate_image as validate_image
from fuota.device.profile import DeviceProfile as DeviceProfile
from fuota.device.profile import decoder_memory_bytes as decoder_memory_bytes
from fuota.device.profile_file import load_profile as load_profile
from fuota.device.profile_file import profile_names as profile_names
from fuota.device.report import IMAGE_REPORT_FPORT as IMAGE_REPORT_FPORT
from fuota.device.report import DeviceReport as DeviceReport
from fuota.device.report import ImageReport as ImageReport
from fuota.device.report import Outcome as Outcome
from fuota.device.report import Verdict as Verdict
from fuota.device.report import judge as judge
from fuota.device.stack.fragmentation import Answer as Answer
from fuota.device.stack.fragmentation import FragmentationPackage as FragmentationPackage
