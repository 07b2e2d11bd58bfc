//! The table: the hostile answers, and the expected messages.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::fake::{Endpoint, ReceivedRequest, SECRETS, Script, chunks, gzip, head, json, text, whole};
use super::{Row, full};

/// How large an answer is that is below the limit of a body, in bytes.
fn large() -> usize {
    if full() { 15_000_000 } else { 3_000_000 }
}

/// How large an answer is at its full size, and in `make test`, in bytes.
fn size() -> usize {
    if full() { 2 << 30 } else { 80 << 20 }
}

fn row(
    name: &str,
    endpoint: Endpoint,
    says: &[&'static str],
    script: impl Fn(&ReceivedRequest, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> Row {
    let script: Script = Arc::new(script);
    Row { name: name.into(), endpoint, script, says: says.to_vec(), requests: 60, seconds: 30, settings: Vec::new(), arrives: Vec::new() }
}

impl Row {
    fn requests(mut self, most: usize) -> Self {
        self.requests = most;
        self
    }

    /// Records that are read in spite of their neighbours.
    fn arrives(mut self, keys: &[&'static str]) -> Self {
        self.arrives = keys.to_vec();
        self
    }

    fn with(mut self, key: &'static str, value: &str) -> Self {
        self.settings.push((key, value.into()));
        self
    }
}

/// Answers that are wrong whatever was asked, at any endpoint: what is said of each.
fn anywhere(endpoint: Endpoint) -> Vec<Row> {
    vec![
        row("a length of gigabytes", endpoint, &["larger than"], |_, stream| {
            head(stream, &format!("Content-Length: {}\r\n", 2_u64 << 30))?;
            let block = vec![b'['; 1 << 16];
            (0..size() >> 16).try_for_each(|_| stream.write_all(&block))
        }),
        row("chunks without end", endpoint, &["larger than"], |_, stream| {
            head(stream, "Transfer-Encoding: chunked\r\n")?;
            chunks(stream, &[b'['; 1 << 16], size() >> 16)
        }),
        row("a gzip bomb", endpoint, &["larger than"], |_, stream| {
            // more would take longer to pack than is waited for
            let bomb = gzip("{\"value\":[", "{},", (80 << 20) / 3, "{}]}");
            let packed = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
            whole(stream, "200 OK", &packed, &bomb)
        }),
        row("brotli that nobody asked for", endpoint, &["compressed as `br`"], |_, stream| {
            whole(stream, "200 OK", &[("Content-Type", "application/json"), ("Content-Encoding", "br")], &[0x5b; 4096])
        }),
        row("a gzip that is none", endpoint, &["not a complete gzip stream"], |_, stream| {
            whole(stream, "200 OK", &[("Content-Type", "application/json"), ("Content-Encoding", "gzip")], &[0x1f; 4096])
        }),
        row("a head that drips", endpoint, &["no answer from"], |_, stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
            drip(stream)
        }),
        row("a body that drips", endpoint, &["no answer from"], |_, stream| {
            head(stream, "Content-Length: 100000\r\n")?;
            drip(stream)
        }),
    ]
}

fn drip(stream: &mut TcpStream) -> io::Result<()> {
    loop {
        stream.write_all(b" ")?;
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn page(rows: &[String], more: &str) -> String {
    format!("{{\"value\":[{}]{more}}}", rows.join(","))
}

fn centre(key: &str) -> String {
    format!("{{\"CostCentre\":{},\"Description\":\"x\"}}", serde_json::Value::from(key))
}

/// A key that begins with `C` and cannot be compressed.
fn noise() -> String {
    let letter = |at: u32| char::from(b'A' + (at.wrapping_mul(2_654_435_761) >> 24) as u8 % 26);
    "C".chars().chain((1..9000).map(letter)).collect()
}

fn link(token: &str) -> String {
    format!(",\"@odata.nextLink\":\"BomCostCentre?$skiptoken={token}\"")
}

pub fn odata() -> Vec<Row> {
    let endpoint = Endpoint::OData;
    let mut rows = anywhere(endpoint);
    rows.extend([
        row("rows that say nothing", endpoint, &["more rows than the"], |_, stream| {
            json(stream, &format!("{{\"value\":[{}{{}}]}}", "{},".repeat(large() / 3)))
        }),
        row("a text of megabytes", endpoint, &["bytes in `Description`", "syspro.value_limit_kb"], |seen, stream| {
            let long = format!("{{\"CostCentre\":\"A\",\"Description\":\"{}\"}}", "y".repeat(large()));
            let rows = if seen.option("$filter").contains(" gt ") { Vec::new() } else { vec![long, centre("B")] };
            json(stream, &page(&rows, ""))
        })
        .arrives(&["B"]),
        row("an object in a text column", endpoint, &["an object or a list in `Description`"], |seen, stream| {
            let wrong = "{\"CostCentre\":\"A\",\"Description\":{\"text\":\"Welding\"}}".to_owned();
            let rows = if seen.option("$filter").contains(" gt ") { Vec::new() } else { vec![wrong, centre("B")] };
            json(stream, &page(&rows, ""))
        })
        .arrives(&["B"]),
        row("a list in a text column", endpoint, &["an object or a list in `Description`"], |seen, stream| {
            let wrong = "{\"CostCentre\":\"A\",\"Description\":[\"Welding\"]}".to_owned();
            let rows = if seen.option("$filter").contains(" gt ") { Vec::new() } else { vec![wrong, centre("B")] };
            json(stream, &page(&rows, ""))
        })
        .arrives(&["B"]),
        row("a key that is null among others", endpoint, &["its key column `CostCentre` is null"], |seen, stream| {
            let null = "{\"CostCentre\":null,\"Description\":\"x\"}".to_owned();
            let rows = if seen.option("$filter").contains(" gt ") { Vec::new() } else { vec![centre("A"), null, centre("B")] };
            json(stream, &page(&rows, ""))
        })
        .arrives(&["A", "B"]),
        row("a text of 60 MB", endpoint, &["larger than"], |_, stream| {
            json(stream, &format!("{{\"value\":[{{\"CostCentre\":\"{}\"}}]}}", "y".repeat(60_000_000)))
        }),
        row("deep JSON", endpoint, &["more than 64 levels"], |_, stream| {
            json(
                stream,
                &format!("{{\"value\":[{{\"CostCentre\":\"A\",\"Description\":{}{}}}]}}", "[".repeat(large() / 2), "]".repeat(large() / 2)),
            )
        }),
        row("wide JSON", endpoint, &["more than 10000 members"], |_, stream| {
            let members: Vec<String> = (0..large() / 20).map(|at| format!("\"c{at}\":1")).collect();
            json(stream, &format!("{{\"value\":[{{{}}}]}}", members.join(",")))
        }),
        row("no text at all", endpoint, &["cannot be read"], |_, stream| {
            let noise = [b"{\"value\":[{\"CostCentre\":\"".as_slice(), &vec![0xff; large()], b"\"}]}"].concat();
            whole(stream, "200 OK", &[("Content-Type", "application/json")], &noise)
        }),
        row(
            "links that lead to each other, without rows",
            endpoint,
            &["repeats its answers", "$skiptoken=", "Reading again does not help"],
            |seen, stream| {
                let next = if seen.option("$skiptoken") == "one" { "two" } else { "one" };
                json(stream, &page(&[], &link(next)))
            },
        ),
        row("links that lead to each other, with rows without a key", endpoint, &["repeats its answers"], |seen, stream| {
            let next = if seen.option("$skiptoken") == "one" { "two" } else { "one" };
            json(stream, &page(&[centre("A"), "{\"Description\":\"x\"}".into()], &link(next)))
        })
        .requests(20),
        row("links that lead to each other, with a key that cannot be asked for", endpoint, &["repeats its answers"], |seen, stream| {
            let next = if seen.option("$skiptoken") == "one" { "two" } else { "one" };
            json(stream, &page(&[centre("A\0B")], &link(next)))
        })
        .requests(20),
        row("a link to itself, with one key for ever", endpoint, &["repeats its answers"], |_, stream| {
            json(stream, &page(&[centre("A")], &link("one")))
        })
        .requests(20),
        row("ever new links, with one key for ever", endpoint, &["does not match the request"], |seen, stream| {
            json(stream, &page(&[centre("A")], &link(&format!("t{}", seen.number))))
        })
        .requests(400),
        row("ever new links without rows", endpoint, &["a link to further rows"], |seen, stream| {
            json(stream, &page(&[], &link(&format!("t{}", seen.number))))
        })
        .requests(120),
        row("two pages in turn", endpoint, &["SYSPRO's answer to"], |seen, stream| {
            let pages = [[centre("A"), centre("B")], [centre("C"), centre("D")]];
            json(stream, &page(&pages[seen.number % 2], &link(&format!("t{}", seen.number))))
        })
        .requests(20),
        row("two pages in turn whose keys cannot be asked for", endpoint, &["repeats its answers"], |seen, stream| {
            let many = |from: usize| (from..from + 400).map(|at| centre(&format!("{at}\0x"))).collect::<Vec<_>>();
            let mut rows = many(400 * (seen.number % 2));
            rows.insert(0, centre("A"));
            let rows = if seen.option("$filter").contains(" gt ") { rows.split_off(1) } else { rows };
            json(stream, &page(&rows[..rows.len().min(seen.option("$top").parse().unwrap_or(1))], &link(&format!("t{}", seen.number))))
        }),
        row("new rows without end", endpoint, &["without reaching the end", "syspro.run_requests"], |seen, stream| {
            let top: usize = seen.option("$top").parse().unwrap();
            let rows: Vec<String> = (0..top).map(|at| centre(&format!("{:09}", seen.number * 1000 + at))).collect();
            json(stream, &page(&rows, ""))
        })
        .with("SYSPRO__RUN_REQUESTS", "100")
        .with("SYSPRO__PAGE_SIZE", "5")
        .requests(110),
        row("a row now and then", endpoint, &["requests for one page", "such small or empty pages"], |seen, stream| {
            let rows = if seen.number % 50 == 49 { vec![centre(&format!("{:09}", seen.number))] } else { Vec::new() };
            json(stream, &page(&rows, &link(&format!("t{}", seen.number))))
        })
        .requests(1500),
        row("a key of 3000 bytes", endpoint, &["its key has 3000 bytes", "more than the 1000 that a key may have"], |_, stream| {
            json(stream, &page(&[centre(&"A".repeat(3000)), centre("B"), centre("D")], ""))
        })
        .arrives(&["B", "D"]),
        row(
            "a key of 9000 bytes that cannot be compressed",
            endpoint,
            &["its key has 9000 bytes", "more than the 1000 that a key may have"],
            |_, stream| json(stream, &page(&[centre("B"), centre(&noise()), centre("D")], "")),
        )
        .arrives(&["B", "D"]),
        row("rows out of order", endpoint, &["is not in the order of the key"], |_, stream| {
            json(stream, &page(&[centre("B"), centre("A")], ""))
        }),
        row("rows that came before", endpoint, &["SYSPRO's answer to"], |_, stream| {
            json(stream, &page(&[centre("A"), centre("B"), centre("C")], &link("z")))
        }),
        row("rows nobody asked for", endpoint, &["more rows than the"], |seen, stream| {
            let top: usize = seen.option("$top").parse().unwrap();
            json(stream, &page(&(0..top + 1).map(|at| centre(&format!("{at:09}"))).collect::<Vec<_>>(), ""))
        }),
        row("a page that repeats the credential", endpoint, &["refused"], |seen, stream| {
            let numbered: String = seen
                .authorization
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("\\u{:04X}", c as u32) })
                .collect();
            let body = format!("{{\"error\":{{\"message\":\"{} {} {numbered}\"}}}}", seen.authorization, SECRETS[0]);
            whole(stream, "400 Bad Request", &[("Content-Type", "application/json")], body.as_bytes())
        }),
        row("a large page that repeats the credential where it breaks", endpoint, &["cannot be read"], |seen, stream| {
            json(stream, &format!("{{\"value\":[{{\"x\":\"{}\"}}, {}", "y".repeat(2 << 20), seen.authorization))
        }),
        row("a redirect that repeats the credential", endpoint, &["follows no redirects"], |seen, stream| {
            let there = format!("http://127.0.0.1:1/{}", seen.authorization.replace(' ', "/"));
            whole(stream, "302 Found", &[("Location", &there)], b"")
        }),
        row("a time far away", endpoint, &["too busy"], |_, stream| {
            whole(stream, "503 Service Unavailable", &[("Retry-After", "Fri, 31 Dec 2099 23:59:59 GMT")], b"")
        }),
    ]);
    rows
}

fn comfnd(rows: &[String]) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"Windows-1252\"?>\n<BomCostCentre>{}<RowsReturned>{}</RowsReturned></BomCostCentre>",
        rows.concat(),
        rows.len()
    )
}

fn element(key: &str) -> String {
    format!("<Row><CostCentre>{key}</CostCentre><Description>x</Description></Row>")
}

/// 60 rows: returns as many as requested, after the requested key; `written` writes each.
fn sixty(seen: &ReceivedRequest, written: impl Fn(&str) -> String) -> String {
    let xml = seen.option("XmlIn");
    let keys: Vec<String> = (0..60).map(|at| format!("C{at:02}")).collect();
    let asked = xml.split("<ReturnRows>").nth(1).and_then(|rest| rest.split('<').next()?.parse().ok()).unwrap_or(1);
    let behind = keys.iter().rposition(|key| xml.contains(key.as_str())).map_or(0, |at| at + 1);
    comfnd(&keys.iter().skip(behind).take(asked).map(|key| written(key)).collect::<Vec<_>>())
}

pub fn enet() -> Vec<Row> {
    let endpoint = Endpoint::Enet;
    let mut rows = anywhere(endpoint);
    rows.extend([
        row("rows that say nothing", endpoint, &["more rows than the"], |_, stream| {
            text(stream, &comfnd(&vec!["<Row/>".to_owned(); large() / 7]))
        }),
        row("entities that multiply", endpoint, &["cannot be read"], |_, stream| {
            let levels: String = (1..30).map(|at| format!("<!ENTITY e{at} \"&e{};&e{};\">", at - 1, at - 1)).collect();
            text(stream, &format!("<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY e0 \"aaaaaaaaaa\">{levels}]><x>&e29;</x>"))
        }),
        row("deep XML", endpoint, &["more than 64 elements"], |_, stream| {
            text(stream, &format!("<?xml version=\"1.0\"?>{}", "<a>".repeat(large() / 3)))
        }),
        row("errors without end", endpoint, &["refused"], |_, stream| {
            text(stream, &format!("<x>{}</x>", "<ErrorDescription>no</ErrorDescription>".repeat(large() / 43)))
        }),
        row("no text at all", endpoint, &["e.net"], |_, stream| {
            let noise = [b"<?xml version=\"1.0\" encoding=\"Windows-1252\"?><x>".as_slice(), &vec![0x81; large()]].concat();
            whole(stream, "200 OK", &[("Content-Type", "text/plain")], &noise)
        }),
        row("a text of megabytes", endpoint, &["bytes in `Description`"], |seen, stream| {
            let first = !seen.option("XmlIn").contains("GT");
            let long = format!("<Row><CostCentre>A</CostCentre><Description>{}</Description></Row>", "y".repeat(large()));
            text(stream, &comfnd(&if first { vec![long, element("B")] } else { Vec::new() }))
        })
        .arrives(&["B"]),
        row("new rows without end", endpoint, &["without reaching the end"], |seen, stream| {
            let top = seen.option("XmlIn").split("<ReturnRows>").nth(1).and_then(|rest| rest.split('<').next()?.parse().ok()).unwrap_or(1);
            text(stream, &comfnd(&(0..top).map(|at| element(&format!("{:09}", seen.number * 1000 + at))).collect::<Vec<_>>()))
        })
        .with("SYSPRO__RUN_REQUESTS", "100")
        .with("SYSPRO__PAGE_SIZE", "5")
        .requests(110),
        row("one page for ever", endpoint, &["SYSPRO's answer to"], |_, stream| {
            text(stream, &comfnd(&(0..5).map(|at| element(&at.to_string())).collect::<Vec<_>>()))
        }),
        row("rows out of order", endpoint, &["is not in the order of the key"], |_, stream| {
            text(stream, &comfnd(&[element("B"), element("A")]))
        }),
        row("an error that repeats the session", endpoint, &["refused"], |seen, stream| {
            text(stream, &format!("<x><ErrorDescription>no {}</ErrorDescription></x>", seen.option("UserId")))
        }),
        row("a key of 9000 bytes", endpoint, &["its key has 9000 bytes"], |_, stream| {
            text(stream, &comfnd(&[element("B"), element(&noise()), element("D")]))
        })
        .arrives(&["B", "D"]),
        row("a value twice in every row", endpoint, &["a row has `Description` twice"], |seen, stream| {
            let twice =
                |key: &str| format!("<Row><CostCentre>{key}</CostCentre><Description>x</Description><Description>y</Description></Row>");
            text(stream, &sixty(seen, twice))
        })
        // up to 20 rows in a row are asked for alone
        .requests(120),
        row("a key twice in every row", endpoint, &["a row has `CostCentre` twice"], |seen, stream| {
            text(stream, &sixty(seen, |key| format!("<Row><CostCentre>{key}</CostCentre><CostCentre>{key}</CostCentre></Row>")))
        }),
        row("an element in every value", endpoint, &["the value of `Description` holds an element `b`"], |seen, stream| {
            text(stream, &sixty(seen, |key| format!("<Row><CostCentre>{key}</CostCentre><Description>x<b/></Description></Row>")))
        }),
        row("an element in every key", endpoint, &["the value of `CostCentre` holds an element `b`"], |seen, stream| {
            text(stream, &sixty(seen, |key| format!("<Row><CostCentre>{key}<b/></CostCentre><Description>x</Description></Row>")))
        }),
        row("a session id of megabytes", Endpoint::Logon, &["no session id is longer than"], |_, stream| {
            text(stream, &"A".repeat(large()))
        }),
        row("a session id with control characters", Endpoint::Logon, &["control characters"], |_, stream| {
            text(stream, "3EA6\r\nHost: x\u{1}")
        }),
        row("a logon that repeats the password", Endpoint::Logon, &["refused the logon"], |seen, stream| {
            text(stream, &format!("ERROR: {} is wrong", seen.option("OperatorPassword")))
        }),
    ]);
    rows
}

pub fn servicenow() -> Vec<Row> {
    let mut rows = anywhere(Endpoint::Query);
    rows.extend(anywhere(Endpoint::Token));
    let endpoint = Endpoint::Query;
    rows.extend([
        row("rows that say nothing", endpoint, &["more rows than the"], |_, stream| {
            json(stream, &format!("{{\"result\":[{}{{}}]}}", "{},".repeat(large() / 3)))
        }),
        row("deep JSON", endpoint, &["more than 64 levels"], |_, stream| {
            json(stream, &format!("{{\"result\":[{}{}]}}", "[".repeat(large() / 2), "]".repeat(large() / 2)))
        }),
        row("wide JSON", endpoint, &["more than 2000 members"], |_, stream| {
            let members: Vec<String> = (0..large() / 20).map(|at| format!("\"c{at}\":\"1\"")).collect();
            json(stream, &format!("{{\"result\":[{{{}}}]}}", members.join(",")))
        }),
        row("a page that repeats the token", endpoint, &["refused"], |seen, stream| {
            let body = format!("{{\"error\":{{\"message\":\"no\",\"detail\":\"{}\"}}}}", seen.authorization);
            whole(stream, "400 Bad Request", &[("Content-Type", "application/json")], body.as_bytes())
        }),
        row("a batch of answers that nobody asked for", Endpoint::Write, &["cost"], |seen, stream| match seen.method.as_str() {
            "GET" => json(stream, "{\"result\":[]}"),
            _ => json(stream, &format!("{{\"serviced_requests\":[{}{{\"id\":\"0\"}}]}}", "{\"id\":\"0\"},".repeat(large() / 12))),
        }),
        row("a batch that repeats the token where it is decoded", Endpoint::Write, &["refused it here"], |seen, stream| {
            match seen.method.as_str() {
                "GET" => json(stream, "{\"result\":[]}"),
                _ => {
                    use base64::Engine;
                    let inner = format!("{{\"error\":{{\"message\":\"refused it here: {}\"}}}}", seen.authorization);
                    let inner = base64::prelude::BASE64_STANDARD.encode(inner);
                    let items: Vec<String> =
                        (1..4).map(|id| format!("{{\"id\":\"{id}\",\"status_code\":400,\"body\":\"{inner}\"}}")).collect();
                    json(stream, &format!("{{\"serviced_requests\":[{}],\"unserviced_requests\":[]}}", items.join(",")))
                }
            }
        }),
        row("a token of half a megabyte", Endpoint::Token, &["`access_token` has", "at most 16384 are accepted"], |_, stream| {
            json(stream, &format!("{{\"access_token\":\"{}\",\"expires_in\":1799}}", "t".repeat(500_000)))
        }),
        row("a token of 50 MB", Endpoint::Token, &["larger than 1048576 bytes, which is too large for a token"], |_, stream| {
            json(stream, &format!("{{\"access_token\":\"{}\",\"expires_in\":1799}}", "t".repeat(50_000_000)))
        }),
        row("a token with a line end", Endpoint::Token, &["characters that no header may carry"], |_, stream| {
            json(stream, "{\"access_token\":\"tok3n.5Z-live\\r\\nHost: other\",\"expires_in\":1799}")
        }),
        row("a refusal that repeats the secret", Endpoint::Token, &["refused the token request"], |seen, stream| {
            let body = format!("{{\"error\":\"server_error\",\"error_description\":{}}}", serde_json::Value::from(seen.body.as_str()));
            whole(stream, "401 Unauthorized", &[("Content-Type", "application/json")], body.as_bytes())
        }),
    ]);
    rows
}
