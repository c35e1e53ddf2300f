"""The settings of data, environment and reward. They are frozen; an unknown key is refused."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import field_validator

from envs.builtin_heads import HEADS, default_weights, heads_of
from envs.inputs.hosts import names_server
from envs.marks import LEAST_TEMPERATURE, Settings, TakesPath, seed_setting, setting, size_setting


class DataSettings(Settings):
    """Where dialogues come from and how they are split."""

    source: str = setting(
        "sample",
        rebuilds={"corpus"},
        path=TakesPath(frozenset({"sample", "official"})),
        description="sample | official | a ReDial zip | an unpacked folder | hf:owner/name | module:function",
    )
    validation: str = setting(
        "latest",
        rebuilds={"corpus"},
        path=TakesPath(frozenset({"latest", "random"}), key_after="#"),
        description="latest (by conversation id) | random | a JSON file of validation ids, FILE or FILE#KEY; a source "
        "module:function splits itself",
    )
    validation_dialogues: int = setting(
        1000, rebuilds={"corpus"}, gt=0, description="size of the validation split, for latest and random"
    )
    metadata: str | None = setting(
        None,
        rebuilds={"corpus"},
        path=TakesPath(),
        description="a folder with id2info.json: genres, people and plots of films",
    )
    limit: int | None = setting(
        None,
        rebuilds={"corpus"},
        gt=0,
        description="keep at most this many dialogues of each split, spread evenly over it",
    )
    seed: int = seed_setting(rebuilds={"corpus"}, description="seed of the random split and of the sample corpus")


class EndpointSettings(Settings):
    """How to call an OpenAI-compatible endpoint; the base of every section that may name one."""

    endpoint: str | None = setting(
        None,
        rebuilds=None,
        description="base URL of an OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1; none: local",
    )
    api_key_env: str = setting(
        "OPENAI_API_KEY",
        rebuilds=None,
        same_result=True,
        description="endpoint: the environment variable that holds the key; never the key",
    )
    timeout: float = setting(
        60.0, rebuilds=None, same_result=True, gt=0, le=86_400, description="endpoint: seconds to wait for an answer"
    )
    requests_per_minute: float = setting(
        600.0,
        rebuilds=None,
        same_result=True,
        ge=0.001,
        description="endpoint: the most requests a minute, for each worker",
    )
    retries: int = setting(
        5,
        rebuilds=None,
        same_result=True,
        ge=0,
        description="endpoint: further attempts after 429, 5xx or a lost connection",
    )

    @field_validator("endpoint")
    @classmethod
    def _is_address(cls, endpoint: str | None) -> str | None:
        return None if endpoint is None else _address(endpoint)


def _address(written: str) -> str:
    """The address of an endpoint, without blanks around it; ValueError says what is wrong with it."""
    address = written.strip()
    if not re.match("https?://", address, re.IGNORECASE):
        scheme = re.match(r"([a-z][a-z0-9+.-]*)://", address, re.IGNORECASE)
        wrong = "http:// or https:// is missing" if scheme is None else f"{scheme[1]}:// is not http:// or https://"
        raise ValueError(f"{wrong}; an address is like http://127.0.0.1:8000/v1")
    if not re.fullmatch("[!-~]+", address):
        raise ValueError("a blank or a character that is not ASCII stands in the address")
    try:
        named, user = names_server(address), urlsplit(address).username
    except ValueError as error:  # of the port or of an IPv6 address
        raise ValueError(f"{error}; an address is like http://127.0.0.1:8000/v1") from error
    if not named:
        raise ValueError("no server can have this name; an address is like http://127.0.0.1:8000/v1")
    if user is not None:
        raise ValueError("a user name or key stands in the address; put the key into the variable of api_key_env")
    return address


class SeekerModelSettings(EndpointSettings):
    """The language model that speaks for the seeker ``model``."""

    model: str = setting(
        "smollm2",
        rebuilds=None,
        path=TakesPath(frozenset({"smollm2"}), hub=True),
        min_length=1,
        description="smollm2 (packaged) | a folder | a hub id | the endpoint's name",
    )
    temperature: float = setting(0.7, rebuilds=None, ge=LEAST_TEMPERATURE, description="sampling temperature")
    max_new: int = size_setting(60, rebuilds=None, description="the most tokens of a line")
    batch: int = size_setting(16, rebuilds=None, description="lines that are generated together")


class EnvSettings(Settings):
    """How a conversation runs."""

    seeker: str = setting(
        "profile",
        rebuilds={"ppo"},
        description="replay: the human's own lines | profile: rules and sentences | model: the same rules, a model's "
        "words | module:Class",
    )
    seeker_model: SeekerModelSettings = setting(
        SeekerModelSettings(), rebuilds={"ppo"}, idle={"env.seeker": ("replay", "profile")}
    )
    horizon: int = size_setting(
        2,
        rebuilds={"ppo"},
        idle={"env.seeker": ("profile", "model")},
        description="replay: free turns after the human history, then the end",
    )
    max_turns: int = size_setting(
        4,
        rebuilds={"ppo"},
        idle={"env.seeker": ("replay",)},
        description="profile, model: recommender turns at most, then the end",
    )
    max_history: int = setting(
        6, rebuilds={"responder"}, ge=0, description="human turns shown before the first free turn"
    )
    proposals: int = setting(2, rebuilds={"responder"}, ge=1, le=2, description="films in a proposal")
    max_characters: int = setting(
        2000, rebuilds={"responder"}, gt=0, description="longest utterance the spaces accept, in characters"
    )


class RewardSettings(Settings):
    """How the heads become one number a turn (capped heads after Moskovitz et al., arXiv 2310.04373).

    The controls ``random`` and ``length`` pay in place of the heads; the other parts stay. A figure that rises under
    them, too, is no sign of better conversations.
    """

    weights: dict[str, float] = setting(
        rebuilds={"ppo"},
        default_factory=lambda: default_weights(heads_of(HEADS.names())),
        description="weight of each head; heads left out weigh 0; unset: those of the heads' definitions",
    )
    source: str = setting(
        "critic",
        rebuilds={"ppo"},
        description="what pays for a reply; critic: its heads | the controls random: chance, and length: its words | "
        "module:Class",
    )
    cap: float = setting(
        2.0,
        rebuilds={"ppo"},
        idle={"reward.source": ("random",)},
        description="a normalised head pays at most this many standard deviations",
    )
    spread_penalty: float = setting(
        0.0,
        rebuilds={"ppo"},
        ge=0,
        idle={"reward.source": ("random", "length")},
        description="k in mean - k x ensemble spread (arXiv 2310.02743)",
    )
    missing_end: float = setting(
        0.5, rebuilds={"ppo"}, ge=0, description="penalty of a reply that was cut before its end"
    )
    repetition: float = setting(0.5, rebuilds={"ppo"}, ge=0, description="penalty, times the share of repeated bigrams")
    verbosity: float = setting(
        0.0,
        rebuilds={"ppo"},
        ge=0,
        description="penalty, times the standard deviations by which a reply is longer than the reference's mean",
    )
    markup: float = setting(
        0.5, rebuilds={"ppo"}, ge=0, description="penalty of a reply with role markers or titles outside slots"
    )
    acceptance: float = setting(
        0.25, rebuilds={"ppo"}, ge=0, description="paid on the turn whose film the seeker accepts"
    )
    turns: float = setting(
        0.0, rebuilds={"ppo"}, ge=0, description="price of each turn, so that long dialogues cost more"
    )

    def weight(self, head: str) -> float:
        """Weight of a head; 0 where the settings leave it out."""
        return self.weights.get(head, 0.0)
