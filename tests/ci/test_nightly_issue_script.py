"""`scripts/nightly-issue` with the real gh, curl and jq, against a forge on this machine."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ci.forge import BOT, forge
from tests.ci.tool import need

pytestmark = pytest.mark.slow  # processes, most of them of a minute together

SCRIPT = Path(__file__).parents[2] / "scripts" / "nightly-issue"
MARK = "<!-- sepconv-nightly -->"
KINDS = ["github", "gitlab"]


def summary(alarms):
    return f"{MARK}\n<!-- alarms {alarms} -->\n\n### a night with {alarms}\n"


RED, REDDER, CALM = summary("1 abc"), summary("2 def"), summary("0")


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
            "SEPCONV_GITLAB_TOKEN": token,
        }
    return {
        "GH_HOST": "github.localhost",
        "HTTP_PROXY": there.url,
        "GH_TOKEN": token,
        "GITHUB_REPOSITORY": "o/r",
    }


@pytest.fixture(params=KINDS)
def tell(request, there, tmp_path):
    """Writes a summary, and news if there are, and runs the script as that forge's job does."""

    def told(text, news=None, token="bot-token", **more):
        folder = tmp_path / "report"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if text is not None:
            (folder / "nightly.md").write_text(text)
        if news is not None:
            (folder / "news.md").write_text(news)
        return subprocess.run(
            ["sh", str(SCRIPT), str(folder)],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
            | variables(there, request.param, token)
            | more,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return told


def done(answer):
    assert answer.returncode == 0, answer.stderr
    return answer.stderr


def test_one_issue_is_opened_edited_when_others_are_open_and_closed_when_none_is(there, tell):
    done(tell(CALM))
    assert there.issues == []

    done(tell(RED, news="news of the first\n"))
    (issue,) = there.issues
    assert (issue["state"], issue["body"], there.bodies(1)) == ("open", RED, [])
    assert issue["title"] == "sepconv: a convolution got slower"

    before = len(there.writes())
    assert "says so already" in done(tell(RED))
    assert len(there.writes()) == before

    done(tell(REDDER, news="news of the second\n"))
    assert issue["body"] == REDDER
    assert there.bodies(1) == ["news of the second\n"]

    done(tell(RED))
    assert issue["body"] == RED
    assert len(there.bodies(1)) == 1

    done(tell(CALM))
    assert issue["state"] == "closed"
    assert "No event is open any more" in there.bodies(1)[-1]
    assert issue["body"] == RED

    before = len(there.writes())
    done(tell(CALM))
    assert len(there.writes()) == before

    done(tell(RED))
    assert [each["state"] for each in there.issues] == ["closed", "open"]


def test_what_is_not_known_changes_nothing(there, tell):
    there.open_issue(RED)

    said = done(tell(summary("unknown"), news="n"))

    assert "not known" in said
    assert there.requests == []


def test_an_issue_of_somebody_else_that_quotes_the_mark_is_left_alone(there, tell):
    theirs = there.open_issue(RED, "alice")

    done(tell(REDDER))

    assert theirs["body"] == RED
    assert [each["user"]["login"] for each in there.issues] == ["alice", BOT]


@pytest.mark.parametrize("tell", ["github"], indirect=True)
def test_a_pull_request_is_no_issue(there, tell):
    there.open_issue(RED, pull_request={"url": "https://api.github.com/repos/o/r/pulls/1"})

    assert "there is no issue" in done(tell(CALM))
    assert there.issues[0]["state"] == "open"


def test_it_is_found_on_the_second_page(there, tell):
    old = there.open_issue(RED)
    for _ in range(120):
        there.open_issue("another matter", "alice")

    done(tell(REDDER))

    assert old["body"] == REDDER
    assert len(there.issues) == 121


def test_with_a_label_only_such_issues_are_looked_at_and_made(there, tell):
    there.open_issue(RED)

    done(tell(RED, SEPCONV_ISSUE_LABEL="speed & co"))
    done(tell(REDDER, SEPCONV_ISSUE_LABEL="speed & co"))

    assert len(there.issues) == 2
    assert there.issues[1]["labels"] == ["speed & co"]
    assert there.issues[1]["body"] == REDDER


def test_a_body_that_the_forge_gave_other_line_ends_is_still_known(there, tell):
    there.open_issue(RED.replace("\n", "\r\n"))

    assert "says so already" in done(tell(RED))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "found none; write it: sepconv nightly --report"),
        ("", "to begin with"),
        ("hello\n", "to begin with"),
        (f"{MARK}\nhello\n", "how many alarms there are"),
        (f"{MARK}\n<!-- alarms many -->\n", "how many alarms there are"),
        (f"{RED}{'x' * 300_000}", "too long"),
    ],
    ids=["none", "empty", "another", "no second line", "no number", "huge"],
)
def test_what_is_no_summary_of_sepconvs_is_not_posted(there, tell, text, said):
    answer = tell(text)

    assert answer.returncode == 3
    assert said in answer.stderr
    assert there.requests == []


def test_a_link_is_not_followed_as_it_may_lead_to_a_secret_of_the_machine(there, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (tmp_path / "nightly.md").write_text(RED)
    (tmp_path / "news.md").symlink_to(secret)

    answer = subprocess.run(
        ["sh", str(SCRIPT), str(tmp_path)],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | variables(there, "github"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert answer.returncode == 3
    assert there.requests == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"GET /": 500}, "not brought up to date"),
        ({"POST /repos": 403, "POST /api": 403}, "Resource not accessible"),
    ],
)
def test_a_forge_that_refuses_is_named_and_is_no_regression(there, tell, broken, said):
    there.broken = broken

    answer = tell(RED)

    assert answer.returncode == 3
    assert said in answer.stderr
    assert there.issues == []


def test_a_bad_token_is_no_regression_and_is_not_shown(there, tell):
    answer = tell(RED, token="wrong-token")

    assert answer.returncode == 3
    assert "Bad credentials" in answer.stderr
    assert "wrong-token" not in answer.stderr + answer.stdout
