"""The page about the paper says what the code says."""

import importlib.util
import re
from pathlib import Path

from analysis.published import load_published, tables
from analysis.published.reanalysis import estimates

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")


def tool():
    spec = importlib.util.spec_from_file_location("paper_page", ROOT / "tools" / "paper_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_verdicts_of_the_page_are_those_of_the_code():
    """Written anew, the page stays as it is: run tools/paper_page.py where it does not."""
    assert tool().page(PAGE) == PAGE
    body = PAGE.partition("<!-- verdicts -->")[2].partition("<!-- end")[0]
    assert len(body.strip().splitlines()) == 2 + 18


def test_the_page_s_pictures_and_links_exist():
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (ROOT / "docs" / target.partition("#")[0]).exists(), target


def test_every_table_that_is_written_is_on_the_page():
    for made in [*tables.tables(estimates(load_published())), tables.failures()]:
        assert f"`{made.name}`" in PAGE
