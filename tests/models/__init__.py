"""Tests of the dbt project on a small lake; its rules have unit tests beside them in models/."""
