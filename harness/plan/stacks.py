"""How runs are pinned in stacks, which are only ever appended to.

A run's numbers may depend on the stack it trains in, so a stack is fixed when it is first planned: by the Setup and the
device class alone, never by free memory or by what is finished.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from math import prod

from harness.engine.noise import BLOCK
from harness.engine.schedules import mean_updates
from harness.objectives import TRICKS, no_penalty, objective_of
from harness.plugins.components import tables
from harness.spec import Setup
from harness.store.plan_file import Device, Mode, Plan, Stack
from harness.suite.checks.network_sizes import player_sizes
from harness.suite.expand import ExpandedRun

STACK_SIZE = {"cpu": 16, "cuda": 64}  # 16 small runs fit a CPU's cache; a GPU is bound by launches, and takes many
# Tiny runs, such as critics of ten units, are bound by calls: so many of them as this holds on a CPU share theirs.
TINY = 4e6
MOST_TINY = 256
STACK_BYTES = {"cpu": 2e9, "cuda": 16e9}  # what the runs of one stack may hold together
# What the runs of a stack of images may work on together on a CPU. A grouped convolution saves what small kernels
# cost each run; on more memory than a core's caches hold, one run after the other is as fast. Measured with dcgan:
# 16 px, width 8 (4 MB a run) takes .5 of a plain loop's time in stacks of 8 and of 16; width 16 (8 MB) .86 and .91;
# 32 px, width 8 (19 MB) .88 in stacks of 4, 1.09 of 16; width 16 (36 MB) 1.15 of 4, and .96 alone.
STACK_CACHE = 70e6
COPIES = 4  # of every parameter: weights, gradients, two moments of the optimiser
BYTES = 4  # float32
PLACE = 2  # numbers of four bytes that a place takes


def stack_size(setup: Setup, device: Device) -> int:
    """Return how many runs of a Setup make a full stack: at least two, or one where two exceed the memory rule."""
    if not is_known(setup):
        return STACK_SIZE[device]  # its runs fail as soon as they are begun
    fits, most = STACK_BYTES[device] // run_bytes(setup), STACK_SIZE[device]
    if device == "cpu" and len(_shape(setup)) == 3:
        fits = min(fits, STACK_CACHE // working_bytes(setup))
    else:
        most = max(most, min(MOST_TINY, int(TINY // working_bytes(setup))))
    return max(1, min(most, int(fits)))


def work(setup: Setup) -> float:
    """Return how long a run trains relative to others: multiply-adds of all samples passed forward and back.

    A critic's update passes real and fake samples through the critic and the fakes through the generator; a penalty on
    its slope passes as many again, twice. Used to start long stacks first; timings say what it takes in seconds.
    Where a plug-in that defined a component is gone, as of one parameter: such a run fails as soon as it is begun.
    """
    if not is_known(setup):
        return float(setup.train["steps"] * setup.train["batch"])
    sizes = {player: max(size.parameters, size.multiply_adds) for player, size in player_sizes(setup).items()}
    generator, critic = sizes.get("generator", 0), sizes["critic"]
    penalised = objective_of(setup.objective, setup.train.get("penalty", "")).penalty is not no_penalty
    steps, batch = setup.train["steps"], setup.train["batch"] * setup.train["pack"]
    updates = steps * mean_updates(setup.train["n_critic"], steps)
    return float(
        batch * (updates * ((12 if penalised else 6) * critic + 2 * generator) + steps * (6 * generator + 4 * critic))
    )


def works(plan: Plan) -> Callable[[Stack], float]:
    """Return a function that says the work of a run of a stack; stacks that share a Setup share the answer."""
    known: dict[int, float] = {}

    def of(stack: Stack) -> float:
        shared = id(plan.specs[stack.runs[0]]["setup"])
        if shared not in known:
            known[shared] = work(plan.spec(stack.runs[0]).setup)
        return known[shared]

    return of


def is_known(setup: Setup) -> bool:
    """Whether the tables hold what a Setup names; a plug-in that defined it may be gone since it was planned."""
    components = tables()
    return (
        setup.objective in components.objective
        and setup.architecture in components.architecture
        and setup.dataset in components.dataset
    )


def run_bytes(setup: Setup) -> float:
    """Return the memory that training one run is taken to need: what it works on, and the samples drawn ahead for it.

    Of real points, or of places in the images, and of latents two blocks are there: one that is read, and the next.
    Noise in samples is larger: each stream holds one block, and one stream at a time two, while the next replaces it;
    blocks drawn ahead lie in the host's memory. Images themselves are there once for all stacks.
    """
    shape, latent = _shape(setup), setup.generator.get("latent", 0)
    real, streams = prod(shape) if len(shape) < 3 else PLACE, _noises(setup)
    numbers = 2 * (real + 2 * latent) + (streams + (streams > 0)) * prod(shape)
    return working_bytes(setup) + float(BYTES * BLOCK * setup.train["batch"] * setup.train["pack"] * numbers)


def _noises(setup: Setup) -> int:
    """Return how many random inputs of both players hold a number for each coordinate of a sample."""
    objective = objective_of(setup.objective, setup.train.get("penalty", ""))
    of_tricks = [TRICKS[name].draws for name in setup.tricks if name in TRICKS] * 2  # either player has its own
    return sum(kind != () for draws in (objective.draws, *of_tricks) for kind in draws.values())


def largest_bytes(plan: Plan, stacks: Iterable[Stack]) -> float:
    """Return the memory that the largest of these stacks is taken to need; 0 where there is none."""
    lengths: dict[int, tuple[int, str]] = {}  # the longest stack of each Setup
    for stack in stacks:
        shared = id(plan.specs[stack.runs[0]]["setup"])
        lengths[shared] = max(lengths.get(shared, (0, "")), (len(stack.runs), stack.runs[0]))
    setups = [(length, plan.spec(run_id).setup) for length, run_id in lengths.values()]
    return max((length * run_bytes(setup) for length, setup in setups if is_known(setup)), default=0.0)


def working_bytes(setup: Setup) -> float:
    """Return the memory that one update of one run works on.

    Every parameter of both players in COPIES; what each layer puts out for every sample of a batch twice, as value and
    as gradient, and for the critic on real and fake samples of all that it sees at once.
    """
    sizes, batch = player_sizes(setup), setup.train.get("micro_batch", setup.train["batch"])
    samples = {"generator": batch * setup.train["pack"], "critic": 2 * batch}
    parameters = COPIES * sum(size.parameters for size in sizes.values())
    activations = sum(2 * samples[player] * size.units for player, size in sizes.items())
    return float(BYTES * (parameters + activations))


def _shape(setup: Setup) -> tuple[int, ...]:
    shape: tuple[int, ...] = tables().dataset[setup.dataset].shape(setup.data)
    return shape


def cut(runs: list[str], size: int) -> list[list[str]]:
    """Cut runs into stacks of `size`, the last two of nearly equal length: 9 runs are 5 and 4, not 8 and 1."""
    whole, rest = divmod(len(runs), size)
    if not whole or not rest:
        return [runs[i : i + size] for i in range(0, len(runs), size)]
    lengths = [size] * (whole - 1) + [(size + rest + 1) // 2, (size + rest) // 2]
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    return [runs[start : start + length] for start, length in zip(starts, lengths, strict=True)]


def new_stacks(runs: Iterable[ExpandedRun], old: Sequence[Stack], device: Device) -> Iterator[Stack]:
    """Yield stacks for the runs that no old stack of this device class holds, numbered on from the old ones."""
    placed = {run_id for stack in old if stack.device == device for run_id in stack.runs}
    groups: dict[str, dict[str, ExpandedRun]] = {}  # by Setup, then by run_id: a run may have several labels
    for run in runs:
        if run.run_id not in placed:
            groups.setdefault(run.setup, {})[run.run_id] = run
    number = max((int(stack.id) for stack in old), default=0)
    for members in groups.values():
        size = stack_size(next(iter(members.values())).spec.setup, device)
        mode: Mode = "stacked" if size > 1 else "single"
        for part in cut(list(members), size):
            number += 1
            yield Stack(f"{number:04d}", device, mode, tuple(part))


def halves(plan: Plan, stack_id: str) -> tuple[Stack, ...]:
    """Return the halves of a stack that failed on a GPU, where a run's last bits depend on the stack it trains in: what
    trains it must be pinned like any other. They are those of the plan, where it has them.
    """
    known = tuple(stack for stack in plan.stacks if stack.replaces == stack_id)
    if known:
        return known
    whole, number = plan.stack(stack_id), max(int(stack.id) for stack in plan.stacks)
    half = (len(whole.runs) + 1) // 2
    return tuple(
        replace(whole, id=f"{number + part:04d}", runs=runs, replaces=stack_id)
        for part, runs in enumerate((whole.runs[:half], whole.runs[half:]), 1)
    )
