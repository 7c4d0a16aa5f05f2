"""All SQL of the house: mirror.db, a cache of GitHub that may be deleted, and state.db, which may not."""
