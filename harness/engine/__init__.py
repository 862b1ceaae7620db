"""The engine trains runs.

step        one update of one run, pure            stack          many runs at once: the [runs] axis
networks    templates as functions of parameters   training_loop  the loop, and what a run leaves
optimizers  Adam, RMSProp, SGD, a rate a run       snapshots      what is kept at a scored step
noise       addressed random numbers               real_data      what each update reads of the data
schedules   what changes with the step             sampling       samples of a generator
checkpoint  a stack between two steps, as bytes    process        the state that numerics run in
spectral    a critic's spectral norm               replay         updates as CUDA graphs
critic_view what critics say where they are scored compiled       updates by torch.compile
"""

from harness.engine.checkpoint import Checkpoints, Donor
from harness.engine.stack import Placement
from harness.engine.training_loop import Outcome, train

__all__ = ["Checkpoints", "Donor", "Outcome", "Placement", "train"]
