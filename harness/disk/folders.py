"""Folders of the user's that outlive a suite: what can be made again, and data sets that were downloaded."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return $HARNESS_CACHE, else $XDG_CACHE_HOME/gan-harness, else ~/.cache/gan-harness."""
    own = os.environ.get("HARNESS_CACHE")
    return Path(own) if own else _shared()


def data_folder() -> Path:
    """Return where downloaded data lie: $HARNESS_DATA, else $XDG_CACHE_HOME/gan-harness, else ~/.cache/gan-harness."""
    own = os.environ.get("HARNESS_DATA")
    return Path(own) if own else _shared()


def _shared() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "gan-harness"
