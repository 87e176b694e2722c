"""The server's own import, by HTTP: python post_definitions.py URL FILE."""

import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

url, file = sys.argv[1:]
connection = HTTPConnection(urlsplit(url).netloc)
headers = {"authorization": "Basic Z3Vlc3Q6Z3Vlc3Q=", "content-type": "application/json"}  # guest:guest
connection.request("POST", "/api/definitions", Path(file).read_bytes(), headers)
answer = connection.getresponse()
print(answer.status, answer.read().decode())
sys.exit(answer.status >= 300)  # noqa: PLR2004 - the first status that is no success
