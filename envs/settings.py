"""The settings of data, environment and reward. They are frozen; an unknown key is refused."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from envs.builtin_heads import HEADS, default_weights, heads_of


class Settings(BaseModel):
    """Base of every settings section: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataSettings(Settings):
    """Where dialogues come from and how they are split."""

    source: str = Field(
        default="sample",
        description="sample | official | a ReDial zip | an unpacked folder | hf:owner/name | module:function",
    )
    validation: str = Field(
        default="latest",
        description="latest (by conversation id) | random | a JSON file of validation ids, FILE or FILE#KEY; a source "
        "module:function splits itself",
    )
    validation_dialogues: int = Field(
        default=1000, gt=0, description="size of the validation split, for latest and random"
    )
    metadata: str | None = Field(
        default=None, description="a folder with id2info.json: genres, people and plots of films"
    )
    limit: int | None = Field(default=None, gt=0, description="keep at most this many dialogues of each split")
    seed: int = Field(default=0, description="seed of the random split and of the sample corpus")


class EndpointSettings(Settings):
    """How to call an OpenAI-compatible endpoint; the base of every section that may name one."""

    endpoint: str | None = Field(
        default=None,
        pattern="^https?://",
        description="base URL of an OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1; none: local",
    )
    api_key_env: str = Field(
        default="OPENAI_API_KEY", description="endpoint: the environment variable that holds the key; never the key"
    )
    timeout: float = Field(default=60.0, gt=0, description="endpoint: seconds to wait for an answer")
    requests_per_minute: float = Field(
        default=600.0, gt=0, description="endpoint: the most requests a minute, for each worker"
    )
    retries: int = Field(default=5, ge=0, description="endpoint: further attempts after 429, 5xx or a lost connection")


class SeekerModelSettings(EndpointSettings):
    """The language model that speaks for the seeker ``model``."""

    model: str = Field(
        default="smollm2", min_length=1, description="smollm2 (packaged) | a folder | a hub id | the endpoint's name"
    )
    temperature: float = Field(default=0.7, gt=0, description="sampling temperature")
    max_new: int = Field(default=60, gt=0, description="the most tokens of a line")
    batch: int = Field(default=16, gt=0, description="lines that are generated together")


class EnvSettings(Settings):
    """How a conversation runs."""

    seeker: str = Field(
        default="profile",
        description="replay: the human's own lines | profile: rules and sentences | model: the same rules, a model's "
        "words | module:Class",
    )
    seeker_model: SeekerModelSettings = SeekerModelSettings()
    horizon: int = Field(default=2, gt=0, description="replay: free turns after the human history, then truncation")
    max_turns: int = Field(default=4, gt=0, description="profile, model: recommender turns at most, then truncation")
    max_history: int = Field(default=6, ge=0, description="human turns shown before the first free turn")
    proposals: int = Field(default=2, ge=1, le=2, description="films in a proposal")
    max_characters: int = Field(default=2000, gt=0, description="longest utterance the spaces accept, in characters")

    def shown(self) -> dict[str, int]:
        """The settings that decide which human contexts a policy sees; settings of the seeker are left out."""
        return self.model_dump(include={"max_history", "proposals", "max_characters"})


class RewardSettings(Settings):
    """How the heads become one number a turn (capped heads after Moskovitz et al., arXiv 2310.04373).

    The controls ``random`` and ``length`` pay in place of the heads; the other parts stay. A figure that rises under
    them, too, is no sign of better conversations.
    """

    weights: dict[str, float] = Field(
        default_factory=lambda: default_weights(heads_of(HEADS.names())),
        description="weight of each head; heads left out weigh 0; unset: those of the heads' definitions",
    )
    source: Literal["critic", "random", "length"] = Field(
        default="critic",
        description="what pays for a reply: the critic's heads | the controls: chance | its length in words",
    )
    cap: float = Field(default=2.0, description="a normalised head pays at most this many standard deviations")
    spread_penalty: float = Field(default=0.0, ge=0, description="k in mean - k x ensemble spread (arXiv 2310.02743)")
    missing_end: float = Field(default=0.5, ge=0, description="penalty of a reply that was cut before its end")
    repetition: float = Field(default=0.5, ge=0, description="penalty, times the share of repeated bigrams")
    verbosity: float = Field(
        default=0.0,
        ge=0,
        description="penalty, times the standard deviations by which a reply is longer than the reference's mean",
    )
    markup: float = Field(default=0.5, ge=0, description="penalty of a reply with role markers or titles outside slots")
    acceptance: float = Field(default=0.25, ge=0, description="paid on the turn whose film the seeker accepts")
    turns: float = Field(default=0.0, ge=0, description="price of each turn, so that long dialogues cost more")

    def weight(self, head: str) -> float:
        """Weight of a head; 0 where the settings leave it out."""
        return self.weights.get(head, 0.0)
