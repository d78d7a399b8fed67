"""What every page of ours is made of."""

import json
import re

import pytest

from sepconv.errors import ReportUnwritable
from sepconv.report.offline import script_json, script_text, write
from tests.report.sample import HOSTILE


def test_data_cannot_end_its_script_element():
    text = script_json({HOSTILE: "<!--\u2029"})

    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == {HOSTILE: "<!--\u2029"}


def test_a_page_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "deep" / "report.html"
    write(path, "first")
    write(path, "second")

    assert path.read_text() == "second"
    assert [found.name for found in path.parent.iterdir()] == ["report.html"]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ReportUnwritable, match=r"cannot write .*name another place"):
        write(tmp_path / "file" / "report.html", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ReportUnwritable):
        write(tmp_path / "folder", "text")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["file", "folder"]


def test_a_script_cannot_end_its_element():
    assert script_text("'</script><!--'") == "'<\\/script><\\!--'"
