"""What most programs do: kombu declares one object after the other on one channel. python ... URL VHOST FILE."""

import json
import sys
from pathlib import Path
from typing import Any

import kombu

client: Any = kombu
url, vhost, file = sys.argv[1:]
document = json.loads(Path(file).read_text(encoding="utf-8"))
with client.Connection(url, virtual_host=vhost, transport="pyamqp") as connection:
    channel = connection.channel()
    exchanges = {
        item["name"]: client.Exchange(item["name"], item["type"], channel=channel) for item in document["exchanges"]
    }
    for exchange in exchanges.values():
        exchange.declare()
    for item in document["queues"]:
        client.Queue(item["name"], queue_arguments=item["arguments"], channel=channel).queue_declare()
    for item in document["bindings"]:
        queue = client.Queue(item["destination"], channel=channel)
        queue.bind_to(item["source"], item["routing_key"], item["arguments"])
