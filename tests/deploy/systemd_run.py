"""The stand-in for systemd-run: credentials, EnvironmentFile and user as `nrrctl` asks for them, then the command."""

import os
import sys
from pathlib import Path

from tests.deploy.machine import credentials, environment_file, run_as


def main(arguments: list[str]) -> int:
    """Run it; its exit code."""
    root, user = Path(os.environ["MACHINE"]), os.environ["MACHINE_USER"] or None
    wanted: dict[str, Path] = {}
    kept = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "STRIPE_API_BASE", "NRR_RATES_URL", "LANG")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    given: dict[str, str] = {}
    asked = {"--quiet", "--collect", "--wait", "--pipe", "--service-type=exec", "--uid=nrr", "--gid=nrr"}
    while arguments and arguments[0].startswith("--"):
        option = arguments.pop(0)
        name, _, value = option.partition("=")
        if name == "--setenv":
            key, _, said = value.partition("=")
            given[key] = said.replace("/var/lib/nrr", str(root / "var/lib/nrr"))
        elif name == "--property":
            key, _, said = value.partition("=")
            if key == "LoadCredential":
                one, _, path = said.partition(":")
                wanted[one] = Path(path)
            elif key == "EnvironmentFile":
                environment |= environment_file(Path(said))
        else:
            asked.remove(option)
    assert not asked, f"systemd-run is not asked for {asked}"
    folder = credentials(root, wanted, user)
    process = run_as(user, arguments, {**environment, **given, "CREDENTIALS_DIRECTORY": str(folder)}, root / "var/lib/nrr")
    return process.wait(180)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
