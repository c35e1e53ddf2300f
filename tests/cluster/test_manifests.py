"""The files of ``cluster/``: Ray's own validation, KubeRay's types, and every flag and command that they name."""

from __future__ import annotations

import copy
import re
import shlex
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.heads import ROOT
from tests.cluster.shapes import problems_of
from tests.commands import parse_command
from tests.test_readme import FENCE, SHELL

FOLDER = ROOT / "cluster"
RAY_UP = sorted(FOLDER.glob("ray-cluster-*.yaml"))
KUBERAY = [FOLDER / "raycluster.yaml", FOLDER / "rayjob.yaml"]
README = (FOLDER / "README.md").read_text(encoding="utf-8")
SCRIPT = FOLDER / "slurm.sbatch"


def resources() -> list[dict[str, Any]]:
    return [found for file in KUBERAY for found in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def clusters() -> Iterator[dict[str, Any]]:
    """The cluster of each KubeRay resource that has one."""
    for resource in resources():
        if resource["kind"].startswith("Ray"):
            yield resource["spec"].get("rayClusterSpec", resource["spec"])


def groups(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


@pytest.fixture(scope="module")
def ray_command() -> Any:
    from ray.scripts.scripts import cli

    return cli


def unknown_to_ray(ray: Any, line: str) -> list[str]:
    """Options of the ``ray`` commands in a line of shell that Ray's parser does not know."""
    unknown = []
    for part in re.split(r"[;&|]+|\$\(", line):
        if not re.search(r"\bray ", part):
            continue
        words = shlex.split(part, comments=True)
        places = [index for index, word in enumerate(words) if word == "ray" or word.endswith("/bin/ray")]
        if not places or places[0] + 1 >= len(words):
            continue
        name, *rest = words[places[0] + 1 :]
        if name not in ray.commands:
            unknown.append(f"ray {name}")
            continue
        known = {option for parameter in ray.commands[name].params for option in parameter.opts}
        unknown += [word for word in rest if word.startswith("-") and word.split("=")[0] not in known]
    return unknown


@pytest.mark.parametrize("file", RAY_UP, ids=lambda file: file.stem)
def test_ray_up_accepts(file: Path, ray_command: Any) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    validate_config(prepare_config(copy.deepcopy(config)))
    wrong = copy.deepcopy(config) | {"max_workerz": 3}
    with pytest.raises(Exception, match="max_workerz"):
        validate_config(prepare_config(wrong))
    commands = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    assert [word for line in commands for word in unknown_to_ray(ray_command, line)] == []
    starts = [line for line in commands if "ray start" in line]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in line for line in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]


@pytest.mark.parametrize("file", RAY_UP, ids=lambda file: file.stem)
def test_ray_up_brings_the_token_to_where_ray_looks(file: Path) -> None:
    from ray.autoscaler._private.docker import docker_start_cmds

    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    docker, mounts = config.get("docker"), config["file_mounts"]
    if docker is None:
        assert mounts == {"~/.ray/auth_token": "~/.ray/auth_token"}
        return
    assert list(mounts.values()) == ["~/.ray/auth_token"]
    user, name = config["auth"]["ssh_user"], config["cluster_name"]
    of_container = (docker["image"], mounts, docker["container_name"], docker["run_options"])
    started = docker_start_cmds(user, *of_container, name, "/home/ray", "docker")
    places = {inside: outside for outside, inside in re.findall(r"-v (\S+):(\S+)", started)}
    place = places.pop("/home/ray/.ray/auth_token").replace("//", "/")
    assert places == {"/shared": "/shared"}
    readable = [line.split() for line in config["initialization_commands"] if "auth_token" in line]
    assert [words[1:3] for words in readable] == [["chgrp", "1000"], ["chmod", "640"]]
    assert all(fnmatch(place, words[3]) for words in readable)
    image = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    assert "useradd --create-home --uid 1000 ray" in image


def test_the_variants_are_three() -> None:
    kinds = {yaml.safe_load(file.read_text(encoding="utf-8"))["provider"]["type"] for file in RAY_UP}
    assert kinds == {"aws", "gcp", "local"}


def test_kuberay_resources_fit_its_types() -> None:
    assert [found["kind"] for found in resources()] == [
        "PersistentVolumeClaim",
        "RayCluster",
        "NetworkPolicy",
        "RayJob",
    ]
    assert [problem for resource in resources() for problem in problems_of(resource)] == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda spec: spec.pop("headGroupSpec"), "headGroupSpec: missing"),
        (lambda spec: spec.update(workers=[]), "workers: unknown field"),
        (lambda spec: spec["workerGroupSpecs"][0].update(replicas="2"), "replicas: '2' is no"),
        (lambda spec: spec["headGroupSpec"]["rayStartParams"].update({"num-cpus": 0}), "num-cpus: 0 is no"),
        (lambda spec: spec["headGroupSpec"].update(serviceType="Public"), "'Public' is none of"),
    ],
)
def test_a_wrong_resource_is_found_out(change: Any, said: str) -> None:
    wrong = copy.deepcopy(next(found for found in resources() if found["kind"] == "RayCluster"))
    change(wrong["spec"])
    assert any(said in problem for problem in problems_of(wrong))


def test_kuberay_clusters_hold_together(ray_command: Any) -> None:
    known = {option for parameter in ray_command.commands["start"].params for option in parameter.opts}
    claims = {found["metadata"]["name"] for found in resources() if found["kind"] == "PersistentVolumeClaim"}
    policies = [found["spec"] for found in resources() if found["kind"] == "NetworkPolicy"]
    policy = policies[0]["podSelector"]["matchLabels"]
    for cluster in clusters():
        assert cluster["rayVersion"] == metadata.version("ray")
        assert cluster["authOptions"] == {"mode": "token"}
        assert cluster["headGroupSpec"]["serviceType"] == "ClusterIP"
        assert all("nvidia.com/gpu" in str(group["template"]) for group in cluster["workerGroupSpecs"])
        for group in groups(cluster):
            assert {f"--{name}" for name in group["rayStartParams"]} <= known
            template, pod = group["template"], group["template"]["spec"]
            assert policy.items() <= template["metadata"]["labels"].items()
            volumes = {volume["name"] for volume in pod["volumes"]}
            assert {mount["name"] for mount in pod["containers"][0]["volumeMounts"]} <= volumes
            assert {volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"][:1]} <= claims
            assert any(mount["mountPath"] == "/shared" for mount in pod["containers"][0]["volumeMounts"])
    job = next(found["spec"] for found in resources() if found["kind"] == "RayJob")
    parse_command(job["entrypoint"])
    assert "--resume" in job["entrypoint"]


def test_the_image_has_both_stages_and_every_package() -> None:
    text = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", text, re.MULTILINE)
    names = [name for _, name in stages]
    assert {"cpu", "cuda"} <= set(names)
    assert all(base in names[:index] or base.startswith("python:") for index, (base, _) in enumerate(stages))
    for stage in ("cpu", "cuda"):
        body = text.split(f" AS {stage}\n")[1].split("\nFROM ")[0]
        copied = {word for line in re.findall(r"^COPY (.+) \S+$", body, re.MULTILINE) for word in line.split()}
        assert copied == {"setup.py", "README.md", "envs", "algorithms", "ecr_rl", "tune_configs"}
        assert all((ROOT / name).exists() for name in copied)
        assert "USER ray" in body
    for stage in re.findall(r"--target (\S+)", text + README):
        assert stage in names
    assert not re.search(r"TOKEN|PASSWORD|SECRET", text)


def test_the_slurm_script_is_bash_and_its_options_are_those_that_are_told(ray_command: Any) -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert subprocess.run(["bash", "-n", str(SCRIPT)], capture_output=True, check=False).returncode == 0
    parsed = set(re.findall(r"^ +(--[\w-]+)\) ", text, re.MULTILINE))
    described = set(re.findall(r"^#   (--[\w-]+) [A-Z]", text, re.MULTILINE))
    assert parsed == described == {"--venv", "--conda", "--interface", "--dashboard"}
    lines = re.findall(r"^ *(?:head_options|common)\+?=\(.*", text, re.MULTILINE)
    given = set(re.findall(r"(--[a-z-]+)", " ".join(lines)))
    assert len(given) > 5
    start = {option for parameter in ray_command.commands["start"].params for option in parameter.opts}
    assert given | {"--num-cpus", "--address"} <= start
    assert "0.0.0.0" not in re.sub("#.*", "", text)
    assert not re.search(r"^[^#]*\bray stop\b", text, re.MULTILINE)


def readme_lines() -> list[str]:
    blocks = [block for block in FENCE.finditer(README) if block["language"] in SHELL]
    return [line.strip() for block in blocks for line in block["body"].replace("\\\n", " ").splitlines()]


def test_every_command_of_the_readme_exists(ray_command: Any) -> None:
    lines = readme_lines()
    assert [word for line in lines for word in unknown_to_ray(ray_command, line)] == []
    batch = [line for line in lines if line.startswith("sbatch")]
    assert batch
    for line in batch:
        words = shlex.split(line)
        own = words[words.index("cluster/slurm.sbatch") + 1 :]
        parse_command(shlex.join(["ecr-rl", *own[2:]]))
        assert own[0] in ("--venv", "--conda")
    named = set(re.findall(r"cluster/[\w.-]+\.\w+|cluster/Dockerfile", "\n".join(lines)))
    named |= {f"cluster/{name}" for name in re.findall(r"\]\(([\w.-]+)\)", README)}
    assert len(named) >= 7
    assert all((ROOT / name).is_file() for name in named)


def test_no_address_is_open_and_no_token_is_written() -> None:
    for file in [*RAY_UP, *KUBERAY, SCRIPT, FOLDER / "Dockerfile"]:
        text = re.sub("#.*", "", file.read_text(encoding="utf-8"))
        opened = text.count("0.0.0.0")
        assert opened == (1 if file in KUBERAY else 0), file
        assert not re.search(r"RAY_AUTH_TOKEN=[\w\"']", text), file
