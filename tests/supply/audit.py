"""`make audit`: whether a locked package has a known vulnerability. pip-audit asks the package index; what it could not ask about it passes over in
silence, and ends well though nothing was looked at. Here that is a failure, except in CI, which says so in words.

    python -m tests.supply.audit            fails for a vulnerability, and when nothing was audited
    python -m tests.supply.audit --in-ci    fails for a vulnerability alone
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VULNERABLE, NOTHING = 1, 3
SECONDS = 300


@dataclass(frozen=True)
class Audited:
    """What came of it: packages looked at, those that were passed over, and vulnerabilities in words."""

    looked_at: int
    passed_over: tuple[str, ...]
    vulnerabilities: tuple[str, ...]

    def exit_code(self, *, in_ci: bool) -> int:
        """1 for a vulnerability; 3 when nothing was audited, 0 for that in CI, which must not fail because a service is away."""
        if self.vulnerabilities:
            return VULNERABLE
        return NOTHING if self.looked_at == 0 and not in_ci else 0

    def words(self) -> list[str]:
        """The same for people."""
        out = [f"vulnerable: {each}" for each in self.vulnerabilities]
        if self.looked_at == 0:
            out.append(
                "NOTHING WAS AUDITED: the package index answered about no package (is it a mirror without advisories, or away?); "
                "this says nothing about vulnerabilities"
            )
            return out
        out.append(f"{self.looked_at} packages audited, {len(self.vulnerabilities)} vulnerabilities known")
        if self.passed_over:
            out.append(f"not audited: {', '.join(sorted(self.passed_over))}")
        return out


def read(report: str) -> Audited:
    """What pip-audit's JSON says; what is no such JSON is an audit of nothing."""
    try:
        dependencies: Sequence[Mapping[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Audited(0, (), ())
    passed = tuple(each["name"] for each in dependencies if "skip_reason" in each)
    looked = [each for each in dependencies if "skip_reason" not in each]
    found = tuple(
        f"{each['name']} {each['version']}: {v['id']}, mended in {', '.join(v.get('fix_versions', ())) or 'no release yet'}"
        for each in looked
        for v in each.get("vulns", ())
    )
    return Audited(len(looked), passed, found)


def main(arguments: Sequence[str]) -> int:
    """Audit this environment."""
    program = Path(sys.executable).parent / "pip-audit"
    try:
        done = subprocess.run(
            [str(program), "--skip-editable", "--progress-spinner", "off", "--format", "json"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        audited = read(done.stdout)
    except subprocess.TimeoutExpired:
        audited = Audited(0, (), ())
    print("\n".join(audited.words()))  # noqa: T201
    return audited.exit_code(in_ci="--in-ci" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
