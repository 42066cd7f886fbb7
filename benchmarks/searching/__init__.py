"""The benchmark of search, beside clip-retrieval's server and faiss."""
