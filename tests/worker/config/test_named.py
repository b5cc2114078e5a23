"""Whatever is refused of a setting names it: as the variable of the environment, or as the key of nrr.toml."""

from pathlib import Path

import pytest

from worker.config.load import environment_name, load
from worker.config.settings import BadSettings, Settings
from worker.wiring.setting_faults import setting_faults

IN_ENVIRONMENT = ("nonsense!!", "-1", "[]", "{}", "99999999999999999999", "http://x", "a b", "true", "1.5", "null")
IN_FILE = ('"nonsense!!"', "-1", "[]", "{}", "99999999999999999999", "true", "1.5", "[{}]", '{a="b"}', '""')


def _faults(config: Path | None = None) -> tuple[str, ...]:
    try:
        return tuple(setting_faults(load(config=config)))
    except BadSettings as error:
        return error.faults


@pytest.mark.parametrize("setting", list(Settings.model_fields))
def test_what_is_refused_names_the_setting(setting: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Values of every wrong sort, in either place; some sort of value is refused of each setting."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(environment_name(name), raising=False)
    told: list[str] = []
    for value in IN_ENVIRONMENT:
        with monkeypatch.context() as patch:
            patch.setenv(environment_name(setting), value)
            told += _faults()
    file = tmp_path / "nrr.toml"
    for value in IN_FILE:
        file.write_text(f"{setting} = {value}\n", encoding="utf-8")
        file.chmod(0o600)
        told += _faults(file)
    assert told
    assert [] == [fault for fault in told if setting not in fault.lower()]
