"""The writing phase alone, in seconds: python writing.py BROKER_URL AMQP_URL VHOST FILE; an URL may be empty."""

import sys
import time

from rabbit_topo import connect, diff, load, make_plan
from rabbit_topo.plan import Done

url, amqp, vhost, file = sys.argv[1:]
declared = load(file, vhost=vhost)
broker = connect(url or None, amqp=amqp or None)
observed = broker.observe(declared)
plan = make_plan(diff(observed, declared), observed, declared)
began = time.perf_counter()
outcomes = [outcome for wave in plan.waves for outcome in broker.execute(wave)]
seconds = time.perf_counter() - began
broker.close()
if not all(isinstance(outcome, Done) for outcome in outcomes):
    sys.exit("not everything was written")
print(seconds)
