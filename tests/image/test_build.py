import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from runner.environment import FORBIDDEN_KEYS
from tests.image.conftest import LEDGER, SHOP, Image, docker

ROOT = Path(__file__).parents[2]
TAKING = 'COPY --from=rollout-base /opt/rollout /opt/rollout\nRUN ["/opt/rollout/setup"]\n'
BARE = f"""
FROM {SHOP} AS shop
RUN apt-get update && apt-get install -y busybox-static
RUN mkdir -p /bare/bin /bare/etc /bare/tmp && cp /bin/busybox /bare/bin/ && busybox --install /bare/bin \\
 && echo root:x:0:0::/:/bin/sh > /bare/etc/passwd && echo root:x:0: > /bare/etc/group
FROM scratch
COPY --from=shop /bare /
"""
FOREIGN = r"""
import re, sys
sys.path.insert(0, "")
import aiohttp, anthropic, linguafranca, openai, pydantic
import bz2, ctypes, curses, lzma, readline, sqlite3, ssl, zlib
loaded = {line.split()[-1] for line in open("/proc/self/maps") if re.search(r"\.so[.0-9]*$", line)}
print(sorted(path for path in loaded if not path.startswith("/opt/rollout/")), len(loaded))
"""


def states_of(doctor: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Return what the doctor's JSON says of each thing."""
    return {each["what"]: each["state"] for each in json.loads(doctor.stdout)}


def test_the_labels_say_what_the_lock_files_pin() -> None:
    labels = json.loads(docker("inspect", "--format", "{{json .Config.Labels}}", "rollout-base").stdout)
    pins = json.loads((ROOT / "package.json").read_text())["optionalDependencies"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert labels["org.opencontainers.image.version"] == project["version"]
    assert labels["rollout.agents"] == "codex claude_code opencode"
    assert f"@{labels['rollout.codex.version']}-linux" in pins["@openai/codex-linux-x64"]
    assert labels["rollout.claude_code.version"] == pins["@anthropic-ai/claude-code-linux-x64"]
    assert labels["rollout.opencode.version"] == pins["opencode-linux-x64"]


def test_an_image_with_one_agent_has_no_other_and_is_smaller() -> None:
    doctor = ["run", "--rm", "--network", "none", "rollout-base:codex", "run_rollout", "doctor", "--json"]
    states = states_of(docker(*doctor))
    assert (states["codex"], states["claude_code"], states["opencode"]) == ("ok", "absent", "absent")
    inspect = ["image", "inspect", "--format", "{{.Size}}"]
    small, whole = (int(docker(*inspect, f"rollout-base:{tag}").stdout) for tag in ("codex", "latest"))
    assert whole - small > 300 * 10**6


@pytest.mark.parametrize("image", [SHOP, LEDGER])
def test_the_doctor_finds_the_examples_fit(image: str) -> None:
    done = docker("run", "--rm", "--network", "none", image, "run_rollout", "doctor", check=False)
    assert done.returncode == 0, done.stdout
    assert "missing" not in done.stdout
    assert "the agent and the tests run as agent (uid 10001)" in done.stdout


def test_the_doctor_says_what_an_unfit_image_lacks(image: Image) -> None:
    image.build(
        "FROM rollout-base:codex\nRUN rm /opt/rollout/clis/codex && echo SYNTH_API_KEY=x > /workspace/.env"
    )
    done = docker(
        "run", "--rm", "--network", "none", image.tags[0], "run_rollout", "doctor", "--json", check=False
    )
    states = {each["what"]: each["state"] for each in json.loads(done.stdout)}
    assert done.returncode == 1
    assert states["codex"] == "missing"
    assert states["keys"] == "missing"


def test_the_doctor_says_that_an_interceptor_is_not_reached() -> None:
    doctor = ["run_rollout", "doctor", "--inference-url", "https://interceptor.invalid/v1"]
    done = docker("run", "--rm", "--network", "none", SHOP, *doctor, check=False)
    assert done.returncode == 1
    assert "no address for interceptor.invalid" in done.stdout


def test_a_key_as_build_argument_is_refused() -> None:
    build = ["build", "--network", "host", "-f", str(ROOT / "Dockerfile.base"), "--build-arg"]
    for name in (FORBIDDEN_KEYS[0], FORBIDDEN_KEYS[-1]):
        done = docker(*build, f"{name}=dummy", str(ROOT), check=False)
        assert done.returncode != 0
        assert f"{name} is in the build's environment" in done.stdout + done.stderr


@pytest.mark.parametrize("name", FORBIDDEN_KEYS)
def test_a_key_in_a_user_images_environment_is_refused(image: Image, name: str) -> None:
    assert f"ARG {name}\n" in (ROOT / "Dockerfile.base").read_text()
    done = image.build(f"FROM {SHOP}\nENV {name}=dummy\n{TAKING}", check=False)
    assert done.returncode != 0
    assert f"{name} is in the build's environment" in done.stdout + done.stderr


def test_the_program_owes_nothing_to_the_libraries_of_the_image() -> None:
    python = ["/opt/rollout/venv/bin/python", "-I", "-c", FOREIGN]
    done = docker("run", "--rm", "--network", "none", LEDGER, *python)
    assert done.stdout.startswith("[] ")


def test_the_program_runs_on_an_image_without_any_c_library(image: Image) -> None:
    image.build(f"{BARE}{TAKING}")
    run = ["run", "--rm", "--network", "none", image.tags[0], "/usr/local/bin/run_rollout"]
    assert docker(*run, "--version").stdout.startswith("run_rollout ")
    states = states_of(docker(*run, "doctor", "--json", check=False))
    assert states["codex"] == "ok"
    assert states["user"] == "ok"


def test_nothing_of_the_program_is_written_when_it_runs() -> None:
    script = "run_rollout --help && run_rollout doctor; find /opt/rollout -newer /proc/1 | head"
    done = docker("run", "--rm", "--network", "none", SHOP, "sh", "-c", script)
    assert "/opt/rollout/" not in done.stdout.rpartition("keys")[2]
