"""The room of installing: one-time links, what they give, `.skill` packages, and the script that installs."""
