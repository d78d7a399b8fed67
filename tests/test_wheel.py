"""The wheel in an environment that has torch already, as `pip install .` leaves it."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from sepconv import load

ROOT = Path(__file__).parents[1]


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    answer = subprocess.run(
        command,
        cwd=cwd,
        env={k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SEPCONV_STORE")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr + answer.stdout
    return answer


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """A new environment that sees this one's packages, but not this checkout."""
    folder = tmp_path_factory.mktemp("existing")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT), cwd=folder)
    (wheel,) = folder.glob("sepconv-*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", str(folder / "env"), cwd=folder)
    python = folder / "env" / "bin" / "python"
    where = run(
        str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    )
    packages = Path(where.stdout.strip())
    (packages / "theirs.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(*pip, "--python", str(python), "install", "--quiet", "--no-deps", str(wheel), cwd=folder)
    return folder / "env" / "bin"


@pytest.mark.slow
def test_the_suites_travel_in_the_wheel_and_run_from_any_directory(environment, tmp_path):
    sepconv = str(environment / "sepconv")
    where = "channels=24 and batch_size=1 and stride=1"

    run(
        *(sepconv, "run", "pull-request", "--where", where, "--time-budget", "10s"),
        cwd=tmp_path,
    )
    run(sepconv, "report", cwd=tmp_path)

    frame = load(tmp_path / "results/sepconv.db")
    latency = frame[frame.metric == "latency_s"]
    assert len(latency) == 3
    assert (latency.value > 0).all()
    assert frame.commit.isna().all()  # what is installed is at no commit
    assert "</html>" in (tmp_path / "results/report.html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results"]


@pytest.mark.slow
def test_the_installed_package_is_measured_and_not_a_folder_of_that_name(environment, tmp_path):
    (tmp_path / "sepconv").mkdir()
    (tmp_path / "sepconv" / "__init__.py").write_text("raise RuntimeError('the wrong one')\n")
    (tmp_path / "torch.py").write_text("raise RuntimeError('the wrong one')\n")

    answer = run(
        *(str(environment / "sepconv"), "run", "pull-request", "--time-budget", "5s"),
        *("--where", "channels=24 and batch_size=1 and stride=1"),
        cwd=tmp_path,
    )

    assert "depthwise separable" in answer.stdout
