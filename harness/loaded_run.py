"""One run in Python: its networks with the weights it keeps, its row, curves, scores and samples."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from harness.errors import HarnessError, as_planned
from harness.execution.opening import open_planned
from harness.spec import RunSpec
from harness.store import Store
from harness.store.artefacts import critic_weights, kept_weights
from harness.store.find import run_label
from harness.store.plan_file import PlannedRun
from harness.store.reference_samples import kept_reference, new_reference
from harness.text import counted

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import nn

    from harness.engine.sampling import Interpolation
    from harness.metrics.nearest_images import Nearest
    from harness.metrics.reference import Reference

MOST = 10_000_000
PURPOSE = "sample"  # its latents are none that a run was trained or scored with
OTHER_END = "sample.end"  # nor are those that interpolations lead to


@dataclass(frozen=True, repr=False)
class KeptRun:
    """A run of a results folder, of which every part is read when it is first asked for.

    Its networks, and what is drawn from them, are those of its last step, or of a `step` whose state it keeps.
    What a run does not keep, as one that is pending or has diverged keeps no weights, is an error when it is asked for:
    HarnessError, or StoreError where a file is missing or damaged.
    """

    store: Store
    run_id: str
    step: int | None = None

    def __repr__(self) -> str:
        planned = self.store.plan.run(self.run_id)
        return f"<run {self.run_id}: {run_label(planned) if planned is not None else 'no longer planned'}>"

    @property
    def status(self) -> str:
        """ok, diverged, failed, oom, timeout or pending, as of now."""
        return self.store.status(self.run_id)

    @cached_property
    def spec(self) -> RunSpec:
        """What it was trained with: a Setup, floats and a seed."""
        return self.store.plan.spec(self.run_id)

    @cached_property
    def table(self) -> "pd.DataFrame":
        """Its row of the table that `harness.load` returns, as a table of one row.

        Columns that say nothing of this run are not there. Raises HarnessError where it is no longer planned.
        """
        from harness.store.table import from_plan, runs_table

        return from_plan(runs_table(self.store, [self._planned]), self.store.plan)

    @cached_property
    def row(self) -> "pd.Series":
        """The same by column."""
        return self.table.iloc[0]

    @cached_property
    def curves(self) -> "pd.DataFrame":
        """Losses and gradient norms, a row a generator step."""
        return self.store.curves(self.run_id)

    @cached_property
    def scored(self) -> "pd.DataFrame":
        """Its metrics, a row a scored step."""
        from harness.store.table import scored_table

        return scored_table(self.store, [self.run_id])

    @cached_property
    def samples(self) -> "np.ndarray":
        """The samples that its last distance was computed from: [n, *shape], images as uint8."""
        return self.store.arrays(self.run_id, "samples.npz")["generated"]

    @cached_property
    def reference(self) -> "np.ndarray":
        """The real samples that it was scored against: [n, *shape], images as uint8."""
        return self._reference.points

    @cached_property
    def generator(self) -> "nn.Module":
        """The generator in eval mode, on the CPU: latents [n, latent] -> samples [n, *shape].

        Its weights are those that the run was scored with: of EMA, where there is one. Batch norm takes its statistics
        from the batch that is given, as in training.
        """
        return self._network("generator", self.weights[1])

    @cached_property
    def critic(self) -> "nn.Module":
        """The critic in eval mode, on the CPU: samples [n, *shape], packed where it was trained so -> scores [n, 1].

        Batch norm takes its statistics from the batch that is given: as in training, give real and generated samples
        apart, in batches of the size it was trained with.
        """
        return self._network("critic", critic_weights(self._opened, self.spec, self.step))

    @cached_property
    def weights(self) -> "tuple[str, dict[str, np.ndarray]]":
        """Whose weights it is scored with ("generator", or a trick, as "ema"), and those weights by parameter."""
        return kept_weights(self._opened, self.spec, self.step)

    def draw(self, n: int, seed: int | None = None) -> "np.ndarray":
        """Return n fresh samples [n, *shape], images as uint8: those of `harness sample`.

        `seed` addresses the latents, by default the run's own. Raises HarnessError where there is nothing to draw from.
        """
        from harness.engine.sampling import draw_samples

        if not 1 <= n <= MOST:
            raise HarnessError(f"{n:,} samples asked for; at least 1 and at most {MOST:,} are drawn at once")
        weights = self.weights[1]
        with as_planned(self.run_id, self.spec.setup.architecture):
            return draw_samples(self.spec.setup, weights, self.spec.seed if seed is None else seed, PURPOSE, n)

    def interpolate(self, n: int, steps: int, seed: int | None = None) -> "Interpolation":
        """Return n paths from fresh samples, those of `draw`, to others by so many steps, ends included: samples
        [n, steps, *shape], images as uint8, and latents [n, steps, latent], spherically interpolated.

        Raises HarnessError where there is nothing to draw from.
        """
        from harness.engine.sampling import interpolate_samples

        if steps < 2 or not 1 <= n * steps <= MOST:
            raise HarnessError(f"{n:,} paths of {counted(steps, 'step')} asked for; at least 2 steps, {MOST:,} in all")
        weights, seed = self.weights[1], self.spec.seed if seed is None else seed
        with as_planned(self.run_id, self.spec.setup.architecture):
            return interpolate_samples(self.spec.setup, weights, seed, (PURPOSE, OTHER_END), n, steps)

    def nearest(self, samples: "np.ndarray") -> "tuple[str, dict[str, Nearest]]":
        """Return the training images nearest to samples [n, c, h, w], uint8: by "pixels", and by "features" of the
        first extractor that its suite is scored by, whose name comes first.

        Raises HarnessError where its data are no images, or are scored by no extractor.
        """
        from harness.datasets.images import none_held_out
        from harness.metrics.nearest_images import nearest_images

        dataset = self._planned.dataset
        if dataset not in self.store.plan.pictures:
            raise HarnessError(f"{self.run_id}: nearest training images are those of images, and {dataset} has none")
        reference = self._reference
        if not reference.real_features:
            raise HarnessError(
                f"{self.run_id}: no extractor fits {dataset}, by whose features images could be compared"
            )
        name, real = next(iter(reference.real_features.items()))
        held_out = reference.points[: 0 if none_held_out(self.spec.setup.data) else None]
        return name, nearest_images(self.spec, samples, held_out, real.extractor)

    @property
    def _planned(self) -> PlannedRun:
        planned = self.store.plan.run(self.run_id)
        if planned is None:
            raise HarnessError(f"{self.run_id}: no longer planned, so that it has no row and no reference")
        return planned

    @cached_property
    def _reference(self) -> "Reference":
        store = self._opened
        return kept_reference(store, self._planned) or new_reference(store, self._planned)

    @property
    def _opened(self) -> Store:
        """The store, once the suite's plug-ins are known."""
        return open_planned(str(self.store.folder))[0]

    def _network(self, player: str, weights: "dict[str, np.ndarray]") -> "nn.Module":
        from harness.engine.networks import build_network

        with as_planned(self.run_id, self.spec.setup.architecture):
            return build_network(self.spec.setup, player, weights)
