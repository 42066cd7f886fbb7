"""Shows what the marts say: a LanceDB search index, an API and page over it, and exports."""

import os

# Lance warns of its own future at every hybrid query; what fails is raised.
os.environ.setdefault("LANCEDB_LOG", "error")
