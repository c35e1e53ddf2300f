"""The distribution ``ecr-rl``: three packages, one command, and the run profiles as package data."""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

README = Path(__file__).parent / "README.md"

setup(
    name="ecr-rl",
    version="0.1.0",
    description="Empathetic conversational recommenders trained with reinforcement learning on RLlib",
    long_description=README.read_text(encoding="utf-8") if README.exists() else "",
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["envs*", "algorithms*", "ecr_rl*", "tune_configs*"]),
    package_data={
        "envs": ["py.typed"],
        "algorithms": ["py.typed", "people/shipped/*", "people/shipped/*/*"],
        "envs.corpora.embedded": ["data/*"],
        "envs.seekers": ["data/*"],
        "tune_configs": ["*.yaml"],
        "ecr_rl": ["py.typed", "report/templates/*"],
    },
    install_requires=[
        "ray[data,rllib,train,tune,default]>=2.60,<2.61",
        "torch>=2.13",
        "transformers>=5.23,<6",
        "peft>=0.21",
        "bitsandbytes>=0.50",
        "datasets>=5",
        "tensorboard>=2.21",
        "tensorboardX>=2.6",
        "gguf>=0.19",
        "safetensors>=0.8",
        "tokenizers>=0.23",
        "numpy>=2",
        "pyarrow>=21",
        "scipy>=1.17",
        "scikit-learn>=1.9",
        "bm25s>=0.3",
        "pydantic>=2.14",
        "PyYAML>=6",
        "typer>=0.29",
        "rich>=15",
        "markdown-it-py>=4.3",
        "psutil>=7",
        "matplotlib>=3.11",
        "Jinja2>=3.1",
        "sacrebleu>=2.6",
        "vaderSentiment>=3.3",
    ],
    extras_require={
        "openai": ["openai>=3.54", "tenacity>=9.2"],
        "optuna": ["optuna>=5"],
        "serve": ["fastapi>=0.165", "uvicorn>=0.54", "openai>=3.54"],
        "dev": ["pytest>=9", "pytest-xdist>=3.8", "hypothesis>=6", "ruff>=0.17", "pyright>=1.1"],
    },
    entry_points={"console_scripts": ["ecr-rl=ecr_rl.cli:main"]},
)
