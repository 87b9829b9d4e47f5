"""What the documents point at exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "sandbox" / "README.md"]
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
DECISION_LINES_MAX = 60


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    broken = [link for link in LINK.findall(document.read_text()) if not (document.parent / link).exists()]
    assert not broken, f"{document.name} points at what isn't there: {broken}"


@pytest.mark.parametrize("decision", sorted((ROOT / "docs/decisions").glob("*.md")), ids=lambda path: path.name)
def test_a_decision_is_short_and_complete(decision: Path) -> None:
    text = decision.read_text()
    assert len(text.splitlines()) <= DECISION_LINES_MAX
    assert re.match(r"\d{4}-", decision.name)
    for part in ("Context", "Decision", "Consequences", "Alternatives"):
        assert re.search(rf"^## {part}", text, re.MULTILINE), f"{decision.name} lacks {part}"
