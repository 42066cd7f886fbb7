"""The dataset at scale: synthetic lakes of millions of pairs, and what dbt takes to build them."""
