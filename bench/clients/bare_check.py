"""What no check can do without: three lists, parsed, and the file, composed by libyaml. Takes URL VHOST FILE."""

import gc
import json
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import yaml

EXCHANGES = "?disable_stats=true&columns=name,type,durable,auto_delete,internal,arguments"
QUEUES = (
    "?disable_stats=true&enable_queue_totals=true"
    "&columns=name,durable,auto_delete,exclusive,type,arguments,messages,messages_ready,messages_unacknowledged"
)

gc.disable()  # as rabbit-topo does
url, vhost, file = sys.argv[1:]
connection = HTTPConnection(urlsplit(url).netloc)
for path in (f"exchanges/{vhost}{EXCHANGES}", f"queues/{vhost}{QUEUES}", f"bindings/{vhost}"):
    connection.request("GET", f"/api/{path}", headers={"authorization": "Basic Z3Vlc3Q6Z3Vlc3Q="})  # guest:guest
    json.loads(connection.getresponse().read())
yaml.compose(Path(file).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
