"""From a plan to records: what a call does, which worker does what of it, and what becomes of failures."""
