"""What a run needs that can be known before anything is trained.

The cluster, the seeker's key, the positions of the policy's model, the judges of the labels, and labels of what the
reward pays for.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from algorithms.chat.endpoint import check_speaker
from ecr_rl.cluster_address import answering_cluster
from ecr_rl.config import RunConfig
from ecr_rl.estimate import check_policy
from ecr_rl.labels.prepared_judge import check_judge, check_models
from ecr_rl.labels.storage.store import FACTS, read_labels
from envs.errors import ConfigError
from envs.files import user_path
from envs.inputs.json_text import read_json


def check_preconditions(config: RunConfig, paid: Collection[str] | None = None) -> None:
    """Check that the cluster answers, and that seeker and policy have what they need.

    All heads that are paid for must be known to the critic or the labels that the settings name.

    Args:
        config: ``critic.folder``, else ``labels.folder``, says who knows the heads. A run that makes its own labels is
            checked when its critic is loaded, a folder without any when it is used.
        paid: the heads that are paid for; by default those that ``reward.weights`` gives a weight.

    Raises:
        ConfigError: RAY_ADDRESS is no cluster's address, the seeker's endpoint or a judge lacks something, the policy's
            model has fewer positions than ``policy.positions``, or a head that is paid for has no label.
        ClusterError: the cluster that RAY_ADDRESS names does not answer.
        DataError: the label folder cannot be read.
        ModelError: a judge's model does not exist.
    """
    answering_cluster()
    check_speaker(config.env)
    check_policy(config.policy)
    if paid is None:
        paid = [head for head, weight in config.reward.weights.items() if weight]
    folder = user_path(config.labels.folder or "")
    if config.critic.folder is not None:
        unknown = without_labels(user_path(config.critic.folder))
        refuse_unknown(paid, unknown, f"critic.folder={config.critic.folder}")
    elif config.labels.folder is not None and (folder / FACTS).is_file():
        unknown = read_labels(folder).select(split="train").labels.without_labels
        refuse_unknown(paid, unknown, f"labels.folder={config.labels.folder}")
    if config.critic.folder is None and config.labels.folder is None:
        for judge in config.labels.judges:
            check_judge(judge)
        check_models(config.labels.judges)


def without_labels(critic: Path) -> list[str]:
    """The heads that a critic was to learn and had no label of; none if its folder holds no card.

    Raises:
        DataError: the card is damaged.
    """
    card = critic / "critic.json"
    facts = read_json(card, remedy="Train the critic again.") if card.is_file() else {}
    return facts.get("without_labels", []) if isinstance(facts, dict) else []


def refuse_unknown(paid: Collection[str], unknown: Collection[str], given: str) -> None:
    """Refuse to pay for a head without labels.

    Args:
        paid: the heads that are paid for.
        unknown: the heads without labels.
        given: what knows no label of them, for the message.

    Raises:
        ConfigError: a head is paid for and unknown.
    """
    wrong = [head for head in paid if head in unknown]
    if wrong:
        known = ", ".join(head for head in paid if head not in unknown) or "no head that is paid for"
        raise ConfigError(
            f"reward.weights pays for {', '.join(wrong)}, and {given} has no label of that in the split train, only of "
            f"{known}. Label them, or set their weights to 0"
        )
