from pathlib import Path

from agents.repository import guidance, link_skills
from tests.driving import write


def test_all_instructions_are_handed_over_once(tmp_path: Path) -> None:
    write(tmp_path, {"AGENTS.md": "Use tabs.", ".claude/CLAUDE.md": "Be brief."})
    (tmp_path / "CLAUDE.md").symlink_to("AGENTS.md")
    assert guidance(tmp_path) == "Use tabs.\n\nBe brief."


def test_a_link_out_of_the_workspace_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"secret": "the runner may read this", "workspace/CLAUDE.md": "Be brief."})
    (tmp_path / "workspace" / "AGENTS.md").symlink_to("../secret")
    assert guidance(tmp_path / "workspace") == "Be brief."


def test_without_instructions_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").mkdir()
    assert guidance(tmp_path) == ""


def test_of_two_skills_with_one_name_that_of_the_overrides_is_linked(tmp_path: Path) -> None:
    write(tmp_path, {".agents/skills/a/SKILL.md": "ours", ".claude/skills/a/SKILL.md": "theirs"})
    write(tmp_path, {".claude/skills/b/SKILL.md": "theirs"})
    link_skills(tmp_path, tmp_path / "home" / "skills")
    linked = {path.name: (path / "SKILL.md").read_text() for path in (tmp_path / "home/skills").iterdir()}
    assert linked == {"a": "ours", "b": "theirs"}
