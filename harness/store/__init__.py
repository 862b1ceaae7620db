"""The results of suites on disk. Nothing else writes them, nothing else reads them.

folder    Store: the results of one suite          plan_file         what plan.json holds, typed
repair    what is damaged                          shelf             where that is put
records   Record, Attempt and Scores, from JSON    claims    who trains a stack
findings  what is damaged, left over or foreign    checkpoints       a stack between two steps
table     from records to one flat table           table_files       that table as csv and parquet
find      folders and runs that a user names       scoring_settings  how the runs of a folder are scored
weights   what a run keeps of its networks         artefacts         what it keeps beside its record
frozen    a folder kept as its tables alone        frozen_tables     these tables, read
reference_samples  what runs are scored against
"""

from harness.store.checkpoints import checkpoint_name
from harness.store.claims import RENEW_S, STALE_S, Claim, Holder
from harness.store.folder import Store
from harness.store.records import FINAL, LOST, STATUSES, Attempt, Record, Scores, reference_settings
from harness.store.repair import drop_drafts, mend, missing, run_damage, spent_checkpoints
from harness.store.shelf import set_aside

__all__ = [
    "FINAL",
    "LOST",
    "RENEW_S",
    "STALE_S",
    "STATUSES",
    "Attempt",
    "Claim",
    "Holder",
    "Record",
    "Scores",
    "Store",
    "checkpoint_name",
    "drop_drafts",
    "mend",
    "missing",
    "reference_settings",
    "run_damage",
    "set_aside",
    "spent_checkpoints",
]
