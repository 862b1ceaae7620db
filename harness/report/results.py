"""What a report reads: a results folder, or several merged into one."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Records(Protocol):
    """The records of one report, as `harness.store.Store` has them; what is raised there is raised here."""

    @property
    def folder(self) -> Path: ...

    @property
    def plan(self) -> Mapping[str, Any]: ...

    @property
    def damage(self) -> Mapping[Path, str]: ...

    @property
    def spoiled(self) -> set[str]: ...

    def finished(self) -> set[str]: ...

    def table(self) -> "pd.DataFrame": ...

    def scored(self) -> "pd.DataFrame": ...

    def unscored(self, run_ids: Iterable[str], score_id: str) -> list[str]: ...

    def curves(self, run_id: str) -> "pd.DataFrame": ...

    def snapshot(self, run_id: str) -> "dict[str, np.ndarray]": ...

    def frames(self, run_id: str) -> "dict[str, np.ndarray] | None": ...

    def reference(self, dataset: str, run_id: str) -> "np.ndarray": ...
