//! Finds the end of a request in a stream of bytes, as far as the pacing needs it: the head up to its empty line, then the announced body.
//! The HTTP service checks whether a request is valid. If the end cannot be found here, nothing after the head is passed on.

/// The longest head line that is examined; a longer one is not a header about the body's length.
const LINE: usize = 256;

/// The position of the stream in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// In the head. `empty`: the current line is still empty; `begun`: an earlier line was not empty.
    Head { empty: bool, begun: bool },
    /// This many bytes of a body are still to come.
    Body(u64),
    /// In the line with the length of the next chunk; with the part read so far.
    Size { size: u64, digits: bool },
    /// This many bytes of a chunk are still to come, its line end included.
    Chunk(u64),
    /// After the last chunk, up to an empty line.
    Trailer { empty: bool },
    /// The request is complete.
    End,
    /// The end cannot be found.
    Lost,
}

/// Follows the requests of one connection.
#[derive(Debug)]
pub(super) struct Framing {
    at: At,
    line: Vec<u8>,
    length: Option<u64>,
    chunked: bool,
    /// Whether the head has an unknown header about its body.
    unclear: bool,
}

impl Framing {
    pub(super) fn new() -> Self {
        Self { at: At::Head { empty: true, begun: false }, line: Vec::new(), length: None, chunked: false, unclear: false }
    }

    /// Takes the bytes that belong to the current request; answers how many.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() && !self.is_whole() {
            taken += match self.at {
                At::Body(left) => self.skip(left, bytes.len() - taken, At::Body, At::End),
                At::Chunk(left) => self.skip(left, bytes.len() - taken, At::Chunk, At::Size { size: 0, digits: false }),
                _ => {
                    self.byte(bytes[taken]);
                    1
                }
            };
        }
        taken
    }

    /// Whether the current request is complete.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.at, At::End | At::Lost)
    }

    /// Whether a head has started and is not complete.
    pub(super) fn is_in_head(&self) -> bool {
        matches!(self.at, At::Head { empty, begun } if begun || !empty)
    }

    /// Whether the current request has not started; empty lines before a request do not count.
    pub(super) fn is_new(&self) -> bool {
        matches!(self.at, At::Head { empty: true, begun: false })
    }

    /// Prepares for the next request. Answers whether its start can be found.
    pub(super) fn next(&mut self) -> bool {
        if self.at == At::Lost {
            return false;
        }
        *self = Self::new();
        true
    }

    fn skip(&mut self, left: u64, there: usize, more: fn(u64) -> At, then: At) -> usize {
        let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(there);
        let left = left - skipped as u64;
        self.at = if left == 0 { then } else { more(left) };
        skipped
    }

    fn byte(&mut self, byte: u8) {
        self.at = match (self.at, byte) {
            // lines may end without CR, and empty lines may come before a head
            (At::Head { empty, begun }, b'\n') => match (empty, begun) {
                (true, true) => self.after_head(),
                (true, false) => At::Head { empty: true, begun: false },
                (false, _) => {
                    self.header();
                    At::Head { empty: true, begun: true }
                }
            },
            (At::Head { empty: true, begun }, b'\r') => At::Head { empty: true, begun },
            (At::Head { begun, .. }, byte) => {
                if self.line.len() < LINE {
                    self.line.push(byte);
                }
                At::Head { empty: false, begun }
            }
            (At::Size { digits: false, .. }, b'\n') => At::Lost,
            (At::Size { size: 0, .. }, b'\n') => At::Trailer { empty: true },
            (At::Size { size, .. }, b'\n') => size.checked_add(2).map_or(At::Lost, At::Chunk),
            (At::Size { size, digits }, byte) => match (byte as char).to_digit(16).filter(|_| self.line.is_empty()) {
                Some(digit) => match size.checked_mul(16).and_then(|size| size.checked_add(digit.into())) {
                    Some(size) => At::Size { size, digits: true },
                    None => At::Lost,
                },
                None => {
                    // an extension, or spaces: later digits do not belong to the size
                    self.line.push(byte);
                    self.line.truncate(1);
                    At::Size { size, digits }
                }
            },
            (At::Trailer { empty: true }, b'\n') => At::End,
            (At::Trailer { .. }, b'\n') => At::Trailer { empty: true },
            (At::Trailer { empty: true }, b'\r') => At::Trailer { empty: true },
            (At::Trailer { .. }, _) => At::Trailer { empty: false },
            (at, _) => at,
        };
        if matches!(self.at, At::Chunk(_)) {
            self.line.clear();
        }
    }

    /// Reads a line of the head about the body.
    fn header(&mut self) {
        let line = std::mem::take(&mut self.line);
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
        let (name, value) = (line[..colon].trim_ascii().to_ascii_lowercase(), line[colon + 1..].trim_ascii());
        match name.as_slice() {
            b"content-length" => {
                let number = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                let number = number.and_then(|text| text.parse().ok());
                self.unclear |= number.is_none() || self.length.is_some();
                self.length = number;
            }
            b"transfer-encoding" => {
                self.unclear |= self.chunked || !value.eq_ignore_ascii_case(b"chunked");
                self.chunked = true;
            }
            _ => {}
        }
    }

    fn after_head(&mut self) -> At {
        match (self.length, self.chunked) {
            _ if self.unclear => At::Lost,
            (Some(_), true) => At::Lost,
            (None, true) => At::Size { size: 0, digits: false },
            (None | Some(0), false) => At::End,
            (Some(length), false) => At::Body(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The requests in a stream that arrives in pieces of this size.
    fn split(stream: &str, piece: usize) -> Vec<String> {
        let (mut framing, mut rest, mut found, mut request) = (Framing::new(), stream.as_bytes(), Vec::new(), Vec::new());
        while !rest.is_empty() {
            let taken = framing.take(&rest[..piece.min(rest.len())]);
            request.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if framing.is_whole() {
                found.push(String::from_utf8(std::mem::take(&mut request)).unwrap());
                if !framing.next() {
                    break;
                }
            }
        }
        found
    }

    const REQUESTS: &[&str] = &[
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\n\n",
        "\r\n\r\nGET /a HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n\n\n\r\n\n",
        "POST / HTTP/1.1\r\ncontent-length:0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1a\r\nabc\r\n\r\n1\r\nz\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\nTrailer: 1\r\n\r\n",
    ];

    /// The same bytes belong to each request, in whatever pieces they arrive.
    #[test]
    fn fuzz_bytes_of_any_form() {
        use crate::fuzz::{Target, fuzz};
        let words = &[
            "GET / HTTP/1.1\r\n",
            "\r\n",
            "\n",
            "Content-Length: ",
            "Transfer-Encoding: chunked\r\n",
            "0\r\n",
            "5\r\nhello\r\n",
            "ffffffffffffffff",
            ";",
            ":",
            ",",
            "\t",
            " 4",
        ];
        let requests = |input: &[u8], step: usize| {
            let (mut framing, mut ends, mut at) = (Framing::new(), Vec::new(), 0);
            while at < input.len() {
                let taken = framing.take(&input[at..(at + step).min(input.len())]);
                at += taken;
                if framing.is_whole() {
                    ends.push(at);
                    if !framing.next() {
                        break;
                    }
                    assert!(framing.is_new());
                } else {
                    assert!(taken > 0, "no byte is taken of a request that is not whole");
                }
            }
            (ends, framing.is_in_head(), framing.is_new())
        };
        let target = Target { name: "http_framing", words, seeds: Vec::new(), tries: 400 };
        fuzz(target, |input| {
            let whole = requests(input, usize::MAX - input.len());
            for step in [1, 7] {
                assert_eq!(requests(input, step), whole);
            }
            format!("{} {} {}", whole.0.len().min(4), whole.1, whole.2)
        });
    }

    proptest! {
        #[test]
        fn requests_are_told_apart_however_they_arrive(
            chosen in proptest::collection::vec(proptest::sample::select(REQUESTS), 0..8),
            piece in 1usize..40,
        ) {
            prop_assert_eq!(split(&chosen.concat(), piece), chosen);
        }
    }

    #[test]
    fn what_cannot_be_told_lets_nothing_pass_that_follows() {
        let next = "GET / HTTP/1.1\r\n\r\n";
        for head in [
            "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        ] {
            assert_eq!(split(&format!("{head}{next}"), 7), [head], "{head:?}");
        }
    }

    #[test]
    fn a_head_is_under_way_from_its_first_letter_to_its_empty_line() {
        let mut framing = Framing::new();
        let mut say = |text: &str| {
            framing.take(text.as_bytes());
            framing.is_in_head()
        };
        assert_eq!(["\r\n", "G", "ET / HTTP/1.1\r\n", "A: b\r\n", "\r\n"].map(&mut say), [false, true, true, true, false]);
    }
}
