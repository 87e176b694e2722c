"""Kombu objects for applications, made from what the files say.

    topology = rabbit_topo.load("topology/")
    with kombu.Connection("amqp://", heartbeat=30) as connection:
        publisher(topology, "mcard.mint", connection).publish({"cards": 3})

        with consumer(topology, "mint-worker", connection, on_message) as worker:
            while True:
                worker.drain()

The connection is the application's and says which vhost is meant; every publisher and consumer opens
a channel of its own on it. Before the first publish, and before a consumer starts, what they need is
declared: exchanges, queues, the bindings between them, and where dead letters go. What exists already
is used as it is, even with other properties: whether it should change is for `rabbit-topo plan` to
show. What this user may not see or bind is left to the tool as well, with a line in the log. When the
connection is lost it is re-established, and the declarations are repeated.

No binding with an integer among its arguments is declared here: py-amqp writes integers in a width of
its own, which would make a twin of the binding that the tool writes. Policies are the tool's job too.
Like kombu's own, these objects belong to one thread.
"""

from __future__ import annotations

from rabbit_topo.clients.consuming import Consumer, consumer
from rabbit_topo.clients.entities import exchange, queue
from rabbit_topo.clients.publishing import NotConfirmed, NotRouted, Publisher, publisher

__all__ = ["Consumer", "NotConfirmed", "NotRouted", "Publisher", "consumer", "exchange", "publisher", "queue"]
