"""A user's program: mypy in strict mode must accept every line. It is checked, not run."""

from pathlib import Path

import numpy as np

import fuota
from fuota.fragmentation import choose_coded, decoding_probability, uncovered

image = fuota.FirmwareImage.open("app.bin")
size: int = len(image.data)
findings = fuota.validate_image("app.hex", profile=fuota.load_profile("meter.toml"), public_key=b"pem")
ok: bool = findings.ok

session = fuota.FragmentationSession.fit(image.data, frag_size=48, redundancy=0.30, version=1)
decoder = fuota.FragDecoder(nb_frag=session.nb_frag, frag_size=session.frag_size, padding=session.padding, version=1)
for fragment in session.fragments():
    if decoder.feed(fragment.n, fragment.payload):
        break
data: bytes = decoder.data()
rows: np.ndarray = fuota.parity_matrix(50, 10, version=1, variant="deployed")
estimate: float = decoding_probability(50, coded=10, loss=0.1).estimate
numbers: list[int] = [int(n) for n in choose_coded(50, count=10)] + list(uncovered(50, coded=10))

region = fuota.region("EU868")
payload_bytes: int = region.data_rate(5).max_payload_bytes
air_us: int = fuota.time_on_air_us(sf=12, bw_hz=125_000, phy_payload_bytes=64)

plan = fuota.plan(image, region="EU868", data_rate=5, target=0.99, loss=0.1, fleet=1200)
by_hand = fuota.plan(b"image", region=region, data_rate=0, frag_size=48, nb_coded=300)
from_a_file = fuota.plan(Path("app.bin"), region="IN865", fleet="export.csv", profile="meter.toml")
duration_ms: int = plan.duration_ms
parameters = plan.transfer_parameters()

air = fuota.SimulatedAir(devices=1_000_000, loss=fuota.Bernoulli(0.1), seed=7)
verdict = air.transmit(plan)
share: float = verdict.share
points = fuota.grid({"redundancy": (0.1, 0.2)}, image_bytes=3000, loss=0.1)

client = fuota.SenraClient("https://api.senraco.io", api_key="AK2:key")
job = client.transfers.start(b"image", app_eui="AAAAAAAAAAAAAA01", dev_tags=["meters"], redundancy=0.4)
status = client.transfers.status(job_id=job.job_id)
campaign = fuota.launch(image, plan=plan, client=client, app_eui="AAAAAAAAAAAAAA01", dev_tags=["meters"])
for progress in fuota.watch(campaign, client=client, timeouts=fuota.WatchTimeouts(poll_ms=1000)):
    state: str = progress.state
strict = fuota.GateOptions(strict=True, profile="meter.toml")
fuota.launch("app.bin", region="IN865", client=client, app_eui="AAAAAAAAAAAAAA01", dev_euis=["0" * 16], gate=strict)
for uplink in fuota.parse_uplinks(b"[]"):
    dev_eui: str = uplink.dev_eui
