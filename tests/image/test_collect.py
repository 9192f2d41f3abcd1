"""`RUN run_rollout collect` in a Dockerfile spares every rollout of the image the listing of its tests."""

import time

import pytest

from tests.image.conftest import MENDED_SHOP, SHOP, Container, Image, asking

COLLECTED = "RUN run_rollout collect && test -d /root/.cache/rollout-runner/pytest\n"
WITHOUT_AGENT = "RUN userdel agent && chown -R root:root /workspace\n"
PLANTED = "sed -i 's/test_[a-z_]*/test_planted/g' /root/.cache/rollout-runner/pytest/*.json; "


def scored_in(image: Image, container: Container, layers: str, turn: str) -> dict[str, object]:
    image.build(f"FROM {SHOP}\n{layers}")
    time.sleep(3)  # an entry must be older than the container by more than its clocks' grain
    result = container.run(image.tags[0], asking(), [turn])
    assert container.code == 0, container.stderr
    return {"reward": result["metrics"]["reward_mean"], **result["metrics"]["details"]}


@pytest.mark.parametrize("layers", ["", WITHOUT_AGENT], ids=["agent user", "one user"])
def test_a_list_made_in_the_image_is_used(image: Image, container: Container, layers: str) -> None:
    details = scored_in(image, container, layers + COLLECTED, MENDED_SHOP)
    assert (details["expected"], details["reward"]) == ("kept", 1.0)


@pytest.mark.parametrize(("layers", "expected"), [("", "kept"), (WITHOUT_AGENT, "collected")])
def test_an_agent_cannot_plant_a_list(image: Image, container: Container, layers: str, expected: str) -> None:
    details = scored_in(image, container, layers + COLLECTED, PLANTED + MENDED_SHOP)
    assert (details["expected"], details["reward"]) == (expected, 1.0)
