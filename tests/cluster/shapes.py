"""KubeRay's resources as its operator's types declare them (apis/ray/v1), and the parts of Kubernetes that we use.

A shape is a type, a set of allowed values, a pattern, ``[shape]`` for a list, or a mapping from field to shape; ``!``
after a field's name says that it is required, and the field ``*`` stands for any name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?")
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
IMAGE = re.compile(r"[\w.-]+(:\d+)?(/[\w.-]+)*:[\w.-]+")
LABELS = {"*": str}
RESOURCES = {"requests!": {"*": QUANTITY}, "limits!": {"*": QUANTITY}}
SELECTOR = {"matchLabels": LABELS}
POD = {
    "metadata": {"labels": LABELS, "annotations": LABELS},
    "spec!": {
        "restartPolicy": {"Never", "OnFailure", "Always"},
        "securityContext": {"runAsUser": int, "runAsNonRoot": bool, "fsGroup": int},
        "tolerations": [{"key": str, "operator": {"Exists", "Equal"}, "effect": {"NoSchedule", "NoExecute"}}],
        "containers!": [
            {
                "name!": NAME,
                "image!": IMAGE,
                "ports": [{"containerPort!": int, "name": NAME}],
                "resources!": RESOURCES,
                "volumeMounts": [{"name!": NAME, "mountPath!": re.compile(r"/.*"), "readOnly": bool}],
            }
        ],
        "volumes": [
            {
                "name!": NAME,
                "persistentVolumeClaim": {"claimName!": NAME, "readOnly": bool},
                "emptyDir": {"medium": {"", "Memory"}, "sizeLimit": QUANTITY},
            }
        ],
    },
}
CLUSTER = {
    "rayVersion": str,
    "authOptions": {"mode!": {"token", "disabled"}},  # since KubeRay 1.5.1
    "suspend": bool,
    "enableInTreeAutoscaling": bool,
    "autoscalerOptions": {
        "idleTimeoutSeconds": int,
        "upscalingMode": {"Default", "Aggressive", "Conservative"},
        "resources": RESOURCES,
    },
    "headGroupSpec!": {
        "serviceType": {"ClusterIP", "NodePort", "LoadBalancer"},
        "enableIngress": bool,
        "rayStartParams!": {"*": str},
        "template!": POD,
    },
    "workerGroupSpecs": [
        {
            "groupName!": NAME,
            "replicas": int,
            "minReplicas!": int,
            "maxReplicas!": int,
            "numOfHosts": int,
            "idleTimeoutSeconds": int,
            "rayStartParams!": {"*": str},
            "template!": POD,
        }
    ],
}
JOB = {
    "entrypoint": str,
    "runtimeEnvYAML": str,
    "entrypointNumCpus": (int, float),
    "entrypointNumGpus": (int, float),
    "activeDeadlineSeconds": int,
    "backoffLimit": int,
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int,
    "suspend": bool,
    "submissionMode": {"K8sJobMode", "HTTPMode", "InteractiveMode"},
    "submitterPodTemplate": POD,
    "submitterConfig": {"backoffLimit": int},
    "clusterSelector": LABELS,
    "rayClusterSpec": CLUSTER,
}
PEER = {"podSelector": SELECTOR, "namespaceSelector": SELECTOR}
SPECS = {
    ("ray.io/v1", "RayCluster"): CLUSTER,
    ("ray.io/v1", "RayJob"): JOB,
    ("v1", "PersistentVolumeClaim"): {
        "accessModes!": [{"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany"}],
        "storageClassName": NAME,
        "resources!": {"requests!": {"storage!": QUANTITY}},
    },
    ("networking.k8s.io/v1", "NetworkPolicy"): {
        "podSelector!": SELECTOR,
        "policyTypes": [{"Ingress", "Egress"}],
        "ingress": [{"from": [PEER], "ports": [{"port": int, "protocol": {"TCP", "UDP"}}]}],
    },
}


def problems_of(resource: dict[str, Any]) -> list[str]:
    """What a resource has wrong; empty where it fits."""
    kind = (resource.get("apiVersion", ""), resource.get("kind", ""))
    if kind not in SPECS:
        return [f"unknown kind {kind}"]
    whole = {"apiVersion!": str, "kind!": str, "metadata!": {"name!": NAME, "labels": LABELS}, "spec!": SPECS[kind]}
    return list(_problems(resource, whole, kind[1]))


def _problems(value: Any, shape: Any, where: str) -> Iterator[str]:
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{where}: not a mapping"
            return
        known = {name.rstrip("!"): inner for name, inner in shape.items()}
        yield from (f"{where}.{name[:-1]}: missing" for name in shape if name.endswith("!") and name[:-1] not in value)
        for name, inner in value.items():
            if name not in known and "*" not in known:
                yield f"{where}.{name}: unknown field"
            else:
                yield from _problems(inner, known.get(name, known.get("*")), f"{where}.{name}")
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            yield f"{where}: not a list, or empty"
            return
        for index, inner in enumerate(value):
            yield from _problems(inner, shape[0], f"{where}[{index}]")
    elif isinstance(shape, set):
        if value not in shape:
            yield f"{where}: {value!r} is none of {sorted(shape)}"
    elif isinstance(shape, re.Pattern):
        if not isinstance(value, str) or not shape.fullmatch(value):
            yield f"{where}: {value!r} does not match {shape.pattern}"
    elif not isinstance(value, shape) or (isinstance(value, bool) and shape is not bool):
        yield f"{where}: {value!r} is no {shape}"
