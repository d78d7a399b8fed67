"""`scripts/comment` with the real gh, curl and jq, against a forge on this machine."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ci.forge import BOT, forge
from tests.ci.tool import need

pytestmark = pytest.mark.slow  # processes, most of them of a minute together

SCRIPT = Path(__file__).parents[2] / "scripts" / "comment"
MARK = "<!-- sepconv:pull-request -->"
QUIET = "<!-- sepconv:pull-request quiet -->"
SLOWER = f"{MARK}\n**Slower: 1 case of 24**\n"
CALM = f"{QUIET}\n**Nothing is slower**\n"
KINDS = ["github", "gitlab"]


@pytest.fixture
def there():
    need("gh", "jq", "curl")
    with forge() as held:
        yield held


def variables(there, kind, token="bot-token"):
    """What the runner of that kind sets, and nothing else of this machine's."""
    if kind == "gitlab":
        return {
            "CI_API_V4_URL": there.gitlab_url,
            "CI_PROJECT_ID": "5",
            "CI_MERGE_REQUEST_IID": "17",
            "SEPCONV_GITLAB_TOKEN": token,
        }
    return {
        "GH_HOST": "github.localhost",
        "HTTP_PROXY": there.url,
        "GH_TOKEN": token,
        "GITHUB_REPOSITORY": "o/r",
        "PR_NUMBER": "17",
    }


def post(folder, settings, *arguments):
    return subprocess.run(
        ["sh", str(SCRIPT), *(arguments or (str(folder),))],
        env={"PATH": os.environ["PATH"], "HOME": str(folder)} | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def write(folder, text):
    (folder / "comment.md").write_text(text)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_comment_is_made_and_later_ones_edit_it(there, tmp_path, kind):
    settings = variables(there, kind)

    first = post(write(tmp_path, SLOWER), settings)
    second = post(write(tmp_path, SLOWER.replace("1 case", "2 cases")), settings)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert there.bodies(17) == [SLOWER.replace("1 case", "2 cases")]


@pytest.mark.parametrize("kind", KINDS)
def test_no_comment_is_made_where_nothing_changed(there, tmp_path, kind):
    answer = post(write(tmp_path, CALM), variables(there, kind))

    assert answer.returncode == 0, answer.stderr
    assert there.writes() == []
    assert "none is made" in answer.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_comment_that_was_red_says_so_when_nothing_is_slower_any_more(there, tmp_path, kind):
    there.put(17, SLOWER)

    answer = post(write(tmp_path, CALM), variables(there, kind))

    assert answer.returncode == 0, answer.stderr
    assert there.bodies(17) == [CALM]


@pytest.mark.parametrize("kind", KINDS)
def test_somebody_who_quotes_the_mark_is_not_overwritten(there, tmp_path, kind):
    there.put(17, f"{MARK}\nlook, what it said", login="mallory")
    there.put(17, f"{MARK}\nof another bot", login="other[bot]")
    there.put(17, f"I wonder what `{MARK}` means", login=BOT)

    answer = post(write(tmp_path, SLOWER), variables(there, kind))

    assert answer.returncode == 0, answer.stderr
    assert len(there.bodies(17)) == 4
    assert there.bodies(17)[:2] == [f"{MARK}\nlook, what it said", f"{MARK}\nof another bot"]
    assert there.bodies(17)[3] == SLOWER


@pytest.mark.parametrize("kind", KINDS)
def test_the_comment_is_found_behind_two_hundred_others(there, tmp_path, kind):
    for number in range(230):
        there.put(17, f"comment {number}", login="alice")
    there.put(17, SLOWER)

    answer = post(write(tmp_path, CALM), variables(there, kind))

    assert answer.returncode == 0, answer.stderr
    assert len(there.bodies(17)) == 231
    assert there.bodies(17)[-1] == CALM


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_of_a_persons_own_finds_that_persons_comment(there, tmp_path, kind):
    there.put(17, SLOWER, login=BOT)
    there.put(17, SLOWER, login="alice")

    answer = post(write(tmp_path, CALM), variables(there, kind, "alice-token"))

    assert answer.returncode == 0, answer.stderr
    assert there.bodies(17) == [SLOWER, CALM]


def test_where_github_does_not_say_whose_the_token_is_only_a_bots_comment_is_edited(
    there, tmp_path
):
    there.broken = {"/graphql": 403}
    there.put(17, f"{MARK}\nquoted", login="mallory")
    there.put(17, SLOWER, login=BOT)

    answer = post(write(tmp_path, CALM), variables(there, "github"))

    assert answer.returncode == 0, answer.stderr
    assert there.bodies(17) == [f"{MARK}\nquoted", CALM]


@pytest.mark.parametrize(
    "text",
    [
        f'{MARK}\n"quotes" \\ back\\slashes \t tabs $HOME `id` %s @all\n',
        f"{MARK}\nÄ × ± 4,5 % 漢字 🐍\n",
        f"{MARK}\n" + "a line of sixty-four characters, one of a thousand of its kind..\n" * 1000,
    ],
    ids=["shell", "unicode", "64 kB"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_posted_is_the_file_to_the_byte(there, tmp_path, kind, text):
    answer = post(write(tmp_path, text), variables(there, kind))

    assert answer.returncode == 0, answer.stderr
    assert there.bodies(17) == [text]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"GET /": 500}, "not posted"),
        ({"POST /repos": 403, "POST /api": 403}, "Resource not accessible"),
    ],
)
def test_a_forge_that_refuses_is_named_and_is_no_regression(there, tmp_path, kind, broken, said):
    there.broken = broken

    answer = post(write(tmp_path, SLOWER), variables(there, kind))

    assert answer.returncode == 3
    assert said in answer.stderr
    assert there.bodies(17) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_forge_that_is_not_there_is_no_regression(there, tmp_path, kind):
    settings = variables(there, kind)
    dead = "http://127.0.0.1:9"
    settings |= {"HTTP_PROXY": dead} if kind == "github" else {"CI_API_V4_URL": dead}

    answer = post(write(tmp_path, SLOWER), settings)

    assert answer.returncode == 3
    assert "sepconv: error: the comment was not posted" in answer.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_token_is_no_regression_and_is_not_shown(there, tmp_path, kind):
    answer = post(write(tmp_path, SLOWER), variables(there, kind, "wrong-token"))

    assert answer.returncode == 3
    assert "Bad credentials" in answer.stderr
    assert "wrong-token" not in answer.stderr + answer.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "found none; write it: sepconv compare --report"),
        ("", "to begin with"),
        ("hello\n", "to begin with"),
        (f"{MARK} and more\n", "to begin with"),
        (f"{MARK}\n" + "x" * 300_000, "too long"),
    ],
    ids=["none", "empty", "another", "almost", "huge"],
)
def test_what_is_no_comment_of_sepconvs_is_not_posted(there, tmp_path, text, said):
    if text is not None:
        write(tmp_path, text)

    answer = post(tmp_path, variables(there, "github"))

    assert answer.returncode == 3
    assert said in answer.stderr
    assert there.requests == []


def test_a_link_is_not_followed_as_it_may_lead_to_a_secret_of_the_machine(there, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(f"{MARK}\nsecret")
    (tmp_path / "comment.md").symlink_to(secret)

    answer = post(tmp_path, variables(there, "github"))

    assert answer.returncode == 3
    assert there.requests == []


def test_the_number_is_that_of_the_event_where_none_is_given(there, tmp_path):
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 23}}))
    settings = variables(there, "github") | {"PR_NUMBER": "", "GITHUB_EVENT_PATH": str(event)}

    answer = post(write(tmp_path, SLOWER), settings)

    assert answer.returncode == 0, answer.stderr
    assert there.bodies(23) == [SLOWER]


@pytest.mark.parametrize("number", ["", "17/../1", "all"])
def test_a_number_that_is_none_is_refused(there, tmp_path, number):
    answer = post(write(tmp_path, SLOWER), variables(there, "github") | {"PR_NUMBER": number})

    assert answer.returncode == 3
    assert "the pull request's number" in answer.stderr
    assert there.requests == []


@pytest.mark.parametrize(("kind", "missing"), [("github", "gh"), ("gitlab", "jq")])
def test_a_missing_program_is_named(there, tmp_path, kind, missing):
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "head", "wc", "mktemp", "rm", "curl"):
        (programs / name).symlink_to(shutil.which(name))

    answer = post(write(tmp_path, SLOWER), variables(there, kind) | {"PATH": str(programs)})

    assert answer.returncode == 3
    assert f"needs {missing}, which is not installed" in answer.stderr


def test_without_a_token_gitlab_is_not_asked(there, tmp_path):
    answer = post(
        write(tmp_path, SLOWER), variables(there, "gitlab") | {"SEPCONV_GITLAB_TOKEN": ""}
    )

    assert answer.returncode == 3
    assert "SEPCONV_GITLAB_TOKEN" in answer.stderr
    assert there.requests == []


def test_it_is_told_how_it_is_called(tmp_path):
    answer = subprocess.run(["sh", str(SCRIPT)], capture_output=True, text=True, check=False)

    assert answer.returncode == 3
    assert "comment FOLDER" in answer.stderr
