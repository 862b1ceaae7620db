"""Stacks on the machines of a cluster, in place of this one's workers.

ray     stacks as tasks of Ray, whose runs are committed here     node    what such a machine does with one
"""
