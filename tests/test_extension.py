"""A user's C++ kernel that one commit makes slower: built once per commit, and found."""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from tests.repository import commit, init

SETUP = """
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CppExtension
setup(name="kernel", ext_modules=[CppExtension("kernel", ["kernel.cpp"])],
      cmdclass={"build_ext": BuildExtension})
"""
KERNEL = """
#include <torch/extension.h>

// The mean of each channel is taken TIMES times, and added to the channel.
torch::Tensor shift(torch::Tensor x) {
  auto y = x.contiguous().clone();
  const auto channels = y.size(0) * y.size(1), size = y.size(2) * y.size(3);
  float* values = y.data_ptr<float>();
  for (int64_t c = 0; c < channels; ++c) {
    volatile float mean = 0;
    for (int t = 0; t < TIMES; ++t) {
      float sum = 0;
      for (int64_t i = 0; i < size; ++i) sum += values[c * size + i];
      mean = sum / size;
    }
    for (int64_t i = 0; i < size; ++i) values[c * size + i] += mean;
  }
  return y;
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) { m.def("shift", &shift); }
"""
TYPES = """
from torch import nn

import kernel


class Shifted(nn.Module):
    def __init__(self, case):
        super().__init__()
        self.conv = nn.Conv2d(case.in_channels, case.out_channels, 3, padding=1, bias=False)

    def forward(self, x):
        return kernel.shift(self.conv(x))


CONV_TYPES = {"shifted": Shifted}
"""
SUITE = """
name = "own"
[axes]
conv_type = ["shifted"]
channels = [32, 64]
resolution = [28]
"""


@pytest.mark.slow
def test_a_slower_kernel_of_the_users_own_extension_is_found_and_each_commit_is_built_once(
    tmp_path: Path,
) -> None:
    if which("g++") is None:
        fail = pytest.fail if os.environ.get("CI") else pytest.skip
        fail("needs a C++ compiler: install g++")
    code = init(tmp_path / "code")
    files = {"setup__py": SETUP, "forms__py": TYPES, "__gitignore": "build/\n*.so\n*.egg-info/\n"}
    commit(code, "first", kernel__cpp=KERNEL.replace("TIMES", "1"), **files)
    commit(code, "slower", kernel__cpp=KERNEL.replace("TIMES", "8"))
    (tmp_path / "own.toml").write_text(SUITE)
    build = f"echo built >> {tmp_path}/log && {sys.executable} setup.py -q build_ext --inplace"
    command = [sys.executable, "-m", "sepconv", "compare", "HEAD~1", "HEAD"]
    command += ["--conv-types", str(code / "forms.py"), "--build-command", build]
    command += ["--suite", str(tmp_path / "own.toml"), "--format", "json"]

    told = []
    for _ in range(2):
        answer = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | {"SEPCONV_CACHE_DIR": str(tmp_path / "cache"), "SEPCONV_STORE": ""},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert answer.returncode == 1, answer.stderr
        told.append(json.loads(answer.stdout))

    assert [case["outcome"] for each in told for case in each["cases"]] == ["slower"] * 4
    assert (tmp_path / "log").read_text() == "built\nbuilt\n"
    assert not list(code.rglob("*.so"))
