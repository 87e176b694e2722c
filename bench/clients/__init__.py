"""Programs that are measured beside rabbit-topo, each a process of its own."""
