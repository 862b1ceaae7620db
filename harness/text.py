"""Numbers and settings as text: digits that the spread justifies, counts that agree with their nouns."""

import json
import math
import re
import shlex
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"  # of a suite, a variant, a component
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
NOTHING = "–"  # noqa: RUF001  a dash in an empty cell, as typographers set it
MOST = 20  # choices of a study that are listed
SMALL = 1e-3  # a measured number nearer to zero is written as settings are: 3.2e-4


def number(value: float | None, width: float | None = None) -> str:
    """Return a number with three significant digits, a count whole, or with the decimals that an interval of that width
    deserves.
    """
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "worst"  # a failed run, counted as worse than any number
    if width is None or not math.isfinite(width) or width <= 0 or abs(value) >= 1e5:
        if 0 < abs(value) < SMALL:
            return _power(f"{value:.2e}")
        if value == int(value) and abs(value) < 1e5:  # a count: 1000 modes
            return f"{value:.0f}"
        return _power(f"{value:.3g}" if value == int(value) or abs(value) >= 100 else f"{value:#.3g}")
    text = f"{value:.{min(max(1 - math.floor(math.log10(width)), 0), 8)}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def interval(mean: float, low: float, high: float) -> str:
    """Return "0.051 [0.040, 0.062]", or the mean alone where there is no interval."""
    if math.isnan(low) or math.isnan(high):
        return number(mean)
    width = high - low
    return f"{number(mean, width)} [{number(low, width)}, {number(high, width)}]"


def _power(text: str) -> str:
    """Write the power of ten of a formatted number as a suite does: 1.2e-05 as 1.2e-5."""
    mantissa, mark, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if mark else text


def p_value(p: float) -> str:
    """Return a p value with two digits: "0.43", "0.048", "4.9e-4"."""
    return f"{p:.2f}" if p >= 0.1 else f"{p:.2g}" if p >= SMALL else _power(f"{p:.1e}")


def plain(value: Any) -> str:
    """Return a value as a suite would write it: 3e-4, 64, adam, [128, 64], {normal: 0.02}; a dash for none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NOTHING
    if _is_bool(value):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {plain(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(plain, value)) + "]"
    if not isinstance(value, float):  # numpy's float64 is one
        return str(value)
    if 0 < abs(value) < 1e-2:
        mantissa, exponent = f"{value:.11e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.12g}"


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or str(getattr(value, "dtype", "")) == "bool"  # numpy's, without its import


def swept_value(value: Any) -> str:
    """Return a swept value as `plain` does, also where a column holds numbers, lists and mappings as text."""
    if _is_bool(value):
        return plain(value)
    for read in (float, json.loads):
        with suppress(TypeError, ValueError):
            return plain(read(value))
    return plain(value)


def percent(share: float) -> str:
    """Return "12 %" or "4.3 %"."""
    if math.isnan(share):
        return NOTHING
    text = f"{100 * share:.{0 if abs(share) >= 0.1 else 1}f} %"
    return "0.0 %" if text == "-0.0 %" else text


def score(mean: float, low: float, high: float) -> str:
    """Return "0.86 [0.85, 0.87]": two decimals everywhere, so that a column can be compared at a glance; never "-0.00".

    There are no bounds where none are known, or where they are one: then all draws agree, and they bound nothing.
    """
    return f"{mean:z.2f}" if math.isnan(low) or low == high else f"{mean:z.2f} [{low:z.2f}, {high:z.2f}]"


def points(share: float) -> str:
    """Return a share, or a difference of shares, in whole hundredths: "6", "-16", never "-0"."""
    return f"{100 * share:.0f}".replace("-0", "0")


def points_interval(share: float, low: float, high: float) -> str:
    """Return "6 points [1, 12]" of a difference of shares; no bounds where none are known, or where they are one."""
    size = f"{points(share)} {'point' if points(abs(share)) == '1' else 'points'}"
    return f"{size} [{points(low)}, {points(high)}]" if low < high else size


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells as columns of plain text."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def counted(n: int, noun: str) -> str:
    """Return "1 run", "3 runs"."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def reason(error: BaseException) -> str:
    """Return in one line what an error of the system or of a library says, or its kind where it says nothing."""
    says = getattr(error, "strerror", None) or str(error)  # of the system's without its number and file
    return textwrap.shorten(says, 120, placeholder=" ...") or type(error).__name__


def waiting(lost: int, folder: str) -> str:
    """Return "3 runs failed and wait for `harness retry results/x`"."""
    waits = "waits" if lost == 1 else "wait"
    return f"{counted(lost, 'run')} failed and {waits} for `{retry_command(Path(folder))}`"


def retry_command(folder: Path) -> str:
    """Return the command that trains failed runs of a results folder again, as a shell takes it."""
    return f"harness retry {shlex.quote(str(folder))}"


def run_command(folder: Path) -> str:
    """Return the command that goes on with a results folder, as a shell takes it."""
    root = "" if folder.parent == Path("results") else f" -o {shlex.quote(str(folder.parent))}"
    return f"harness run {shlex.quote(str(folder / 'suite.yaml'))}{root}"


def waiting_scores(unscored: int, folder: str) -> str:
    """Return "3 runs are trained and wait for `harness score results/x`"."""
    verbs = "is trained and waits" if unscored == 1 else "are trained and wait"
    return f"{counted(unscored, 'run')} {verbs} for `harness score {shlex.quote(folder)}`"


def listed(names: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def none_held_out_text(label: str) -> str:
    """Return what it means that a data set holds no images out, in a phrase."""
    return f"'{label}' holds no images out: its runs are scored against the images that they train on"


def range_text(where: Mapping[str, Any]) -> str:
    """Return where a study draws a setting from: "from 1e-4 to 0.01 (log)", "among none and layer"."""
    if where.get("choices"):
        values = [plain(value) for value in where["choices"]]
        more = [f"{len(values) - MOST:,} more"] if len(values) > MOST else []
        return f"among {listed(values[:MOST] + more)}"
    return f"from {plain(where['low'])} to {plain(where['high'])}{' (log)' if where.get('log') else ''}"


def printable(text: str) -> str:
    """Return text without control characters, which a terminal would obey and HTML forbids; tabs and line ends stay."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def significance(significant: bool, n: int, unit: str, effect: float) -> str:
    """Return what a paired test of n says: "significant", or beside its opposite the smallest effect that n can show.

    "not significant (n = 5 seeds; minimum detectable effect d = 1.68 at 80 % power)"
    """
    if significant:
        return "significant"
    return f"not significant (n = {counted(n, unit)}; minimum detectable effect d = {effect:.2f} at 80 % power)"
