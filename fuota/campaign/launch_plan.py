"""The plan of a launch, and the request that sends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from fuota.device import DeviceProfile
from fuota.errors import ParameterError
from fuota.image import FirmwareImage
from fuota.network import TransferRequest
from fuota.planning import (
    Image,
    PlanInputs,
    PlanRecipe,
    TransmissionPlan,
    plan_of,
)
from fuota.planning.link import link_of

FragAlgorithm = Literal["FWD_ERR_CORR", "NB_TRANS"]

DEFAULT_REPEATS = 0.5
"""`redundancy` that NB_TRANS is sent with if the recipe has none; the server sends every fragment twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferChoices:
    """The parameters of mcastTransfer that no plan decides.

    app_eui: application of the devices. dev_euis, dev_tags: exactly one of the two. file_name: name of the image.
    frag_alg: FWD_ERR_CORR for coded fragments, NB_TRANS for repeats.
    contract_id: None is the default contract of the application. use_multi_pkg: whether the devices support TS007.
    """

    app_eui: str
    file_name: str
    dev_euis: Sequence[str] | None = None
    dev_tags: Sequence[str] | None = None
    frag_alg: FragAlgorithm = "FWD_ERR_CORR"
    contract_id: int | None = None
    use_multi_pkg: bool = False

    @property
    def repeats(self) -> bool:
        """Whether fragments are repeated (NB_TRANS) instead of coded."""
        return self.frag_alg == "NB_TRANS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Needs of a transfer on air, taken from its plan.

    nb_frag, nb_coded: uncoded and coded fragments of `frag_size` bytes. frames: number of frames; more than the fragments if
    each fragment is repeated (NB_TRANS). airtime_us: time on air of all frames. interval_ms: from the start of a frame to the
    start of the next. duration_ms: from the start of the session to the end of the last frame.
    """

    data_rate: int
    nb_frag: int
    nb_coded: int
    frag_size: int
    frames: int
    airtime_us: int
    interval_ms: int
    duration_ms: int

    def to_json(self) -> dict[str, int]:
        """Return a flat object."""
        return asdict(self)


def plan_for(image: FirmwareImage, plan: TransmissionPlan | PlanRecipe, *, repeats: bool = False) -> TransmissionPlan:
    """Return the plan that sends `image`: `plan` itself, or the plan made from a recipe.

    repeats: fragments are repeated (NB_TRANS). This is planned as a transfer with one coded fragment for each frame that
    repeats a fragment: number and size of the frames are the same, so the limits of region, device and server hold.
    Raises PlanError if no plan fits the limits, or if a finished plan breaks them; ParameterError for repeats with a finished
    plan.
    """
    if isinstance(plan, TransmissionPlan):
        if repeats:
            raise ParameterError("frag_alg must be FWD_ERR_CORR with a finished plan, got NB_TRANS")
        check_limits(plan)
        return plan
    recipe = _recipe_with_repeats(plan) if repeats else plan
    return plan_of(PlanInputs.of(Image.of(image, recipe.name), recipe))


def check_limits(plan: TransmissionPlan) -> None:
    """Raise PlanError if a finished plan breaks the limits of its region or of the server, as an edited plan may.

    A plan that overrides limits of its region on purpose (`overridden`) is not checked.
    """
    if plan.overridden:
        return
    recipe = PlanRecipe(
        region=plan.region,
        device_class=plan.device_class,
        data_rate=plan.data_rate,
        frequency_hz=plan.frequency_hz[0] if len(plan.frequency_hz) == 1 else None,
        frag_size=plan.frag_size,
        interval_ms=plan.interval_ms,
        profile=DeviceProfile(version=plan.version, variant=plan.variant),
    )
    link_of(PlanInputs.of(plan.image, recipe), plan.data_rate).layout(plan.frag_size)


def expected_of(plan: TransmissionPlan, *, repeats: bool = False) -> Expected:
    """Return what the plan needs on air. repeats: as for `plan_for`."""
    return Expected(
        data_rate=plan.data_rate,
        nb_frag=plan.nb_frag,
        nb_coded=0 if repeats else plan.nb_coded,
        frag_size=plan.frag_size,
        frames=plan.frames,
        airtime_us=plan.airtime_us,
        interval_ms=plan.interval_ms,
        duration_ms=plan.duration_ms,
    )


def request_of(
    plan: TransmissionPlan, choices: TransferChoices, recipe: TransmissionPlan | PlanRecipe
) -> TransferRequest:
    """Return the request that sends `plan`, which was made from `recipe`. Raises PlanError if the server does not send it."""
    request = TransferRequest(
        app_eui=choices.app_eui,
        dev_euis=choices.dev_euis or None,
        dev_tags=choices.dev_tags or None,
        contract_id=choices.contract_id,
        use_multi_pkg=choices.use_multi_pkg,
        file_name=choices.file_name,
        **plan.transfer_fields(),
    )
    if not choices.repeats:
        return request
    return replace(request, frag_alg="NB_TRANS", redundancy=_repeats_share(recipe))


def _repeats_share(recipe: TransmissionPlan | PlanRecipe) -> float:
    """Return the `redundancy` of a request with NB_TRANS: with more than 0, every fragment is sent twice."""
    return DEFAULT_REPEATS if recipe.redundancy is None else recipe.redundancy


def _recipe_with_repeats(recipe: PlanRecipe) -> PlanRecipe:
    if recipe.nb_coded is not None:
        raise ParameterError("nb_coded must be None with NB_TRANS: redundancy says whether fragments are repeated")
    return replace(recipe, redundancy=1.0 if _repeats_share(recipe) else 0.0)
