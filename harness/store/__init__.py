"""Results on disk. Nothing else writes them, nothing else reads them.

folder    Store: the results of one suite          mending      what is damaged, and where it is put
files     whole files or none, flushes, locks      claims       who trains a stack
documents sealed JSON      arrays  npz             checkpoints  a stack between two steps
shapes    what a file must hold                    owners       which process something is of, and whether it lives
frozen    a table kept without its records; it is a command as well, so that nothing here imports it
"""

from harness.disk.arrays import npz_arrays, npz_bytes, read_npz
from harness.disk.documents import (
    checksum,
    read_json,
    seal,
    to_json,
    write_json,
)
from harness.disk.files import write_atomic, write_once, writing
from harness.disk.owners import wrote_and_died
from harness.store.checkpoints import checkpoint_name
from harness.store.claims import RENEW_S, STALE_S, Claim
from harness.store.folder import Store
from harness.store.records import reference_settings
from harness.store.repair import (
    drop_drafts,
    mend,
    missing,
    run_damage,
    set_aside,
    spent_checkpoints,
)
from harness.store.schemas import FINAL, LOST, STATUSES

__all__ = [
    "FINAL",
    "LOST",
    "RENEW_S",
    "STALE_S",
    "STATUSES",
    "Claim",
    "Store",
    "checkpoint_name",
    "checksum",
    "drop_drafts",
    "mend",
    "missing",
    "npz_arrays",
    "npz_bytes",
    "read_json",
    "read_npz",
    "reference_settings",
    "run_damage",
    "seal",
    "set_aside",
    "spent_checkpoints",
    "to_json",
    "write_atomic",
    "write_json",
    "write_once",
    "writing",
    "wrote_and_died",
]
