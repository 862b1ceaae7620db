"""A pinned stack that failed on a GPU, cut into two that replace it in the plan.

There a run's last bits depend on the stack it trains in: what trains it must be pinned like any other stack.
"""

from typing import Any

from harness.store import Store


def append_halves(store: Store, stack_id: str) -> list[dict[str, Any]]:
    """Append the halves of a stack to plan.json and return them, those of an earlier call where it had done so."""
    with store.locked():
        plan = store.plan
        known = [stack for stack in plan["stacks"] if stack.get("replaces") == stack_id]
        if known:
            return known
        whole = next(stack for stack in plan["stacks"] if stack["id"] == stack_id)
        runs, half = whole["runs"], (len(whole["runs"]) + 1) // 2
        number = max(int(stack["id"]) for stack in plan["stacks"])
        halves = [
            {**whole, "id": f"{number + 1 + part:04d}", "runs": members, "replaces": stack_id}
            for part, members in enumerate((runs[:half], runs[half:]))
        ]
        store.write_plan({**plan, "stacks": plan["stacks"] + halves}, store.suite_text)
    return halves
