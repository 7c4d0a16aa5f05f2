"""What people want to change of a marketplace, as edits of its files: wishes → present → plan. Pure; writes nothing."""
