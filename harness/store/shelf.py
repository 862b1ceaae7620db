"""Where what is damaged in a results folder is put: aside, under damaged/, never away.

damaged/<n>/<where it was>     a run whose record or artefact is damaged goes there whole, and is then pending
"""

import os
from contextlib import suppress
from itertools import count
from pathlib import Path

from harness.disk.documents import write_json
from harness.disk.files import writing


def set_aside(folder: Path, path: Path, why: str) -> str:
    """Rename a file or folder into the damaged/ of its results folder, keep why, and return a line that says so.

    Raises StoreError.
    """
    shelf, where = folder / "damaged", path.relative_to(folder)
    with writing(path):
        shelf.mkdir(parents=True, exist_ok=True)
        for number in count(1 + len(os.listdir(shelf))):
            with suppress(FileExistsError):
                (shelf / str(number)).mkdir()
                break
        kept = shelf / str(number) / where
        kept.parent.mkdir(parents=True, exist_ok=True)
        line = f"{why}; set aside in {shelf / str(number)}"
        write_json(shelf / str(number) / "why.json", {"path": str(where), "line": line})
        os.rename(path, kept)
    return line
