"""The committed gallery is what the code draws, byte for byte, whatever the hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xfrmspec_diagrams.gallery import gallery, write_gallery
from xfrmspec_diagrams.pictures import picture_groups, picture_names

COMMITTED = Path(__file__).parents[2] / "diagrams" / "gallery"
SCRIPT = (
    "import sys; from pathlib import Path; from xfrmspec_diagrams.gallery import write_gallery as write; "
)


def contents(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in sorted(folder.iterdir())}


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_committed_gallery_is_up_to_date_under_any_hash_seed(seed: str, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", f"{SCRIPT}write(Path(sys.argv[1]))", str(tmp_path)]
    subprocess.run(command, env=environment, check=True, timeout=120)
    assert contents(tmp_path) == contents(COMMITTED), "run `make gallery` and commit the result"


def test_the_gallery_has_every_picture_in_three_languages_and_an_index() -> None:
    names = {f"{name}.{ending}" for name in picture_names() for ending in ("dot", "mmd", "md")}
    assert set(gallery()) == names | {"README.md"}
    index = gallery()["README.md"]
    assert index.count("```mermaid\n") == len(picture_names())
    assert all(f"]({name})" in index for name in names)


def test_every_picture_is_under_one_subject() -> None:
    placed = [name for names in picture_groups().values() for name in names]
    assert sorted(placed) == list(picture_names())
    index = gallery()["README.md"].splitlines()
    assert [line[3:] for line in index if line.startswith("## ")] == list(picture_groups())


def test_writing_makes_the_folder(tmp_path: Path) -> None:
    write_gallery(tmp_path / "new" / "folder")
    assert set(contents(tmp_path / "new" / "folder")) == set(gallery())
