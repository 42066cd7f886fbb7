"""A Ray cluster of two machines of one processor each, both on loopback, until its input ends.

`python -m tests.machines` prints its address and the pids of its two raylets; to each line of its
input it answers how many machines live. Its files lie in RAY_TMPDIR/ray.
"""

from __future__ import annotations

import json
import sys

from ray.cluster_utils import Cluster

MEMORY = 100_000_000
# A machine that does not answer for so long is dead. A busy one is not.
HEALTH = {
    "health_check_initial_delay_ms": 2_000,
    "health_check_period_ms": 1_000,
    "health_check_timeout_ms": 2_000,
    "health_check_failure_threshold": 4,
}


def main() -> None:
    """Start both, and answer."""
    common = {
        "num_cpus": 1,
        "node_ip_address": "127.0.0.1",
        "object_store_memory": MEMORY,
        "include_dashboard": False,
    }
    cluster = Cluster(initialize_head=True, head_node_args={**common, "_system_config": HEALTH})
    del common["include_dashboard"]
    machines = [cluster.head_node, cluster.add_node(**common)]
    raylets = [machine.all_processes["raylet"][0].process.pid for machine in machines]
    print(json.dumps({"address": cluster.address, "raylets": raylets}), flush=True)
    for _ in sys.stdin:
        print(sum(node["Alive"] for node in cluster.global_state.node_table()), flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
