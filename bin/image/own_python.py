# ruff: noqa: INP001 - a script of the build, no module of the program
"""Copies the Python that runs this, with its libraries and the C library, so that it runs on any image.

A Python copied from one image fails on another with an older C library (`GLIBC_2.38 not found`), and on one
without OpenSSL. The copy names its own loader and finds its libraries beside it by DT_RPATH, which no
variable of the user's overrides and which no child process inherits.

    python3.11 own_python.py /opt/rollout/python
"""

import re
import shutil
import subprocess
import sys
import sysconfig
from compileall import compile_dir
from pathlib import Path
from py_compile import PycInvalidationMode

UNUSED = ("site-packages", "dist-packages", "sitecustomize.py", "test", "tests", "__pycache__", "config-*")
UNUSED_PACKAGES = ("ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo", "pydoc_data", "_tkinter.*")
FOR_WHEELS = (
    *("libgcc_s.so.1", "libstdc++.so.6", "libm.so.6"),
    *(
        "libdl.so.2",
        "libpthread.so.0",
        "librt.so.1",
        "libutil.so.1",
    ),  # empty since 2.34, but asked for
)


def main(target: Path) -> None:
    """Write `bin`, `lib` and the compiled standard library below `target`."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    program, stdlib = target / "bin" / version, target / "lib" / version
    program.parent.mkdir(parents=True)
    shutil.copy2(Path(sys.executable).resolve(), program)
    shutil.copytree(
        sysconfig.get_path("stdlib"), stdlib, ignore=shutil.ignore_patterns(*UNUSED, *UNUSED_PACKAGES)
    )
    for library in libraries([program, *stdlib.rglob("*.so")]):
        shutil.copy2(library, target / "lib" / library.name)
    adopt(program, target / "lib")
    # No source is looked at when a module is imported.
    compile_dir(stdlib, quiet=1, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)


def libraries(binaries: list[Path]) -> set[Path]:
    """Return every shared library that the binaries and ordinary wheels load, the loader itself included."""
    listing = subprocess.run(["/usr/bin/ldd", *binaries], capture_output=True, text=True, check=True).stdout
    cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    wanted = {line for line in cache.splitlines() if line.split()[:1] and line.split()[0] in FOR_WHEELS}
    found = re.findall(r"(?:=> |^\s*)(/\S+)", "\n".join([listing, *wanted]), flags=re.MULTILINE)
    return {Path(path) for path in found if ".so" in path and not path.endswith(":")}


def adopt(program: Path, folder: Path) -> None:
    """Make a program start with the loader of the folder and look there first for every library."""
    loader = next(folder.glob("ld-linux*.so*"))
    options = ["--set-interpreter", str(loader), "--force-rpath", "--set-rpath", "$ORIGIN/../lib"]
    subprocess.run(["/usr/bin/patchelf", *options, program], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
