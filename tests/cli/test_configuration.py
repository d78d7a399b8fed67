"""What a project has written down: which file counts, what each key means, what is refused."""

from pathlib import Path

import pytest

from sepconv.cli import main
from sepconv.cli.configuration import KEYS, Configuration, load_configuration
from sepconv.errors import InvalidConfiguration

WHOLE = """
store = "kept/store.db"
report_url = "https://example.org/speed/"

[reference]
revision = "v1.2"

[nightly]
suite = "mine.toml"
where = "stride=2"
budget = "90s"
sweep = false
confirm = false
conv_types = "forms.py"
repo = "."
webhook = "$HOOK"
webhook_format = "slack"
report = "out"
"""


def write(folder: Path, text: str, name: str = "sepconv.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def test_without_a_file_everything_is_as_the_documentation_says(tmp_path):
    (tmp_path / ".git").mkdir()

    found = load_configuration(tmp_path)

    assert found == Configuration()
    assert (found.suite, found.budget_s, found.reference) == ("nightly", 2400, None)
    assert (found.sweep, found.confirm) == (True, True)


def test_every_key_is_read_and_paths_are_those_of_the_files_folder(tmp_path, monkeypatch):
    for name in ("mine.toml", "forms.py"):
        (tmp_path / name).touch()
    path = write(tmp_path, WHOLE)
    below = tmp_path / "deep" / "down"
    below.mkdir(parents=True)

    found = load_configuration(below)

    assert found == Configuration(
        source=path,
        store=str(tmp_path / "kept" / "store.db"),
        report_url="https://example.org/speed/",
        reference="v1.2",
        suite=str(tmp_path / "mine.toml"),
        where="stride=2",
        budget_s=90,
        sweep=False,
        confirm=False,
        conv_types=tmp_path / "forms.py",
        repo=tmp_path / ".",
        webhook="$HOOK",
        webhook_format="slack",
        report=tmp_path / "out",
    )


def test_the_documented_example_has_every_key_and_can_be_read(tmp_path):
    example = Path(__file__).parents[2] / "docs" / "examples" / "sepconv.toml"
    for name in ("forms.py", "shapes.toml"):
        (tmp_path / name).touch()

    found = load_configuration(write(tmp_path, example.read_text()).parent)

    assert found.source is not None
    for table, keys in KEYS.items():
        assert not table or f"[{table}]" in example.read_text()
        for key in keys:
            assert f"{key} = " in example.read_text()


def test_the_same_table_counts_in_a_pyproject(tmp_path):
    write(
        tmp_path,
        '[project]\nname = "x"\n[tool.sepconv.reference]\nrevision = "main"\n',
        "pyproject.toml",
    )

    assert load_configuration(tmp_path).reference == "main"


def test_its_own_file_wins_over_a_pyproject_beside_it(tmp_path):
    write(tmp_path, '[tool.sepconv.nightly]\nsuite = "quick"\n', "pyproject.toml")
    write(tmp_path, '[nightly]\nwhere = "stride=1"\n')

    found = load_configuration(tmp_path)

    assert (found.suite, found.where) == ("nightly", "stride=1")


def test_a_pyproject_that_does_not_speak_of_it_is_passed_over(tmp_path):
    write(tmp_path, '[nightly]\nsuite = "quick"\n')
    write(tmp_path / "below", '[project]\nname = "x"\n', "pyproject.toml")

    assert load_configuration(tmp_path / "below").suite == "quick"


def test_what_lies_beyond_the_repository_is_somebody_elses(tmp_path):
    write(tmp_path, '[nightly]\nsuite = "quick"\n')
    (tmp_path / "code" / ".git").mkdir(parents=True)

    assert load_configuration(tmp_path / "code").suite == "nightly"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stroe = 'x'", "stroe: expected 'store', found 'stroe'"),
        ("[nightly]\nbudgte = '4m'", "nightly.budgte: expected 'budget', found 'budgte'"),
        ("[nightley]\nsuite = 'quick'", "nightley: expected 'nightly'"),
        ("where = 'stride=2'", "where: expected it in the table [nightly]"),
        ("[nightly]\nstore = 'x'", "nightly.store: expected it outside of any table"),
        ("reference = 'v1'", "reference: expected a table, as in: [reference]"),
        ("zzz = 1", "zzz: expected one of the keys store, report_url, reference, nightly"),
        ("store = 3", "store: expected a text, found 3"),
        ("report_url = 'ftp://x'", "report_url: expected an address"),
        ("[reference]\nrevision = ''", "reference.revision: expected a text"),
        ("[reference]\nrevision = '--all'", "reference.revision: expected a commit"),
        ("[nightly]\nbudget = 40", "nightly.budget: expected a duration"),
        ("[nightly]\nsweep = 'yes'", "nightly.sweep: expected true or false"),
        ("[nightly]\nconfirm = 1", "nightly.confirm: expected true or false"),
        ("[nightly]\nwhere = 'strde=2'", "nightly.where: expected a selection with an axis"),
        ("[nightly]\nsuite = 'no.toml'", "nightly.suite: expected something that exists"),
        ("[nightly]\nconv_types = 'no.py'", "nightly.conv_types: expected something that exists"),
        ("[nightly]\nrepo = 'no'", "nightly.repo: expected something that exists"),
        ("[nightly]\nwebhook_format = 'teams'", "expected 'json' or 'slack', found 'teams'"),
        ("store = ", "expected TOML in UTF-8"),
    ],
)
def test_what_cannot_be_is_refused_with_file_key_and_what_it_should_be(tmp_path, text, said):
    path = write(tmp_path, text)

    with pytest.raises(InvalidConfiguration) as refused:
        load_configuration(tmp_path)

    assert str(refused.value).startswith(f"{path}: ")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "[nightly]\nwebhook = 'htp://secret.example.org/T0'",
        "[nightly]\nwebhook = ['https://secret.example.org/T0']",
        "[nightly]\nwebhok = 'https://secret.example.org/T0'",
        "webhook = 'https://secret.example.org/T0'",
    ],
)
def test_a_webhook_that_is_mistyped_is_not_shown(tmp_path, text):
    write(tmp_path, text)

    with pytest.raises(InvalidConfiguration) as refused:
        load_configuration(tmp_path)

    assert "webh" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_the_address_of_a_webhook_is_not_in_what_is_printed_of_a_configuration(tmp_path):
    write(tmp_path, "[nightly]\nwebhook = 'https://secret.example.org/T0'")

    found = load_configuration(tmp_path)

    assert found.webhook == "https://secret.example.org/T0"
    assert "secret" not in repr(found)


def run(capsys, *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0), capsys.readouterr().err


def test_the_store_is_the_configured_one_unless_something_nearer_names_another(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEPCONV_STORE", raising=False)
    write(tmp_path, "store = 'configured.db'")

    configured = run(capsys, "runs")[1]
    monkeypatch.setenv("SEPCONV_STORE", "variable.db")
    by_variable = run(capsys, "runs")[1]
    typed = run(capsys, "runs", "--store", "typed.db")[1]

    assert f"there is no store at sqlite:///{tmp_path}/configured.db" in configured
    assert "there is no store at sqlite:///variable.db" in by_variable
    assert "there is no store at sqlite:///typed.db" in typed


def test_a_broken_configuration_ends_with_2_only_where_it_is_needed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEPCONV_STORE", raising=False)
    write(tmp_path, "stroe = 'x'")

    code, said = run(capsys, "runs")

    assert code == 2
    assert "expected 'store', found 'stroe'" in said
    assert "stroe" not in run(capsys, "runs", "--store", "typed.db")[1]
    assert run(capsys, "runs", "--help")[0] == 0
