"""Planning: fragment size, redundancy and timing within the limits of radio, regulator, device, server and fleet."""

from fuota.planning.fleet.fleet import Excluded as Excluded
from fuota.planning.fleet.fleet import Fleet as Fleet
from fuota.planning.fleet.fleet import FleetMember as FleetMember
from fuota.planning.fleet.fleet_file import open_fleet as open_fleet
from fuota.planning.fleet.link_model import LinkModel as LinkModel
from fuota.planning.goal import Goal as Goal
from fuota.planning.image import Image as Image
from fuota.planning.optimise import FrontPoint as FrontPoint
from fuota.planning.optimise import pareto_front as pareto_front
from fuota.planning.plan_file import check_image as check_image
from fuota.planning.plan_file import load_plan as load_plan
from fuota.planning.plan_file import plan_sha256 as plan_sha256
from fuota.planning.plan_file import save_plan as save_plan
from fuota.planning.planner import plan as plan
from fuota.planning.planner import plan_of as plan_of
from fuota.planning.recipe import FrameLossLaw as FrameLossLaw
from fuota.planning.recipe import Objective as Objective
from fuota.planning.recipe import PlanInputs as PlanInputs
from fuota.planning.recipe import PlanRecipe as PlanRecipe
from fuota.planning.redundancy import Success as Success
from fuota.planning.server import APPLICATION_MANAGED as APPLICATION_MANAGED
from fuota.planning.server import SENRA as SENRA
from fuota.planning.server import ServerProfile as ServerProfile
from fuota.planning.transmission_plan import TransferFields as TransferFields
from fuota.planning.transmission_plan import TransmissionPlan as TransmissionPlan
