"""Runs containers of the built images; `run.sh` has started the engine and built them."""

import io
import json
import subprocess
import tarfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

LABEL = "rollout-image-test"
KEY = "dummy-key-that-nobody-may-see"
SHOP = "rollout-example-python"
LEDGER = "rollout-example-rust"
MENDED_SHOP = (
    r"sed -i 's/self.paid -= cents/cents = min(cents, self.paid); self.paid -= cents/' shop/__init__.py"
)
MENDED_LEDGER = r"sed -i 's/{}\.{}/{}.{:02}/' src/lib.rs"


def docker(*arguments: str, timeout_s: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Call the engine."""
    done = subprocess.run(  # noqa: PLW1510 - what it said is worth more than its code
        ["docker", *arguments],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
    )
    assert not check or done.returncode == 0, f"docker {' '.join(arguments)}: {done.stdout}{done.stderr}"
    return done


@dataclass
class Container:
    """One rollout in a container of its own, without any network."""

    name: str
    folder: Path
    code: int | None = None
    stdout: str = ""
    stderr: str = ""

    def start(
        self,
        image: str,
        request: Mapping[str, Any],
        turns: Sequence[str],
        *options: str,
        command: Sequence[str] = (),
    ) -> None:
        """Start it; `turns` are the shell commands of the model, one a turn, and a last word."""
        script = [{"shell": turn} for turn in turns] + [{"text": "Done."}]
        (self.folder / "replay.json").write_text(json.dumps(script))
        (self.folder / "rollout.json").write_text(json.dumps(request))
        mounts = [f"--volume={self.folder / n}:/tmp/{n}:ro" for n in ("replay.json", "rollout.json")]
        create = ["create", "--name", self.name, "--label", LABEL, "--network", "none", "--memory", "2g"]
        docker(*create, "--env", f"SYNTH_API_KEY={KEY}", *mounts, *options, image, *command)
        docker("start", self.name)

    def wait(self, timeout_s: float = 150) -> None:
        """Wait for its end, and keep what it said."""
        self.code = int(docker("wait", self.name, timeout_s=timeout_s).stdout)
        logs = docker("logs", self.name)
        self.stdout, self.stderr = logs.stdout, logs.stderr

    def run(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """Start it, wait for its end, return its result."""
        self.start(*arguments, **named)
        self.wait()
        return self.result

    @property
    def result(self) -> dict[str, Any]:
        """Return `result.json`, out of the container."""
        found: dict[str, Any] = json.loads(self.read("/tmp/result.json"))
        return found

    def read(self, path: str) -> str:
        """Return a file of the container."""
        with subprocess.Popen(["docker", "cp", f"{self.name}:{path}", "-"], stdout=subprocess.PIPE) as copy:
            data = copy.communicate(timeout=60)[0]
        assert data, f"{path} is not in the container; it said {self.stdout}{self.stderr}"
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            member = archive.extractfile(archive.getmembers()[0])
            assert member
            return member.read().decode()


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    """Return a container to be started, and remove it in the end."""
    container = Container(f"{LABEL}-{uuid.uuid4().hex[:12]}", tmp_path)
    yield container
    docker("rm", "--force", "--volumes", container.name, check=False)


def asking(agent: str = "codex", **changes: Any) -> dict[str, Any]:
    """Return a request that the replay model answers."""
    return {
        "trace_correlation_id": "trace_image",
        "prompt_template": {"sections": [{"role": "user", "pattern": "{task} Make the tests pass."}]},
        "inference_url": "replay:/tmp/replay.json",
        "limits": {"timeout_s": 100},
        "params": {"agent": agent, "model": "gpt-4.1-mini"},
        **changes,
    }


@dataclass
class Image:
    """An image built by a test, and removed with it."""

    folder: Path
    tags: list[str] = field(default_factory=list)

    def build(
        self, dockerfile: str, *options: str, context: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Build a Dockerfile in a context, by default an empty one; its tag is the last of `tags`."""
        self.tags.append(f"{LABEL}:{uuid.uuid4().hex[:12]}")
        file = self.folder / "Dockerfile"
        file.write_text(dockerfile)
        build = [
            "build",
            "--quiet",
            "--network",
            "host",
            "--tag",
            self.tags[-1],
            "--file",
            str(file),
            *options,
        ]
        return docker(*build, str(context or self.folder), timeout_s=300, check=check)


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    """Return a builder of images."""
    folder = tmp_path / "context"
    folder.mkdir()
    image = Image(folder)
    yield image
    for tag in image.tags:
        docker("rmi", "--force", tag, check=False)
