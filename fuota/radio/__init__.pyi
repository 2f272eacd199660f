"""Radio rules: time on air, regions and their limits, and the fragment sizes that fit their data rates."""

from fuota.radio.airtime import fsk_time_on_air_us as fsk_time_on_air_us
from fuota.radio.airtime import time_on_air_us as time_on_air_us
from fuota.radio.catalogue import region as region
from fuota.radio.catalogue import region_names as region_names
from fuota.radio.catalogue import sub_plan_names as sub_plan_names
from fuota.radio.data_rate import DataRate as DataRate
from fuota.radio.frag_size import check_frag_size as check_frag_size
from fuota.radio.frag_size import fragment_phy_bytes as fragment_phy_bytes
from fuota.radio.frag_size import largest_frag_size as largest_frag_size
from fuota.radio.frequencies import megahertz_text as megahertz_text
from fuota.radio.limits import RadioLimits as RadioLimits
from fuota.radio.limits import frames_per_hour as frames_per_hour
from fuota.radio.limits import radio_limits as radio_limits
from fuota.radio.limits import sustained_interval_us as sustained_interval_us
from fuota.radio.region_rules import Beacon as Beacon
from fuota.radio.region_rules import Region as Region
from fuota.radio.sub_band import SubBand as SubBand
