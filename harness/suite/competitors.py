"""What a suite compares: one rule for its plan, which says so, and for its report."""


def compared(objectives: int, architectures: int, settings: int) -> str:
    """Return what a report compares in a suite of so many: its objectives; of one its architectures; of one of these,
    too, its settings.
    """
    if objectives != 1:
        return "objectives"
    return "architectures" if architectures > 1 else "settings" if settings > 1 else "objectives"
