"""Firmware images: formats recognised by content, and the checks of an image before it is sent."""

from fuota.image.checks import ImageCheck as ImageCheck
from fuota.image.checks import check as check
from fuota.image.checks import on_air_bytes as on_air_bytes
from fuota.image.conversion import convert as convert
from fuota.image.delta import Delta as Delta
from fuota.image.delta import DeltaRecipe as DeltaRecipe
from fuota.image.delta import make_delta as make_delta
from fuota.image.description import PATCHES as PATCHES
from fuota.image.description import Description as Description
from fuota.image.description import Digest as Digest
from fuota.image.description import ImageFormat as ImageFormat
from fuota.image.description import Part as Part
from fuota.image.description import SignatureState as SignatureState
from fuota.image.firmware import FirmwareImage as FirmwareImage
from fuota.image.firmware import read_image as read_image
from fuota.image.requirements import ImageRequirements as ImageRequirements
from fuota.image.requirements import RequirementChanges as RequirementChanges
