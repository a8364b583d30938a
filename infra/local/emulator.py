"""Runs the emulated AWS, with three differences from its own command.

It is served by uvicorn, whose parser of HTTP is compiled. The emulator's own server, hypercorn,
parses in Python, which takes more time than most of the calls themselves.

Its Runtime API writes an event's headers and body apart. By Nagle's algorithm the body would wait
some 40 ms for the kernel's acknowledgement of the headers, with each call of a function.

It would keep every line of the logs and every point of a metric in memory, and save them from run
to run. Here it forgets the oldest.
"""

import bisect
import os
import resource
import socketserver

import uvicorn
from ministack.services import cloudwatch as metrics
from ministack.services import cloudwatch_logs as logs

# Once FORGET_EVERY lines have been added, only the newest MOST_LINES of each log group are kept,
# and the newest MOST_POINTS of each metric. So no group has more lines than FilterLogEvents
# answers, 10,000.
FORGET_EVERY = MOST_LINES = 5_000
MOST_POINTS = 2_000

append, added = logs._append_log_events, 0


def append_and_forget(stream, events):
    """Takes the place of the function that adds all lines: the clients' and its own Lambda's."""
    global added
    append(stream, events)
    added += len(events)
    if added >= FORGET_EVERY:
        added = 0
        logs._log_records.clear()  # copies of the lines for Insights, which makes them again
        for _, group in logs._log_groups.all_items():
            forget_lines(group["streams"])
        for _, points in metrics._metrics.all_items():
            del points[:-MOST_POINTS]


def forget_lines(streams):
    """Keeps the newest lines of a group, with all those of the same millisecond. Readers may still
    hold the old lists, so these stay as they are. A stream goes with its last line."""
    with logs._log_events_lock:
        times = [e["timestamp"] for s in list(streams.values()) for e in s["events"]]
        if len(times) <= MOST_LINES:
            return
        oldest = sorted(times)[-MOST_LINES]
        for name, stream in list(streams.items()):
            first = bisect.bisect_left(stream["events"], oldest, key=logs._event_timestamp)
            stream["events"] = stream["events"][first:]
            if first > 0 and not stream["events"]:
                del streams[name]


logs._append_log_events = append_and_forget
socketserver.StreamRequestHandler.disable_nagle_algorithm = True
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
uvicorn.run("ministack.app:app", host=os.environ["BIND_HOST"], port=int(os.environ["GATEWAY_PORT"]),
            http="httptools", loop="uvloop", ws="none", lifespan="on", log_level="warning",
            access_log=False, server_header=False, date_header=False, timeout_keep_alive=75,
            timeout_graceful_shutdown=3)
