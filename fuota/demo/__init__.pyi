"""A network server with virtual devices, a receiver of their uplinks and a journal, inside this process."""

from fuota.demo.embedded import MAX_DEVICES as MAX_DEVICES
from fuota.demo.embedded import NEW_IMAGE as NEW_IMAGE
from fuota.demo.embedded import OLD_IMAGE as OLD_IMAGE
from fuota.demo.embedded import DemoSandbox as DemoSandbox
from fuota.demo.embedded import DemoSandboxRecipe as DemoSandboxRecipe
from fuota.demo.embedded import embedded_sandbox as embedded_sandbox
from fuota.demo.embedded import sample_image as sample_image
from fuota.demo.firmware import DEMO_MISHAPS as DEMO_MISHAPS
from fuota.demo.firmware import FIRMWARE_VERSION as FIRMWARE_VERSION
from fuota.demo.firmware import emulated_firmware as emulated_firmware
