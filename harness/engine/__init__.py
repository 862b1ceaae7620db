"""The engine trains runs: `step` updates one run, `stack` drives many of them at once."""

from harness.engine.stack import Outcome, train

__all__ = ["Outcome", "train"]
