"""A Slurm cluster of one node, this machine, with daemons, ports and folders of a test's own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.heads import clean_environment, end_with_children, free_ports

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "scancel")
CONFIG = """
ClusterName=ecr
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmctldPort={controller}
SlurmdPort={daemon}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/linear
MpiDefault=none
ReturnToService=2
KillWait=20
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str | None:
    """Why there can be no Slurm here; None where there can."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]
    if missing:
        return f"{', '.join(missing)} not installed: apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "a Slurm node of its own needs root"


@dataclass
class SlurmNode:
    """The running cluster."""

    folder: Path
    environment: dict[str, str]
    daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *command: str, check: bool = True) -> str:
        """A Slurm command's output."""
        done = subprocess.run(command, env=self.environment, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}{self.logs()}"
        return done.stdout.strip()

    def job(self, number: str) -> dict[str, str]:
        """What ``scontrol show job`` says."""
        return dict(re.findall(r"(\S+?)=(\S*)", self.run("scontrol", "show", "job", number)))

    def wait_for(self, number: str, *states: str, seconds: float = 600) -> dict[str, str]:
        """The job, once it is in one of these states; a requeued one need not wait its two minutes."""
        deadline = time.monotonic() + seconds
        while (job := self.job(number))["JobState"] not in states:
            assert time.monotonic() < deadline, f"{job}\n{self.logs()}"
            if job["JobState"] == "PENDING" and job["Reason"] == "BeginTime":
                self.run("scontrol", "update", f"jobid={number}", "starttime=now", check=False)
            time.sleep(1)
        return job

    def logs(self) -> str:
        """The ends of the daemons' and jobs' logs."""
        files = sorted(self.folder.glob("*.log")) + sorted(self.folder.glob("*.out"))
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')[-2000:]}" for file in files)


@contextmanager
def slurm_node(**environment: str) -> Iterator[SlurmNode]:
    """A cluster whose jobs see a home of their own."""
    folder = Path(tempfile.mkdtemp(prefix="ecr-slurm-", dir="/tmp"))
    folder.chmod(0o755)
    for name in ("home", "munge", "state", "spool"):
        (folder / name).mkdir()
    host = os.uname().nodename.split(".")[0]
    controller, daemon = free_ports(2)
    config = CONFIG.format(host=host, folder=folder, controller=controller, daemon=daemon, cpus=os.cpu_count())
    (folder / "slurm.conf").write_text(config)
    (folder / "munge" / "key").write_bytes(os.urandom(1024))
    (folder / "munge" / "key").chmod(0o400)
    shutil.chown(folder / "munge", "munge", "munge")
    shutil.chown(folder / "munge" / "key", "munge", "munge")
    variables = clean_environment(folder / "home", SLURM_CONF=str(folder / "slurm.conf"), **environment)
    variables["PATH"] += ":/usr/sbin:/sbin"
    node = SlurmNode(folder, variables)
    place = folder / "munge"
    files = [f"--{name}={place / name.split('-')[0]}" for name in ("key-file", "log-file", "pid-file", "seed-file")]
    munged = ["runuser", "-u", "munge", "--", "munged", "--foreground", f"--socket={place}/socket", *files]
    try:
        for command in (munged, ["slurmctld", "-D"], ["slurmd", "-D", "-N", host]):
            node.daemons.append(
                subprocess.Popen(command, env=variables, cwd=folder, start_new_session=True, stderr=subprocess.DEVNULL)
            )
            time.sleep(1)
        deadline = time.monotonic() + 60
        while "idle" not in node.run("sinfo", "-h", "-o", "%T", check=False):
            assert time.monotonic() < deadline, node.logs()
            time.sleep(0.5)
        yield node
    finally:
        _cancel_all(node)
        for process in reversed(node.daemons):
            end_with_children(process.pid)
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _cancel_all(node: SlurmNode, seconds: float = 60) -> None:
    """End the jobs: their processes are no children of the daemons."""
    node.run("scancel", "--user=root", check=False)
    deadline = time.monotonic() + seconds
    while node.run("squeue", "--noheader", check=False) and time.monotonic() < deadline:
        time.sleep(0.5)
