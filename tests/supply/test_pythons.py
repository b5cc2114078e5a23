"""What the lock names can be installed with every Python that the project says it runs on: `make setup PYTHON=…` is refused as a whole by one part
that has nothing for it."""

import tomllib
from collections.abc import Iterator
from typing import Any, Final

import pytest
from packaging.markers import Environment, Marker, default_environment
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from tests.faults.plant import ROOT

_PLATFORMS: Final = [
    *(f"manylinux_2_{minor}_x86_64" for minor in range(39, 4, -1)),
    "manylinux2014_x86_64",
    "manylinux2010_x86_64",
    "manylinux1_x86_64",
    "linux_x86_64",
]
Package = dict[str, Any]


def _environment(version: tuple[int, int]) -> Environment:
    made = default_environment()
    text = f"{version[0]}.{version[1]}"
    made["python_version"], made["python_full_version"], made["implementation_version"] = text, f"{text}.0", f"{text}.0"
    made["implementation_name"], made["platform_python_implementation"] = "cpython", "CPython"
    made["sys_platform"], made["platform_system"], made["platform_machine"], made["os_name"] = "linux", "Linux", "x86_64", "posix"
    return made


def _edges(package: Package, extras: tuple[str, ...] | None) -> Iterator[Package]:
    yield from package.get("dependencies", ())
    for extra, wanted in package.get("optional-dependencies", {}).items():
        if extras is None or extra in extras:
            yield from wanted
    for wanted in package.get("dev-dependencies", {}).values():
        yield from wanted


def _reached(packages: list[Package], version: tuple[int, int]) -> Iterator[Package]:
    """Everything that `uv sync --all-extras` would install with a Python, each once."""
    environment = _environment(version)
    by_name: dict[str, list[Package]] = {}
    for each in packages:
        by_name.setdefault(each["name"], []).append(each)
    waiting: list[tuple[Package, tuple[str, ...] | None]] = [(by_name["nrr"][0], None)]
    seen: set[tuple[str, str, tuple[str, ...]]] = set()
    while waiting:
        package, extras = waiting.pop()
        for edge in _edges(package, extras):
            if "marker" in edge and not Marker(edge["marker"]).evaluate({name: str(value) for name, value in environment.items()}):
                continue
            named = by_name[edge["name"]]
            (found,) = [each for each in named if each.get("version") == edge["version"]] if "version" in edge else named
            key = (found["name"], found.get("version", ""), tuple(edge.get("extra", ())))
            if key not in seen:
                seen.add(key)
                waiting.append((found, key[2]))
                yield found


def _can_be_had(package: Package, tags: set[Tag]) -> bool:
    files = [each["url"].rsplit("/", 1)[-1] for each in package.get("wheels", ())]
    return "sdist" in package or any(parse_wheel_filename(name)[3] & tags for name in files)


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13), (3, 14)], ids=lambda each: ".".join(map(str, each)))
def test_every_python_finds_something_to_install(version: tuple[int, int]) -> None:
    """A wheel for it on Linux, or the source."""
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    tags = {*cpython_tags(version, platforms=_PLATFORMS), *compatible_tags(version, f"cp{version[0]}{version[1]}", _PLATFORMS)}
    reached = list(_reached(packages, version))
    assert 60 < len(reached)
    assert [] == [f"{each['name']} {each['version']}" for each in reached if not _can_be_had(each, tags)]
