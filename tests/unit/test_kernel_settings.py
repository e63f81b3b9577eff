from pathlib import Path

import pytest
from pydantic import ValidationError

from sandbox.kernel.errors import YuneiError
from sandbox.kernel.settings import Settings

SAFE = {"deployment": "production", "required_level": 3, "keys_dir": Path("/etc/yunei/keys"), "tick_s": 5}


def test_a_safe_production_starts() -> None:
    assert Settings(**SAFE).deployment == "production"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("YUNEI_REQUIRED_LEVEL", {"required_level": 2}),
        ("YUNEI_KEYS_DIR", {"keys_dir": None}),
        ("YUNEI_KEYS_DIR", {"data_dir": Path("/srv"), "keys_dir": Path("/srv/a/../keys")}),
        ("YUNEI_TICK_S", {"tick_s": 1}),
        ("YUNEI_RATE_PER_MINUTE", {"rate_per_minute": 0}),
        ("YUNEI_MAX_QUEUED_PER_TENANT", {"max_queued_per_tenant": 0}),
        ("YUNEI_MAX_RUNNING_PER_TENANT", {"max_running_per_tenant": 0}),
    ],
)
def test_production_names_each_unsafe_setting(name: str, change: dict[str, object]) -> None:
    with pytest.raises(YuneiError, match="SETTING_UNSAFE") as refusal:
        Settings(**{**SAFE, **change})
    assert refusal.value.facts == {"settings": [name]}


def test_development_takes_the_same_settings() -> None:
    assert Settings(deployment="development", tick_s=1).tick_s == 1


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUNEI_PORT", "9000")
    assert Settings().port == 9000


def test_an_unknown_deployment_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(deployment="staging")


@pytest.mark.parametrize("name", ["YUNEI_REQUIRED_LEVELS", "YUNEI_", "yunei_prot"])
def test_a_misspelt_variable_is_named_and_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "secret-value")
    with pytest.raises(YuneiError, match="SETTING_INVALID") as refusal:
        Settings()
    assert refusal.value.facts == {"settings": [name]}


@pytest.mark.parametrize("name", ["YUNEI_URL", "YUNEI_TOKEN", "YUNEI_TOKEN_FILE", "yunei_port", "OTHER_YUNEI_PORT"])
def test_variables_of_the_client_and_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "9000")
    assert Settings().deployment == "development"


def test_no_level_above_what_is_built_can_be_required() -> None:
    with pytest.raises(ValidationError):
        Settings(required_level=4)
