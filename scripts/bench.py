#!/usr/bin/env python3
"""Measures and prints the benchmark. scripts/bench.sh starts the processes and calls one command of this script after another.

Uses only the standard library. Every command adds one line of JSON to the file `results` in the work directory; `report` prints them as a table
and writes them as JSON. Times are in seconds, sizes in bytes, and CPU times in seconds, unless a name says otherwise.
"""

import argparse
import base64
import http.client
import http.server
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")
GIB = 1 << 30
MIB = 1 << 20
# Room that a size needs whatever its records need: the write-ahead log, an empty cluster, logs.
FIXED_ROOM = 2 * GIB
# A table that is vacuumed or a sort may need more than the tables hold at the end.
SPARE = 1.5
CHANGED = 100
# Documents that SQL adds in one transaction; the first ones show how much disk all of them need.
FILLED_AT_ONCE = 100_000
FILLED_FIRST = 10_000
STEPS = {"first_load": "first load", "second_run": "second run", "after_changes": f"{CHANGED} changed"}


def fail(sentence):
    sys.exit(f"bench: {sentence}")


def values(path):
    """The `key=value` lines of a file."""
    with open(path, encoding="utf-8") as file:
        pairs = (line.rstrip("\n").split("=", 1) for line in file if "=" in line)
        return {key: value for key, value in pairs}


def add_result(work, result):
    with open(os.path.join(work, "results"), "a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")


def all_results(work):
    with open(os.path.join(work, "results"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


# Processes


def stat(pid):
    """The fields of /proc/PID/stat after the name, or None if the process has ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(") ", 1)[1].split()
    except OSError:
        return None


def cpu(pid, children=False):
    """CPU time of a process, and of its ended children if asked for."""
    fields = stat(pid)
    if fields is None:
        return 0.0
    return sum(int(field) for field in fields[11:15 if children else 13]) / TICKS


def memory(pid, name):
    """A size of /proc/PID/status, such as VmRSS; 0 if the process has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            found = re.search(rf"^{name}:\s+(\d+) kB", file.read(), re.MULTILINE)
            return int(found.group(1)) * 1024 if found else 0
    except OSError:
        return 0


class Site:
    """A site of bench.sh: the simulators, Postgres and the settings."""

    def __init__(self, directory):
        self.directory = directory
        known = values(os.path.join(directory, "database"))
        self.variables = {name: value for name, value in known.items() if name == "PATH" or name.startswith("PG")}
        self.database = self.variables["PGDATABASE"]
        with open(os.path.join(directory, "state/postgres/data/postmaster.pid"), encoding="utf-8") as file:
            self.postmaster = int(file.readline())

    def psql(self, database, *arguments):
        """Runs psql and returns its output."""
        command = ["psql", "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-d", database, *arguments]
        done = subprocess.run(command, env={**os.environ, **self.variables}, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            fail(f"psql failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def query(self, database, sql):
        return self.psql(database, "-c", sql)

    def postgres_cpu(self):
        """CPU time of the server: its main process, its present and its ended children."""
        try:
            with open(f"/proc/{self.postmaster}/task/{self.postmaster}/children", encoding="utf-8") as file:
                children = file.read().split()
        except OSError:
            children = []
        return cpu(self.postmaster, children=True) + sum(cpu(child) for child in children)

    def control(self, system, path, body=None):
        """Calls a control route of a simulator."""
        address = values(os.path.join(self.directory, system))["odata_url" if system == "syspro" else "instance_url"]
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(urllib.parse.urljoin(address, f"/_sim/{path}"), data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def counters(self):
        """What the simulators and the server have counted so far. Does not touch the ledger, so that it is not counted itself."""
        counted = self.query(
            "postgres",
            "SELECT blks_hit + blks_read, blks_read, xact_commit, pg_current_wal_lsn() - '0/0', pg_database_size(datname) "
            f"FROM pg_stat_database WHERE datname = '{self.database}'",
        )
        buffers, read, transactions, wal, size = (int(number) for number in counted.split("|"))
        requests = self.control("servicenow", "stats")["requests"]
        return {
            "buffers": buffers,
            "buffers_read": read,
            "transactions": transactions,
            "wal": wal,
            "database": size,
            "syspro_requests": self.control("syspro", "stats")["requests"],
            # the items of a batch are not requests of their own
            "servicenow_requests": sum(count for kind, count in requests.items() if not kind.startswith("batched ")),
            "servicenow_items": sum(count for kind, count in requests.items() if kind.startswith("batched ")),
        }

    def wait_for_backends(self):
        """Waits until the connections of a command have ended: the server then has its counts."""
        open_ones = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.database}' AND backend_type = 'client backend'"
        deadline = time.monotonic() + 10
        while int(self.query("postgres", open_ones)) > 0 and time.monotonic() < deadline:
            time.sleep(0.05)

    def tables(self):
        """Size of each table with its indexes, largest first."""
        rows = self.query(
            self.database,
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
            "WHERE relkind IN ('r', 'm') AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC, 1",
        )
        return {name: int(size) for name, size in (row.split("|") for row in rows.splitlines())}


# One run of a command


def run(site, arguments, prefix=()):
    """Runs a command of the program. Returns its report and what the process used."""
    command = [*prefix, os.environ["TIELINE_BENCH_BINARY"], "--output", "json", *arguments]
    out, err = (os.path.join(site.directory, name) for name in ("command.json", "command.err"))
    peak = 0
    ended = threading.Event()
    with open(out, "wb") as stdout, open(err, "wb") as stderr:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr)

        def watch():
            # not the peak of wait4: that also has the memory of this script before the program was started
            nonlocal peak
            while not ended.is_set():
                peak = max(peak, memory(process.pid, "VmHWM"))
                time.sleep(0.02)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        ended.set()
        watcher.join()
    try:
        with open(out, encoding="utf-8") as file:
            report = json.load(file)
    except ValueError:
        with open(err, encoding="utf-8", errors="replace") as file:
            fail(f"`tieline {arguments[0]}` ended with {process.returncode} and without a report: {file.read()[-2000:].strip()}")
    return report, {"exit": process.returncode, "seconds": seconds, "peak": peak, "tieline": used.ru_utime + used.ru_stime}


def sync(site):
    """Runs `tieline sync`. Returns its report and what the process used."""
    prefix = shlex.split(os.environ.get("TIELINE_BENCH_SYNC", ""))
    options = shlex.split(os.environ.get("TIELINE_BENCH_ARGS", ""))
    report, used = run(site, ["sync", *options], prefix)
    errors = [flow["error"] for flow in report["flows"] if flow["error"]] + report["write_errors"]
    if errors:
        fail(f"`tieline sync` ended with {used['exit']}: {errors[0]}")
    return report, used


def command_step(args):
    site = Site(args.site)
    before = site.counters()
    used = lambda: (site.postgres_cpu(), cpu(args.syspro), cpu(args.servicenow))
    cpu_before = used()
    report, measured = sync(site)
    cpu_after = used()
    site.wait_for_backends()
    after = site.counters()
    postgres, syspro, servicenow = (now - then for now, then in zip(cpu_after, cpu_before))
    total = lambda name: sum(flow[name] for flow in report["flows"])
    counted = {name: after[name] - before[name] for name in after}
    database = {"growth": counted.pop("database"), "size": after["database"], "tables": site.tables()}
    result = {
        "kind": "step",
        "step": args.step,
        "size": args.size,
        "run": args.run,
        "documents": total("read"),
        "new": total("new"),
        "changed": total("changed"),
        "records": total("confirmed"),
        "seconds": measured["seconds"],
        "exit": measured["exit"],
        "peak": measured["peak"],
        "cpu": {"tieline": measured["tieline"], "postgres": postgres, "syspro": syspro, "servicenow": servicenow},
        "statements": report["statements"],
        **counted,
        "database": database,
        "simulators": memory(args.syspro, "VmRSS") + memory(args.servicenow, "VmRSS"),
    }
    add_result(args.work, result)
    records, seconds = result["records"], result["seconds"]
    note(f"{args.size} {args.step} {args.run}: {records:,} target records in {seconds:.1f} s")


def note(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def command_change(args):
    paid = Site(args.site).control("syspro", "pay", {"company": "EDU1", "n": CHANGED})["paid"]
    if paid < CHANGED:
        note(f"only {paid} invoices were open: {paid} were changed instead of {CHANGED}")


# Limits of the machine


class Recorder:
    """A proxy in front of the ServiceNow simulator. Keeps all requests but those for tokens, in the order in which they were sent."""

    def __init__(self, to, file):
        self.to = urllib.parse.urlsplit(to)
        self.lock = threading.Lock()
        self.file = file
        self.started = 0
        self.done = set()
        self.prefix = 0

    def start(self, method, path, headers, body):
        """Writes a request down. Returns its number."""
        with self.lock:
            number = self.started
            self.started += 1
            # all requests before `after` had been answered when this one was sent
            line = {"method": method, "path": path, "headers": headers, "after": self.prefix, "body": base64.b64encode(body).decode()}
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()
            return number

    def end(self, number):
        with self.lock:
            self.done.add(number)
            while self.prefix in self.done:
                self.done.discard(self.prefix)
                self.prefix += 1


def handler_of(recorder):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1
        upstream = None

        def body(self):
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def forward(self):
            body = self.body()
            headers = [pair for pair in self.headers.items() if pair[0].lower() not in ("content-length", "transfer-encoding", "connection")]
            kept = not self.path.startswith(("/oauth_token.do", "/_sim/"))
            number = recorder.start(self.command, self.path, headers, body) if kept else None
            answer, content = exchange(self, recorder.to, self.command, self.path, headers, body)
            if kept:
                recorder.end(number)
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            if answer.status not in (204, 304):
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = forward

        def log_message(self, *_):
            pass

    return Handler


def exchange(holder, to, method, path, headers, body):
    """Sends a request over the connection that `holder.upstream` keeps. Returns the answer and its content."""
    if holder.upstream is None:
        holder.upstream = http.client.HTTPConnection(to.hostname, to.port)
    connection = holder.upstream
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value)
    if body or method in ("POST", "PUT", "PATCH"):
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body or None)
    answer = connection.getresponse()
    return answer, answer.read()


def command_record(args):
    with open(os.path.join(args.work, "requests"), "w", encoding="utf-8") as file:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_of(Recorder(args.to, file)))
        server.daemon_threads = True
        print(f"instance_url=http://127.0.0.1:{server.server_address[1]}/", flush=True)
        server.serve_forever()


def recorded_requests(work):
    with open(os.path.join(work, "requests"), encoding="utf-8") as file:
        requests = [json.loads(line) for line in file]
    for request in requests:
        request["body"] = base64.b64decode(request["body"])
    return requests


class Upstream:
    """Keeps one connection, for `exchange`."""

    upstream = None


class Replay:
    """Sends the recorded requests as fast as the simulator answers, with as many at once as Tieline may send."""

    def __init__(self, address, token, requests):
        self.to = urllib.parse.urlsplit(address)
        self.requests = requests
        for request in requests:
            rest = [pair for pair in request["headers"] if pair[0].lower() not in ("authorization", "host")]
            request["headers"] = [("Host", self.to.netloc), ("Authorization", f"Bearer {token}"), *rest]
        self.turn = threading.Condition()
        self.next = 0
        self.done = set()
        self.prefix = 0
        self.errors = []

    def take(self):
        with self.turn:
            if self.next == len(self.requests) or self.errors:
                return None
            number = self.next
            self.next += 1
            # a line is sent once its header has been answered, as Tieline does it
            self.turn.wait_for(lambda: self.prefix >= self.requests[number]["after"] or self.errors)
            return number

    def work(self):
        keeper = Upstream()
        while (number := self.take()) is not None:
            request = self.requests[number]
            error = None
            try:
                answer, _ = exchange(keeper, self.to, request["method"], request["path"], request["headers"], request["body"])
                if answer.status >= 400:
                    error = f"{request['method']} {request['path']} was answered with {answer.status}"
            except OSError as broken:
                error = str(broken)
            with self.turn:
                if error:
                    self.errors.append(error)
                self.done.add(number)
                while self.prefix in self.done:
                    self.done.discard(self.prefix)
                    self.prefix += 1
                self.turn.notify_all()

    def run(self, concurrency):
        """Returns the seconds."""
        workers = [threading.Thread(target=self.work) for _ in range(concurrency)]
        started = time.monotonic()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        seconds = time.monotonic() - started
        if self.errors:
            fail(f"the recorded requests cannot be sent again: {self.errors[0]}")
        return seconds


def command_replay(args):
    known = values(os.path.join(args.site, "servicenow"))
    address = known["instance_url"]
    form = {"grant_type": "client_credentials", "client_id": known["client_id"], "client_secret": known["client_secret"]}
    with urllib.request.urlopen(urllib.parse.urljoin(address, "/oauth_token.do"), urllib.parse.urlencode(form).encode()) as answer:
        token = json.load(answer)["access_token"]
    replay = Replay(address, token, recorded_requests(args.work))
    used = cpu(args.servicenow)
    seconds = replay.run(args.concurrency)
    used = cpu(args.servicenow) - used
    with urllib.request.urlopen(urllib.parse.urljoin(address, "/_sim/stats")) as answer:
        written = json.load(answer)["writes"]
    result = {"kind": "replay", "run": args.run, "requests": len(replay.requests), "records": written, "seconds": seconds, "cpu": used,
              "concurrency": args.concurrency}
    add_result(args.work, result)
    note(f"limit of the ServiceNow simulator {args.run}: {written:,} target records in {seconds:.2f} s")


def written_rows(request):
    """The target records of a request as pairs of a target and the content: those of a batch, or the only one."""
    body = request["body"]
    if not urllib.parse.urlsplit(request["path"]).path.endswith("/batch"):
        return [(request["path"], body.decode())] if request["method"] != "GET" else []
    items = json.loads(body)["rest_requests"]
    return [(item["url"], base64.b64decode(item.get("body") or "").decode()) for item in items if item["method"] != "GET"]


def copied(text):
    """A text in the format of COPY."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def command_copy(args):
    site = Site(args.site)
    rows = [row for request in recorded_requests(args.work) for row in written_rows(request)]
    path = os.path.join(args.work, "rows")
    with open(path, "w", encoding="utf-8") as file:
        for number, (target, content) in enumerate(rows):
            file.write(f"{number}\t{copied(target)}\t{copied(content)}\n")
    if site.query("postgres", "SHOW fsync") != "on":
        fail("`fsync` is off: a rate of COPY without it is no limit for a durable ledger")
    site.query("postgres", "CREATE DATABASE copied")
    for run in range(1, args.rounds + 1):
        site.query("copied", "DROP TABLE IF EXISTS target_record")
        site.query("copied", "CREATE TABLE target_record (id bigint, target text, content text)")
        site.query("copied", "CHECKPOINT")
        used = site.postgres_cpu()
        said = site.psql("copied", "-c", "\\timing on", "-c", f"\\copy target_record FROM '{path}'")
        used = site.postgres_cpu() - used
        seconds = float(re.search(r"Time: ([\d.]+) ms", said).group(1)) / 1000
        add_result(args.work, {"kind": "copy", "run": run, "records": len(rows), "seconds": seconds, "cpu": used, "file": os.path.getsize(path)})
        note(f"limit of COPY {run}: {len(rows):,} rows in {seconds:.2f} s")
    os.remove(path)


# Room on the disk and in memory


def free_memory():
    with open("/proc/meminfo", encoding="utf-8") as file:
        return int(re.search(r"MemAvailable:\s+(\d+) kB", file.read()).group(1)) * 1024


def refuse(args, sentence):
    add_result(args.work, {"kind": "refused", "size": args.size, "why": sentence})
    fail(sentence)


def command_room(args):
    """Refuses a size that does not fit, by what the recorded load needed per invoice."""
    recorded = next(result for result in all_results(args.work) if result.get("step") == "recorded")
    share = int(args.size) / int(recorded["size"])
    disk, memory_ = shutil.disk_usage(args.work).free, free_memory()
    needed = FIXED_ROOM + int(recorded["database"]["growth"] * share * SPARE)
    if needed > disk:
        refuse(args, f"{int(args.size):,} invoices are not measured: they need about {needed / GIB:.1f} GiB of disk in {args.work}, "
                     f"and {disk / GIB:.1f} GiB are free. Set TMPDIR to a directory with more room.")
    needed = int(recorded["simulators"] * share)
    if needed > memory_:
        refuse(args, f"{int(args.size):,} invoices are not measured: the simulators need about {needed / GIB:.1f} GiB of memory for them, "
                     f"and {memory_ / GIB:.1f} GiB are available.")


def command_fill(args):
    """Adds documents by SQL. Refuses when the first ones show that all of them do not fit."""
    site = Site(args.site)
    documents = int(args.size.removeprefix("sql:"))
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bench-ledger.sql")
    size = lambda: int(site.query("postgres", f"SELECT pg_database_size('{site.database}')"))
    fill = lambda first, last: site.psql(site.database, "-v", f"first={first}", "-v", f"last={last}", "-f", script)
    before = size()
    done = min(FILLED_FIRST, documents)
    fill(1, done)
    if int(site.query(site.database, "SELECT count(*) FROM document WHERE id < 0")) != done:
        fail("SQL added no documents: the ledger has no delivered invoice to copy")
    needed = FIXED_ROOM + int((size() - before) / done * (documents - done) * SPARE)
    disk = shutil.disk_usage(args.work).free
    if needed > disk:
        refuse(args, f"{documents:,} documents are not measured: they need about {needed / GIB:.1f} GiB of disk in {args.work}, "
                     f"and {disk / GIB:.1f} GiB are free. Set TMPDIR to a directory with more room.")
    while done < documents:
        last = min(done + FILLED_AT_ONCE, documents)
        fill(done + 1, last)
        done = last
    site.query(site.database, "VACUUM ANALYZE")
    site.query(site.database, "CHECKPOINT")
    note(f"{documents:,} documents were added by SQL")


# The report


def command_machine(args):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"model name\s*:\s*(.+)", file.read())
    with open("/proc/meminfo", encoding="utf-8") as file:
        total = int(re.search(r"MemTotal:\s+(\d+) kB", file.read()).group(1)) * 1024
    run = lambda *command: subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    binary = os.environ["TIELINE_BENCH_BINARY"]
    filesystem = run("stat", "-f", "-c", "%T", args.work)
    machine = {
        "kind": "machine",
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": len(os.sched_getaffinity(0)),
        "model": model.group(1) if model else None,
        "memory": total,
        "directory": os.path.dirname(args.work),
        "filesystem": filesystem,
        "load": os.getloadavg()[0],
        "version": run(binary, "--version"),
        "binary": binary,
        "overrides": {name: value for name, value in sorted(os.environ.items()) if name.startswith("TIELINE__") and "PROXY" not in name},
        "options": {name: os.environ[name] for name in ("TIELINE_BENCH_ARGS", "TIELINE_BENCH_SYNC") if os.environ.get(name)},
    }
    add_result(args.work, machine)
    if filesystem == "tmpfs":
        note(f"{machine['directory']} is in memory: fsync costs nothing there. Set TMPDIR to a directory on a disk.")


def spread(numbers):
    """n, median, minimum and maximum; None without numbers."""
    numbers = [number for number in numbers if number is not None]
    if not numbers:
        return None
    return {"n": len(numbers), "median": statistics.median(numbers), "min": min(numbers), "max": max(numbers)}


def per(run, number, factor=1):
    """A number per record; None for a run without records."""
    return number / run["records"] * factor if run["records"] else None


# Name in the JSON, title in the table, value of one run, digits after the point.
MEASURES = [
    ("records", "target records", lambda run: run["records"], 0),
    ("seconds", "seconds", lambda run: run["seconds"], 2),
    ("records_per_second", "records per second", lambda run: run["records"] / run["seconds"] if run["records"] else None, 0),
    ("cpu_us_per_record.tieline", "CPU µs per record: Tieline", lambda run: per(run, run["cpu"]["tieline"], 1e6), 1),
    ("cpu_us_per_record.postgres", "  Postgres", lambda run: per(run, run["cpu"]["postgres"], 1e6), 1),
    ("cpu_us_per_record.syspro", "  SYSPRO simulator", lambda run: per(run, run["cpu"]["syspro"], 1e6), 1),
    ("cpu_us_per_record.servicenow", "  ServiceNow simulator", lambda run: per(run, run["cpu"]["servicenow"], 1e6), 1),
    ("peak_mib", "peak memory of Tieline, MiB", lambda run: run["peak"] / MIB, 1),
    ("per_1000_records.statements", "per 1,000 records: SQL statements", lambda run: per(run, run["statements"], 1000), 0),
    ("per_1000_records.buffers", "  shared buffers", lambda run: per(run, run["buffers"], 1000), 0),
    ("per_1000_records.syspro_requests", "  requests to SYSPRO", lambda run: per(run, run["syspro_requests"], 1000), 1),
    ("per_1000_records.servicenow_requests", "  requests to ServiceNow", lambda run: per(run, run["servicenow_requests"], 1000), 1),
    ("database_kib_per_record", "database growth, KiB per record", lambda run: per(run, run["database"]["growth"] / 1024), 2),
    ("wal_kib_per_record", "write-ahead log, KiB per record", lambda run: per(run, run["wal"] / 1024), 2),
]
# For a run without records, or with few: what the whole run cost.
TOTALS = [
    ("total.cpu_ms.tieline", "whole run: CPU ms of Tieline", lambda run: run["cpu"]["tieline"] * 1e3, 0),
    ("total.cpu_ms.postgres", "  CPU ms of Postgres", lambda run: run["cpu"]["postgres"] * 1e3, 0),
    ("total.documents", "  documents read", lambda run: run["documents"], 0),
    ("total.statements", "  SQL statements", lambda run: run["statements"], 0),
    ("total.buffers", "  shared buffers", lambda run: run["buffers"], 0),
    ("total.syspro_requests", "  requests to SYSPRO", lambda run: run["syspro_requests"], 0),
    ("total.servicenow_requests", "  requests to ServiceNow", lambda run: run["servicenow_requests"], 0),
]


def limit_of(results, kind):
    rounds = [result for result in results if result["kind"] == kind]
    return {
        "records": rounds[0]["records"],
        "records_per_second": spread([one["records"] / one["seconds"] for one in rounds]),
        "cpu_us_per_record": spread([one["cpu"] / one["records"] * 1e6 for one in rounds]),
        "rounds": rounds,
    }


def table_kib_per_record(runs):
    """Median size of each table per record of the first load, in KiB; an empty table is left out."""
    names = {name for run in runs for name in run["database"]["tables"]}
    share = {name: statistics.median(run["database"]["tables"].get(name, 0) / 1024 / run["records"] for run in runs) for name in names}
    return dict(sorted(((name, value) for name, value in share.items() if value >= 0.001), key=lambda pair: -pair[1]))


def step_of(name, runs, limits):
    result = {key: spread([value(run) for run in runs]) for key, _, value, _ in MEASURES + TOTALS}
    result["runs"] = runs
    if name == "first_load" and result["records_per_second"]:
        rate = result["records_per_second"]["median"]
        result["ratio_to"] = {limit: rate / limits[limit]["records_per_second"]["median"] for limit in limits}
        result["table_kib_per_record"] = table_kib_per_record(runs)
    return result


def collect(results):
    limits = {"servicenow_simulator": limit_of(results, "replay"), "copy": limit_of(results, "copy")}
    sizes = {}
    for result in results:
        if result["kind"] == "step" and result["step"] in STEPS:
            sizes.setdefault(result["size"], {}).setdefault(result["step"], []).append(result)
    measured = [{"size": size, "steps": {step: step_of(step, runs, limits) for step, runs in steps.items()}} for size, steps in sizes.items()]
    machine = next(result for result in results if result["kind"] == "machine")
    recorded = next(result for result in results if result.get("step") == "recorded")
    refused = [result["why"] for result in results if result["kind"] == "refused"]
    return {"machine": machine, "limits": limits, "recorded_load": recorded, "sizes": measured, "refused": refused}


def shown(value, digits):
    """A spread as text: the median, and the minimum and maximum of several runs."""
    if value is None:
        return "-"
    one = lambda number: f"{number:,.{digits}f}"
    if value["n"] == 1 or value["min"] == value["max"]:
        return one(value["median"])
    return f"{one(value['median'])} ({one(value['min'])} to {one(value['max'])})"


def print_columns(rows):
    """Prints rows of texts, the first column to the left and the others to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  " + "  ".join(cells).rstrip())


def print_size(measured):
    steps = measured["steps"]
    runs = max(len(step["runs"]) for step in steps.values())
    size = measured["size"]
    what = f"{int(size.removeprefix('sql:')):,} documents made by SQL" if size.startswith("sql:") else f"{int(size):,} invoices"
    print(f"\n{what}, n = {runs}" + (": median (minimum to maximum)" if runs > 1 else ""))
    rows = [["", *(STEPS[name] for name in steps)]]
    rows += [[title, *(shown(step[key], digits) for step in steps.values())] for key, title, _, digits in MEASURES]
    for limit, title in (("servicenow_simulator", "rate / rate of the ServiceNow simulator"), ("copy", "rate / rate of COPY")):
        ratios = [f"{step['ratio_to'][limit]:.3f}" if "ratio_to" in step else "-" for step in steps.values()]
        if "first_load" in steps:
            rows.append([title, *ratios])
    rows += [[title, *(shown(step[key], digits) for step in steps.values())] for key, title, _, digits in TOTALS]
    print_columns(rows)


def print_report(report):
    machine, limits = report["machine"], report["limits"]
    print(f"{machine['version']}; {machine['cores']} cores ({machine['model']}), {machine['memory'] / GIB:.0f} GiB, load {machine['load']:.2f}; "
          f"data in {machine['directory']} ({machine['filesystem']})")
    print(f"settings: {report['settings']}")
    for name, value in [*machine["overrides"].items(), *machine["options"].items()]:
        print(f"  {name}={value}")
    replay, copy = limits["servicenow_simulator"], limits["copy"]
    print(f"\nlimits of the machine, with the {replay['records']:,} target records of {int(report['recorded_load']['size']):,} invoices, "
          f"n = {len(replay['rounds'])}: median (minimum to maximum)")
    print_columns([
        ["", "records per second", "CPU µs per record"],
        [f"ServiceNow simulator, the same requests, {replay['rounds'][0]['concurrency']} at once", shown(replay["records_per_second"], 0),
         shown(replay["cpu_us_per_record"], 1)],
        ["COPY of the same rows into a table, fsync on (CPU of Postgres)", shown(copy["records_per_second"], 0), shown(copy["cpu_us_per_record"], 1)],
    ])
    for measured in report["sizes"]:
        print_size(measured)
    for sentence in report["refused"]:
        print(f"\n{sentence}")


def command_report(args):
    report = collect(all_results(args.work))
    with open(os.path.join(args.work, "settings"), encoding="utf-8") as file:
        report["settings"] = file.read().strip()
    print_report(report)
    os.makedirs("target/bench", exist_ok=True)
    path = f"target/bench/{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1, ensure_ascii=False)
        file.write("\n")
    print(f"\nJSON: {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, call, **options):
        one = commands.add_parser(name)
        one.set_defaults(call=call)
        one.add_argument("--work", required=True, help="directory of the results")
        for option, kind in options.items():
            one.add_argument(f"--{option}", type=kind, required=True)
        return one

    command("machine", command_machine)
    step = command("step", command_step, size=str, run=int, site=str, syspro=int, servicenow=int)
    step.add_argument("step")
    command("change", command_change, site=str)
    command("record", command_record, to=str)
    command("replay", command_replay, run=int, site=str, servicenow=int, concurrency=int)
    command("copy", command_copy, rounds=int, site=str)
    command("room", command_room, size=str)
    command("fill", command_fill, site=str, size=str)
    command("report", command_report)
    args = parser.parse_args()
    args.call(args)


if __name__ == "__main__":
    main()
