"""Plans: a Suite in, its runs in pinned stacks out.

make      the plan against an earlier one     stacks  which runs train together, and plan.json
describe  what a plan holds and can show      screen  that, as `harness plan` prints it
only      what --only selects                     recover  the plan there was before
"""

from harness.plan.description import describe
from harness.plan.make import make_plan, unfinished
from harness.plan.recovery import earlier_plan, mend_plan
from harness.plan.run_filter import run_filter
from harness.plan.screen import render
from harness.plan.stacks import Plan
from harness.suite.format.models import frame_steps, scored_steps

__all__ = [
    "Plan",
    "describe",
    "earlier_plan",
    "frame_steps",
    "make_plan",
    "mend_plan",
    "render",
    "run_filter",
    "scored_steps",
    "unfinished",
]
