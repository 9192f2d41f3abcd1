"""A CARGO_HOME that holds the locked packages and nothing that was tampered with."""

import hashlib
import os
from pathlib import Path

from scorers.cargo_home import locked_packages, make_cargo_home, share_config, source_folders
from tests.judging import write

GOOD, BAD = b"the package", b"another package"
SUM = hashlib.sha256(GOOD).hexdigest()
REGISTRY = "index.crates.io-1949cf8c6b5b557f"


def user_home(place: Path) -> Path:
    return write(
        place / "user",
        {
            f"registry/cache/{REGISTRY}/good-1.0.0.crate": GOOD.decode(),
            f"registry/cache/{REGISTRY}/bad-1.0.0.crate": BAD.decode(),
            f"registry/cache/{REGISTRY}/other-1.0.0.crate": GOOD.decode(),
            f"registry/src/{REGISTRY}/good-1.0.0/src/lib.rs": "poison",
            f"registry/index/{REGISTRY}/config.json": "{}",
            f"registry/index/{REGISTRY}/.cache/go/od/good": "entry",
            f"registry/index/{REGISTRY}/.cache/ot/he/other": "entry",
            "config.toml": "[net]\n",
        },
    )


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def lock_of(place: Path) -> Path:
    package = '[[package]]\nname = "{}"\nversion = "1.0.0"\nsource = "registry"\nchecksum = "{}"\n'
    text = "version = 3\n" + "".join(package.format(name, SUM) for name in ("good", "bad"))
    return write(place, {"Cargo.lock": text}) / "Cargo.lock"


def test_only_packages_that_are_what_the_lock_says_come_along(tmp_path: Path) -> None:
    home = tmp_path / "home"
    user = user_home(tmp_path)
    assert make_cargo_home(home, lock_of(tmp_path), user, before_ns=0) == ("bad-1.0.0.crate",)
    assert files_in(home) == {
        f"registry/cache/{REGISTRY}/good-1.0.0.crate",
        f"registry/index/{REGISTRY}/config.json",
        f"registry/index/{REGISTRY}/.cache/go/od/good",
    }


def test_without_a_lock_whatever_was_there_before_the_agent_comes_along(tmp_path: Path) -> None:
    user = user_home(tmp_path)
    newest = max(path.stat().st_ctime_ns for path in user.rglob("*"))
    for name, moment in (("before", newest + 1), ("after", 0)):
        make_cargo_home(tmp_path / name, tmp_path / "Cargo.lock", user, before_ns=moment)
    assert len(files_in(tmp_path / "before")) == len(files_in(user / "registry")) - 1  # not what is unpacked
    assert files_in(tmp_path / "after") == {f"registry/index/{REGISTRY}/config.json"}


def test_another_lock_brings_its_packages_too(tmp_path: Path) -> None:
    user, home, lock = user_home(tmp_path), tmp_path / "home", tmp_path / "Cargo.lock"
    make_cargo_home(home, lock_of(tmp_path), user, before_ns=0)
    lock.write_text(lock.read_text("utf-8").replace("good", "other"), "utf-8")
    make_cargo_home(home, lock, user, before_ns=0)
    assert f"registry/cache/{REGISTRY}/other-1.0.0.crate" in files_in(home)
    assert f"registry/cache/{REGISTRY}/good-1.0.0.crate" in files_in(home)


def test_the_folders_that_packages_come_from_are_known(tmp_path: Path) -> None:
    config = '[source.a]\nreplace-with = "b"\n[source.b]\ndirectory = "./third/party"\n'
    assert source_folders(tmp_path) == ()
    assert source_folders(write(tmp_path, {".cargo/config.toml": config})) == ("third/party",)


def test_lock_files_before_version_2_keep_their_sums_apart(tmp_path: Path) -> None:
    text = (
        f'[[package]]\nname = "good"\nversion = "1.0.0"\n\n[metadata]\n"checksum good 1.0.0 (r)" = "{SUM}"\n'
    )
    lock = write(tmp_path, {"Cargo.lock": text}) / "Cargo.lock"
    assert [(each.name, each.version, each.checksum) for each in locked_packages(lock)] == [
        ("good", "1.0.0", SUM)
    ]


def test_the_images_configuration_counts_unless_it_was_changed_since(tmp_path: Path) -> None:
    user = user_home(tmp_path)
    changed = (user / "config.toml").stat().st_ctime_ns
    os.utime(user / "config.toml", (0, 0))
    for name, moment in (("early", changed), ("late", changed + 10**12)):
        (tmp_path / name).mkdir()
        share_config(tmp_path / name, user, before_ns=moment)
    assert not (tmp_path / "early" / "config.toml").exists()
    assert (tmp_path / "late" / "config.toml").exists()
