#!/usr/bin/env python3
"""Attack test: 200 readers use the service while 500 connections misuse it, one kind of misuse after another. See attack.sh.

  attack.py --port PORT --pid PID [--scheme https] [--readers 200] [--attackers 500] [--seconds 30] [--kinds quiet,slow,mute,half,frames,silent]

The API key is in the environment variable TIELINE_ATTACK_KEY. Prints one line per kind: answers and response times of the readers, and the
memory of the process. Exits with 1 if a reader got an error, if the 99th percentile was 250 ms or more, or if the process used 256 MiB or more.
"""
import argparse
import asyncio
import multiprocessing
import os
import random
import ssl
import sys
import time

PATHS = ["/health/ready", "/metrics", "/api/v1/flows", "/api/v1/failures?limit=20", "/api/v1/runs?limit=20"]
LIMIT_MS, LIMIT_MIB = 250, 256


# the certificate is self-signed and was created for this run
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE
TLS.set_alpn_protocols(["h2", "http/1.1"])


async def connect(port, scheme):
    return await asyncio.open_connection("127.0.0.1", port, ssl=TLS if scheme == "https" else None)


def attack_bytes(kind):
    """The first bytes that an attacker sends, and the bytes that it then sends repeatedly while the service accepts them."""
    if kind == "slow":
        return b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\n", b""
    if kind == "mute":
        return b"", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
    if kind == "half":
        return b"GET /api/v1/flows HTTP/1.1\r\nHost: localhost\r\nX-A: ", b""
    if kind == "frames":
        # HTTP/2 with prior knowledge: settings, then empty DATA frames
        return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", b"\x00\x00\x00\x00\x00\x00\x00\x00\x01" * 1000
    return b"", b""


async def attacker(port, scheme, kind, until):
    first, more = attack_bytes(kind)
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        try:
            _, writer = await connect(port, scheme)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        try:
            writer.write(first)
            while loop.time() < until and not writer.transport.is_closing():
                if more:
                    writer.write(more)
                    await asyncio.wait_for(writer.drain(), timeout=max(0.1, until - loop.time()))
                    await asyncio.sleep(0)
                else:
                    # a byte from time to time, to keep the connection open
                    await asyncio.sleep(1)
                    if kind == "half":
                        writer.write(b"a")
        except (OSError, asyncio.TimeoutError):
            pass
        writer.transport.abort()
        await asyncio.sleep(0.1)


def attackers(port, scheme, kind, count, seconds):
    async def run():
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(attacker(port, scheme, kind, until) for _ in range(count)))

    asyncio.run(run())


async def answer(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


async def person(port, scheme, key, until, took, errors, reopened):
    loop = asyncio.get_running_loop()
    reader = writer = None
    await asyncio.sleep(random.random())
    while loop.time() < until:
        path = random.choice(PATHS)
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        for again in range(3):
            started = loop.time()
            try:
                if writer is None:
                    reader, writer = await connect(port, scheme)
                writer.write(request)
                status = await asyncio.wait_for(answer(reader), 30)
                took.append((loop.time() - started) * 1000)
                if status != 200:
                    errors.append(f"{path}: {status}")
                break
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
                # the service may close an idle connection; the attacker then opens another
                if writer is not None:
                    writer.transport.abort()
                reader = writer = None
                reopened.append(1)
                if again == 2 or isinstance(error, asyncio.TimeoutError):
                    errors.append(f"{path}: {error!r}")
                    break
        await asyncio.sleep(2 * random.random())


async def read(port, scheme, count, seconds):
    took, errors, reopened = [], [], []
    until = asyncio.get_running_loop().time() + seconds
    key = os.environ["TIELINE_ATTACK_KEY"]
    await asyncio.gather(*(person(port, scheme, key, until, took, errors, reopened) for _ in range(count)))
    return took, errors, reopened


def resident(pid, field="VmRSS"):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) >> 10 for line in status if line.startswith(field + ":"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--scheme", choices=["http", "https"], default="http")
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--attackers", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--kinds", default="quiet,frames,slow,mute,half,silent")
    options = parser.parse_args()
    bad = False
    print(f"{'attack':8} {'answers':>8} {'errors':>7} {'reopened':>9} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'MiB now':>8} {'MiB peak':>9}")
    for kind in options.kinds.split(","):
        attack = multiprocessing.Process(target=attackers, args=(options.port, options.scheme, kind, options.attackers, options.seconds + 2))
        if kind != "quiet":
            attack.start()
            time.sleep(1)
        took, errors, reopened = asyncio.run(read(options.port, options.scheme, options.readers, options.seconds))
        now, peak = resident(options.pid), resident(options.pid, "VmHWM")
        if kind != "quiet":
            attack.join()
        took.sort()
        at = lambda share: took[min(len(took) - 1, int(len(took) * share))] if took else float("inf")
        p99 = at(0.99)
        print(f"{kind:8} {len(took):8} {len(errors):7} {len(reopened):9} {at(0.5):8.1f} {p99:8.1f} {at(1):8.1f} {now:8} {peak:9}", flush=True)
        for error in sorted(set(errors))[:5]:
            print(f"  {error}", flush=True)
        bad |= bool(errors) or p99 >= LIMIT_MS or peak >= LIMIT_MIB
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
