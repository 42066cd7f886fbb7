"""Shows what the marts say: a LanceDB search index, an API and page over it, and exports."""
