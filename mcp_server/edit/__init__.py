"""The room of editing on one's own machine: one-time links to a skill's files, and the script that puts them there."""
