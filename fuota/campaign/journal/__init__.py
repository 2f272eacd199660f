"""Record of campaigns, their history and the uplinks of devices, in one SQLite file."""

from __future__ import annotations

from fuota.campaign.journal.campaigns import Campaign as Campaign
from fuota.campaign.journal.campaigns import CampaignState as CampaignState
from fuota.campaign.journal.record import Journal as Journal
from fuota.campaign.journal.salvage import JournalCheck as JournalCheck
from fuota.campaign.journal.salvage import check_journal as check_journal
from fuota.campaign.journal.salvage import salvage_journal as salvage_journal
from fuota.campaign.journal.uplink_rows import DeviceMessage as DeviceMessage
