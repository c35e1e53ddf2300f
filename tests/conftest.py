"""What every test may use: few threads, one Ray instance for the whole run, the shared data where it is at hand."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

# Before torch or ray is imported: workers inherit it, and two processes of all cores each slow each other down.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A Ray that a test starts would otherwise write its token into the home folder, for every later cluster from there.
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


@pytest.fixture(autouse=True)
def few_threads() -> None:
    """Torch as OMP_NUM_THREADS says, whatever a test before this one set; torch is not loaded for it."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


@pytest.fixture(scope="session")
def ray_session() -> Iterator[Any]:
    """The one Ray instance of the run: four logical CPUs, no dashboard, workers with one thread each, own files."""
    import ray

    with tempfile.TemporaryDirectory(prefix="ecr-ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        ray.init(
            num_cpus=4,
            include_dashboard=False,
            log_to_driver=False,
            runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}},
            _temp_dir=folder,
        )
        yield ray
        ray.shutdown()


@pytest.fixture(params=[True, False], ids=["cpu-with-bf16", "cpu-without-bf16"])
def cpu_has_bf16(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bool:
    """A CPU that lists bfloat16 instructions, then one that does not, whatever this machine's is."""
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: fpu avx512f {'avx512_bf16 ' if request.param else ''}sse2\n")
    monkeypatch.setattr("ecr_rl.doctor.CPUINFO", cpuinfo)
    return request.param


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository; its tests are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real data is not at {SHARED_DATA}")
    return SHARED_DATA
