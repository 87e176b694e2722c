"""From a topology to what other tools read: RabbitMQ's definitions, and custom resources of Kubernetes. All pure."""

from __future__ import annotations

from rabbit_topo.export.carried import NotCarried
from rabbit_topo.export.definitions import Definitions, definitions
from rabbit_topo.export.operator import Cluster, Resources, custom_resources

__all__ = ["Cluster", "Definitions", "NotCarried", "Resources", "custom_resources", "definitions"]
