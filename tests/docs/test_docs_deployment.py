"""Hooks, image and compose file keep what the deployment page says of them."""

from pathlib import Path

from ruamel.yaml import YAML

from sandbox.kernel.settings import Settings

ROOT = Path(__file__).parents[2]


def test_hooks_fetch_nothing_and_run_what_make_check_runs() -> None:
    config = YAML(typ="safe").load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)", ".venv/bin")
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert len(hooks) == 5
    for hook in hooks:
        command = hook["entry"].removesuffix(" --force-exclude")
        assert hook["language"] == "system"
        assert f"\t{command}" in makefile or f"\t{command.replace(' --check', '')} --check" in makefile


def test_compose_runs_both_services_with_nothing_to_spare() -> None:
    compose = YAML(typ="safe").load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    assert set(compose["services"]) == {"api", "worker"}
    for service in compose["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["pids_limit"] <= 512
        assert {volume.split(":")[1] for volume in service["volumes"]} == {"/data", "/keys"}
    assert compose["services"]["worker"]["network_mode"] == "none"
    grace = float(compose["services"]["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace >= 2 * Settings().job_wall_s, "a worker is given the time to end what it runs"
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["api"]["ports"])


def test_nothing_but_named_files_reaches_the_image_build() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert set(rules[1:]) == {"!requirements.txt", "!wheelhouse/", "!deploy/healthcheck.py"}


def test_image_runs_as_a_user_without_rights_and_checks_its_health() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "\nUSER 10001:10001\n" in dockerfile
    assert "\nHEALTHCHECK " in dockerfile
    assert "--require-hashes" in dockerfile
    assert "--no-index" in dockerfile
