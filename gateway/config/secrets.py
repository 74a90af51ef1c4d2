"""Where a file with a secret lies: given by systemd, or beside the configuration.

Does: prefers what systemd handed this process (LoadCredential=, systemd.exec(5)) under the same name.
Touches: the environment, names of files.
Does not: read a secret.
"""

import os
from collections.abc import Mapping
from pathlib import Path

DIRECTORY = "CREDENTIALS_DIRECTORY"


def handed(path: Path, environment: Mapping[str, str] = os.environ) -> Path | None:
    """The credential that has the name of a relative path; None when there is none."""
    folder = environment.get(DIRECTORY)
    if not folder or path.is_absolute() or ".." in path.parts:
        return None
    found = Path(folder) / path.name
    return found if found.is_file() else None
