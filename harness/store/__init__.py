"""The results of suites on disk. Nothing else writes them, nothing else reads them.

folder     Store: the results of one suite          plan_file    what plan.json holds, typed
records    Record, Attempt and Scores, from JSON    artefacts    what a run keeps beside its record
claims     who trains a stack                       checkpoints  a stack between two steps
contents   what artefacts hold, from their bytes    find         folders and runs that a user names
repair     what is damaged, left over or foreign    frozen       a folder kept as its tables alone
published_file  a frozen folder as one file         table_files  tables as csv and parquet, those of frozen folders
table      from records to one flat table
reference_samples  what runs are scored against
"""

from harness.store.claims import RENEW_S, STALE_S, Claim, Holder
from harness.store.folder import Store, open_store
from harness.store.records import FINAL, LOST, STATUSES, Attempt, Record, Scores, reference_settings
from harness.store.repair import drop_drafts, mend, missing, run_damage, spent_checkpoints

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
    "drop_drafts",
    "mend",
    "missing",
    "open_store",
    "reference_settings",
    "run_damage",
    "spent_checkpoints",
]
