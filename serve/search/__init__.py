"""The search index in LanceDB, and what it answers: nothing that may not be shown, and in time."""
