"""The orchestra: launch an update, watch it, and say how it ended on every device."""

from fuota.campaign.expectation import Expected as Expected
from fuota.campaign.expectation import check_base as check_base
from fuota.campaign.expectation import known_images as known_images
from fuota.campaign.expectation import preflight as preflight
from fuota.campaign.journal import Campaign as Campaign
from fuota.campaign.journal import CampaignState as CampaignState
from fuota.campaign.journal import Journal as Journal
from fuota.campaign.start import cancel as cancel
from fuota.campaign.start import launch as launch
from fuota.campaign.verdict import verdict_of as verdict_of
from fuota.campaign.watching import Patience as Patience
from fuota.campaign.watching import Progress as Progress
from fuota.campaign.watching import watch as watch
