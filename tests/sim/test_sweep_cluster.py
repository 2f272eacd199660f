"""A sweep on a real Dask cluster of several processes."""

from __future__ import annotations

import csv
import os
import signal

import pytest

from fuota.errors import ParameterError, UnreachableError
from fuota.sim.axes import grid
from fuota.sim.sweeps import sweep

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

FIXED = {"image_bytes": 60_000, "region": "EU868", "data_rate": 5, "devices_per_batch": 4000, "seed": 11}
POINTS = grid({"redundancy": (0.1, 0.2, 0.3), "loss": (0.05, 0.1)}, **FIXED)
DEVICES = 80_000


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(n_workers=3, processes=True, threads_per_worker=1, dashboard_address=None) as local:
        yield local


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as connected:
        connected.wait_for_workers(3, timeout=60)
        yield connected


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    file = tmp_path_factory.mktemp("local") / "a.csv"
    return sweep(POINTS, devices=DEVICES, file=file), lines_of(file)


def lines_of(file):
    return sorted(file.read_text().splitlines())


def worker_processes(client):
    return client.run(os.getpid)


def test_a_worker_killed_in_the_middle_changes_nothing(client, local, tmp_path):
    stats, lines = local
    file, killed, before = tmp_path / "a.csv", [], worker_processes(client)

    def kill_one(done, total, eta_s):
        busy = [] if killed or done < total // 3 else [worker for worker, keys in client.processing().items() if keys]
        if busy:
            killed.append(before[busy[0]])
            os.kill(killed[0], signal.SIGKILL)

    assert sweep(POINTS, devices=DEVICES, file=file, client=client, progress=kill_one) == stats
    # Nothing lost, nothing twice: the very rows of the local run, in another order.
    assert lines_of(file) == lines
    client.wait_for_workers(3, timeout=60)
    assert killed
    assert killed[0] not in worker_processes(client).values()


def test_it_stops_at_the_same_batch_as_a_local_run(client, tmp_path):
    rules = {"devices": DEVICES, "failures": 9000, "width": 0.004}
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    stats = sweep(POINTS, file=here, **rules)
    assert len({point_stats.devices for point_stats in stats}) > 2
    assert sweep(POINTS, file=there, client=client, **rules) == stats
    assert lines_of(here) == lines_of(there)


def test_a_sweep_moves_from_one_machine_to_the_cluster_and_back(client, local, tmp_path):
    stats, lines = local
    file = tmp_path / "a.csv"

    def stop(done, total, eta_s):
        if done == self_stop:
            raise KeyboardInterrupt

    for self_stop, scheduler in ((10, None), (40, client), (70, None)):
        with pytest.raises(KeyboardInterrupt):
            sweep(POINTS, devices=DEVICES, file=file, client=scheduler, progress=stop)
        assert len(list(csv.DictReader(file.read_text().splitlines()))) == self_stop
    assert sweep(POINTS, devices=DEVICES, file=file, client=client) == stats
    assert lines_of(file) == lines


def test_an_address_of_a_scheduler_does(cluster, local):
    assert sweep(POINTS[:1], devices=DEVICES, client=cluster.scheduler_address) == local[0][:1]


def test_an_error_of_the_caller_is_not_reported_as_a_cluster_error(client):
    def progress(*report):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        sweep(POINTS[:1], devices=DEVICES, client=client, progress=progress)


def test_a_scheduler_that_is_not_there():
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(UnreachableError, match="no Dask scheduler answers"),
    ):
        sweep(POINTS[:1], client="tcp://127.0.0.1:9")
    with pytest.raises(ParameterError, match="tcp://host:8786"):
        sweep(POINTS[:1], client="nonsense://127.0.0.1:9")
