import re
from pathlib import Path

import pytest

from tests.image.conftest import LEDGER, MENDED_LEDGER, MENDED_SHOP, SHOP, Container, Image, asking, docker

AGENTS = ("codex", "claude_code", "opencode")
DOCKERFILE = Path(__file__).parents[2] / "examples" / "images" / "python" / "Dockerfile"


@pytest.mark.parametrize("agent", AGENTS)
def test_a_python_project_with_conflicting_pins_is_worked_on_and_scored(
    container: Container, agent: str
) -> None:
    result = container.run(SHOP, asking(agent), [f"{MENDED_SHOP} && python -m pytest -q"])
    assert container.code == 0, container.stderr
    assert result["success"]
    assert result["metrics"]["reward_mean"] == 1.0
    ids = {check["id"] for check in result["checks"] if check["status"] == "passed"}
    assert "tests/test_refund.py::test_what_remains_is_never_negative" in ids
    assert "tests/test_order.py::test_the_project_has_its_own_versions" in ids


@pytest.mark.parametrize("agent", AGENTS)
def test_a_rust_project_without_any_python_is_worked_on_and_scored(container: Container, agent: str) -> None:
    result = container.run(LEDGER, asking(agent), [f"{MENDED_LEDGER} && cargo test --offline"])
    assert container.code == 0, container.stderr
    assert result["success"]
    assert result["metrics"]["reward_mean"] == 1.0
    assert result["metrics"]["details"]["tests_total"] == 4


@pytest.mark.parametrize(("image", "reward"), [(SHOP, 0.6), (LEDGER, 0.5)])
def test_work_that_was_not_done_earns_what_the_tests_say(
    container: Container, image: str, reward: float
) -> None:
    result = container.run(image, asking(), ["true"])
    assert result["success"]
    assert result["metrics"]["reward_mean"] == pytest.approx(reward)


def test_the_users_environment_is_byte_for_byte_as_before(image: Image) -> None:
    taking = re.compile(r"\nCOPY --from=rollout-base.*\n.*setup.*\n")
    dockerfile = DOCKERFILE.read_text().replace(" --chown=agent:agent", "")
    image.build(taking.sub("\n", dockerfile), context=DOCKERFILE.parent)
    image.build(f"FROM {image.tags[0]}{taking.findall(dockerfile)[0]}")
    before, after = (listing(tag) for tag in image.tags)
    assert len(before) > 5_000
    differing = {line.split()[-1] for line in before ^ after}
    assert differing == {"etc/passwd", "etc/group", "usr/local/bin/run_rollout"}


LISTING = r"""cd /
python -c 'import sys; print(sys.version, sys.path, sys.flags)'; pip list; env
find bin etc lib opt root sbin usr var workspace -path opt/rollout -prune -o \
    -type f -exec sha256sum {} + -o -type l -printf '%l %p\n'
"""


def listing(image: str) -> set[str]:
    """Return what Python, pip and the environment say, and the hash of every file but the runner's."""
    run = ["run", "--rm", "--network", "none", "--hostname", "same", image]
    return set(docker(*run, "sh", "-c", LISTING).stdout.splitlines())
