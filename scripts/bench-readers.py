#!/usr/bin/env python3
"""Reads the API like many users while a first load runs, and waits until every flow has delivered. See bench-readers.sh.

Uses only the standard library. 200 readers with one second between requests send 200 requests per second, which takes a few percent of a core.
The API key is in the environment variable TIELINE_BENCH_KEY, so that no process list shows it. Prints one JSON object.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
import urllib.parse


class Broken(Exception):
    """The connection closed before the whole answer arrived."""


class Connection:
    """One persistent connection."""

    def __init__(self, host, port, key):
        self.host, self.port = host, port
        self.head = f"Host: {host}:{port}\r\nAuthorization: Bearer {key}\r\nAccept: application/json\r\n\r\n"
        self.reader = self.writer = None

    async def get(self, path):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        try:
            self.writer.write(f"GET {path} HTTP/1.1\r\n{self.head}".encode())
            await self.writer.drain()
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            body = await self.reader.readexactly(int(headers["content-length"]))
        except (OSError, EOFError, KeyError, ValueError) as error:
            self.close()
            raise Broken(str(error) or type(error).__name__) from error
        if headers.get("connection") == "close":
            self.close()
        return int(head[0].split(" ")[1]), body

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


class Reader:
    """A user: sends one request after another, goes through pages and opens records of a list."""

    # relative weights of the requests
    WHAT = {"flows": 3, "runs": 2, "records": 4, "filtered": 3, "detail": 4, "failures": 2, "audit": 2}

    def __init__(self, number):
        self.random = random.Random(number)
        self.after = {"records": None, "audit": None}
        self.seen = []

    def choose(self):
        what = self.random.choices(list(self.WHAT), list(self.WHAT.values()))[0]
        return "records" if what == "detail" and not self.seen else what

    def path(self, what):
        if what == "flows":
            return "/api/v1/flows"
        if what == "runs":
            return self.random.choice(["/api/v1/runs?limit=50", "/api/v1/runs?entity=invoice&outcome=done&limit=50"])
        if what == "filtered":
            return self.random.choice(
                ["/api/v1/records?entity=invoice&state=waiting&limit=50", "/api/v1/records?company=EDU1&entity=supplier&prefix=00&limit=50"]
            )
        if what == "detail":
            row = self.random.choice(self.seen)
            key = "/".join(urllib.parse.quote(part, safe="") for part in row["key"].split("/"))
            return f"/api/v1/records/{row['company']}/{row['entity']}/{key}"
        if what == "failures":
            return self.random.choice(["/api/v1/failures?limit=100", "/api/v1/failures?entity=invoice&reason=missing_parent&limit=100"])
        after = self.after[what]
        return f"/api/v1/{what}?limit=100" + (f"&after={after}" if after else "")

    def learn(self, what, body):
        if what not in self.after:
            return
        page = json.loads(body)
        # after the last page, start again with the first
        self.after[what] = page["next"]
        if what == "records":
            self.seen = page["items"][:20] or self.seen


async def read(reader, arguments, tally, ended):
    """Runs one reader until the load has ended."""
    connection = Connection(arguments.host, arguments.port, arguments.key)
    # the readers do not all start at the same moment
    await asyncio.sleep(reader.random.uniform(0, arguments.think))
    while not ended.is_set():
        what = reader.choose()
        path, begun = reader.path(what), time.monotonic()
        try:
            status, body = await asyncio.wait_for(connection.get(path), 60)
            tally.answered(what, time.monotonic() - begun, status, path)
            if status == 200:
                reader.learn(what, body)
        except (Broken, OSError, asyncio.TimeoutError) as error:
            tally.failed(path, f"{type(error).__name__}: {error}")
            connection.close()
        try:
            await asyncio.wait_for(ended.wait(), arguments.think * reader.random.uniform(0.5, 1.5))
        except asyncio.TimeoutError:
            pass
    connection.close()


class Tally:
    def __init__(self):
        self.seconds, self.of, self.errors, self.examples = [], {}, 0, []

    def answered(self, what, seconds, status, path):
        self.seconds.append(seconds)
        self.of.setdefault(what, []).append(seconds)
        if status != 200:
            self.failed(path, f"status {status}")

    def failed(self, path, problem):
        self.errors += 1
        if len(self.examples) < 5:
            self.examples.append(f"{path}: {problem}")


def percentile(seconds, percent):
    """The percentile by nearest rank, in milliseconds."""
    ordered = sorted(seconds)
    return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)] * 1000, 1) if ordered else None


def delivered(rows, flows):
    """Whether every flow has been read completely and all its records are delivered."""
    left = sum(row["queued"] + row["sending"] + row["retrying"] + row["unknown"] + row["waiting"] for row in rows)
    return len(rows) >= flows and all(row["last_success_at"] for row in rows) and left == 0


async def main(arguments):
    watcher = Connection(arguments.host, arguments.port, arguments.key)
    deadline = arguments.started + arguments.seconds
    while True:
        try:
            if (await watcher.get("/health/live"))[0] == 200:
                break
        except (Broken, OSError):
            watcher.close()
        if time.time() > deadline:
            sys.exit("the service did not answer")
        await asyncio.sleep(0.05)
    tally, ended = Tally(), asyncio.Event()
    readers = [asyncio.create_task(read(Reader(number), arguments, tally, ended)) for number in range(arguments.readers)]
    rows = []
    while not delivered(rows, arguments.flows):
        if time.time() > deadline:
            sys.exit(f"not delivered after {arguments.seconds} s: {json.dumps(rows)}")
        await asyncio.sleep(0.25)
        # requests of the watcher are the same in every run and do not count
        status, body = await watcher.get("/api/v1/flows")
        rows = json.loads(body)["items"] if status == 200 else []
    seconds = time.time() - arguments.started
    ended.set()
    await asyncio.gather(*readers)
    print(json.dumps({
        "seconds": round(seconds, 2),
        "failed": sum(row["failed"] for row in rows),
        "requests": len(tally.seconds),
        "errors": tally.errors,
        "examples": tally.examples,
        "ms": {percent: percentile(tally.seconds, percent) for percent in (50, 95, 99)},
        "p95_of": {what: percentile(seconds, 95) for what, seconds in sorted(tally.of.items())},
    }))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--readers", type=int, required=True)
    parser.add_argument("--think", type=float, required=True, help="average seconds between two requests of a reader")
    parser.add_argument("--flows", type=int, required=True, help="number of flows")
    parser.add_argument("--started", type=float, required=True, help="start time of the service, in seconds since 1970")
    parser.add_argument("--seconds", type=float, required=True, help="maximum duration in seconds")
    arguments = parser.parse_args()
    if not 0 < arguments.think <= 3:
        parser.error("--think must be above 0 and at most 3: the server drops an idle connection after some seconds")
    arguments.host, arguments.key = "127.0.0.1", os.environ["TIELINE_BENCH_KEY"]
    asyncio.run(main(arguments))
