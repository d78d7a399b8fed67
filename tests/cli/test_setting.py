from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from sepconv.cli.setting import Settings, sweep_options


@click.command()
@sweep_options
def sweep(store_url: str, output_format: str, wait: bool, **options: object) -> None:
    """Print the settings that the options make."""
    click.echo(repr((Settings(**options), wait)))


def settings_of(*arguments: str) -> str:
    answer = CliRunner().invoke(sweep, arguments)
    assert answer.exit_code == 0, answer.output
    return answer.output.strip()


def test_without_options_the_settings_are_their_defaults():
    assert settings_of() == repr((Settings(), False))


def test_every_option_has_its_setting(tmp_path):
    own = tmp_path / "own.py"
    own.touch()

    found = settings_of(
        *("--where", "stride=2", "--time-budget", "5m", "--allocator", "default", "--seed", "7"),
        *("--case-timeout", "2m", "--memory-limit", "4GiB", "--isolate", "--wait"),
        *("--conv-types", str(own)),
    )

    wanted = Settings(
        where="stride=2",
        time_budget_s=300.0,
        allocator="default",
        seed=7,
        case_timeout_s=120.0,
        memory_limit_bytes=4 * 2**30,
        isolate=True,
        conv_types=own,
    )
    assert found == repr((wanted, True))


@pytest.mark.parametrize("path", [None, "own.py"])
def test_settings_survive_being_stored_with_absolute_paths(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    settings = Settings(where="stride=2", conv_types=None if path is None else Path(path))

    again = Settings.from_dict(settings.to_dict() | {"suite": "tiny", "of_tomorrow": 1})

    assert again.where == "stride=2"
    assert again.conv_types == (None if path is None else tmp_path / path)
