//! The body of an answer: read in pieces, decompressed here, and never more of it than the limit.
//!
//! awc would decompress each piece completely, whatever its size: some kilobytes of gzip become megabytes, and the limit would be checked
//! afterwards. So only gzip is accepted, and it is decompressed into a buffer that ends at the limit. Large answers of one system are read
//! one at a time: the limit is for one answer, and several connections together must not take a multiple of it.

use std::io::{self, Write};
use std::time::Duration;

use actix_web::web::Bytes;
use awc::error::PayloadError;
use flate2::write::GzDecoder;
use futures_util::{Stream, StreamExt};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

use crate::telemetry::labels::System;

/// The accepted encoding.
pub(super) const ACCEPTED: &str = "gzip";

/// Answers up to this size are read concurrently.
const SMALL: usize = 1 << 20;

/// The smallest growth of a buffer. It never doubles: at the limit, twice the limit would be in memory, plus the copy.
const GROWTH: usize = 64 << 10;

/// Permits to read a large answer, one per system.
static PERMITS: [Semaphore; 6] = [const { Semaphore::const_new(1) }; 6];

/// The permit to read a large answer; released when it is dropped.
pub(super) type LargeBodyPermit = Option<SemaphorePermit<'static>>;

/// Why a body was not read completely.
#[derive(Debug, PartialEq)]
pub(super) enum Unread {
    /// It is larger than the limit.
    TooLarge,
    /// It ended early, or its compressed data are damaged.
    Broken(String),
    /// It has another encoding than accepted.
    Packed(String),
    /// It has not arrived in time.
    Late,
    /// It is large, and no permit to read it became free.
    Crowded,
}

/// The time limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For the body, without the wait for its permit: another slow answer does not use up this one's time.
    pub(super) body: Duration,
    /// For the permit to read a large body.
    pub(super) permit: Duration,
}

/// Reads a body. `encoding` and `length` come from the headers.
pub(super) async fn read(
    system: System,
    patience: Patience,
    mut stream: impl Stream<Item = Result<Bytes, PayloadError>> + Unpin,
    encoding: Option<&str>,
    length: Option<u64>,
    limit: usize,
) -> Result<(Bytes, LargeBodyPermit), Unread> {
    if length.is_some_and(|length| length > limit as u64) {
        return Err(Unread::TooLarge);
    }
    let mut permit = None;
    let room = Buffer { bytes: Vec::new(), limit };
    let mut unpacking = match encoding.map(|word| word.trim().to_ascii_lowercase()).as_deref() {
        None | Some("" | "identity") => Unpacking::None(room),
        Some("gzip" | "x-gzip") => Unpacking::Gzip(Box::new(GzDecoder::new(room))),
        Some(other) => return Err(Unread::Packed(other.chars().filter(char::is_ascii_graphic).take(40).collect())),
    };
    let mut until = Instant::now() + patience.body;
    while let Some(piece) = timeout_at(until, stream.next()).await.map_err(|_| Unread::Late)? {
        let piece = piece.map_err(|error| Unread::Broken(error.to_string()))?;
        if permit.is_none() && unpacking.read() + piece.len() > SMALL {
            let asked = Instant::now();
            permit = timeout(patience.permit, PERMITS[system as usize % PERMITS.len()].acquire()).await.map_err(|_| Unread::Crowded)?.ok();
            until += asked.elapsed();
        }
        unpacking.take(&piece)?;
    }
    Ok((unpacking.end()?.into(), permit))
}

/// A body while it is read into memory.
enum Unpacking {
    None(Buffer),
    Gzip(Box<GzDecoder<Buffer>>),
}

impl Unpacking {
    /// The number of bytes so far.
    fn read(&self) -> usize {
        match self {
            Self::None(buffer) => buffer.bytes.len(),
            Self::Gzip(decoder) => decoder.get_ref().bytes.len(),
        }
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), Unread> {
        match self {
            Self::None(buffer) => buffer.write_all(piece).map_err(unread),
            Self::Gzip(decoder) => decoder.write_all(piece).map_err(unread),
        }
    }

    fn end(self) -> Result<Vec<u8>, Unread> {
        match self {
            Self::None(buffer) => Ok(buffer.bytes),
            Self::Gzip(decoder) => decoder.finish().map(|buffer| buffer.bytes).map_err(unread),
        }
    }
}

fn unread(error: io::Error) -> Unread {
    match error.kind() {
        io::ErrorKind::FileTooLarge => Unread::TooLarge,
        _ => Unread::Broken(format!("it is not a complete gzip stream: {error}")),
    }
}

/// A buffer with a fixed limit.
struct Buffer {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.bytes.len() + bytes.len();
        if length > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if length > self.bytes.capacity() {
            self.bytes.reserve_exact(bytes.len().max(self.bytes.len() / 4).max(GROWTH));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures_util::stream;

    use super::*;

    const PATIENCE: Patience = Patience { body: Duration::from_secs(60), permit: Duration::from_secs(75) };

    async fn read(pieces: Vec<Vec<u8>>, encoding: Option<&str>, limit: usize) -> Result<usize, Unread> {
        let pieces = stream::iter(pieces.into_iter().map(|piece| Ok(Bytes::from(piece))));
        super::read(System::Notices, PATIENCE, pieces, encoding, None, limit).await.map(|(body, _)| body.len())
    }

    fn packed(length: usize) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![b'0'; length]).expect("in memory");
        encoder.finish().expect("in memory")
    }

    #[tokio::test]
    async fn reading_stops_at_the_limit_packed_or_not() {
        assert_eq!(read(vec![vec![0; 600], vec![0; 400]], None, 1000).await, Ok(1000));
        assert_eq!(read(vec![vec![0; 600], vec![0; 401]], None, 1000).await, Err(Unread::TooLarge));
        let bomb = packed(10 << 20);
        assert!(bomb.len() < 20_000, "{}", bomb.len());
        assert_eq!(read(vec![bomb.clone()], Some("gzip"), 10 << 20).await, Ok(10 << 20));
        assert_eq!(read(vec![bomb.clone()], Some("GZIP"), (10 << 20) - 1).await, Err(Unread::TooLarge));
        let cut = read(vec![bomb[..bomb.len() / 2].to_vec()], Some("gzip"), 100 << 20).await;
        assert!(matches!(cut, Err(Unread::Broken(_))), "{cut:?}");
        assert_eq!(read(vec![b"x".to_vec()], Some("br"), 1000).await, Err(Unread::Packed("br".into())));
    }

    #[tokio::test]
    async fn a_length_beyond_the_limit_is_not_waited_for() {
        let never = stream::pending::<Result<Bytes, PayloadError>>();
        assert_eq!(super::read(System::Notices, PATIENCE, never, None, Some(2 << 30), 1000).await.map(drop), Err(Unread::TooLarge));
    }

    /// Two large pieces, each after N seconds.
    fn slow(seconds: u64) -> impl Stream<Item = Result<Bytes, PayloadError>> + Unpin {
        Box::pin(stream::iter(0..2).then(move |_| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(Bytes::from(vec![0; SMALL]))
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_takes_no_time_from_the_next_large_one() {
        let large = |seconds| super::read(System::SysproEnet, PATIENCE, slow(seconds), None, None, 4 * SMALL);
        let begun = Instant::now();
        // the first becomes large with its second piece, after 58 s, and holds the permit until it has been processed
        let first = async {
            let read = large(29).await;
            tokio::time::sleep(Duration::from_secs(10)).await;
            read.map(|(body, _)| body.len())
        };
        let second = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            large(29).await.map(|(body, _)| body.len())
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!((first, second), (Ok(2 * SMALL), Ok(2 * SMALL)));
        // the second answer's last piece came at 59 s; with the wait for its permit it took 67 s
        assert_eq!(begun.elapsed().as_secs(), 68);
    }

    #[tokio::test(start_paused = true)]
    async fn neither_a_body_nor_a_turn_is_waited_for_without_end() {
        let system = System::SysproOdata;
        let begun = Instant::now();
        let late = super::read(system, PATIENCE, slow(61), None, None, 4 * SMALL).await.map(drop);
        assert_eq!((late, begun.elapsed().as_secs()), (Err(Unread::Late), 60));
        let held = super::read(system, PATIENCE, slow(1), None, None, 4 * SMALL).await.expect("read");
        let begun = Instant::now();
        let crowded = super::read(system, PATIENCE, slow(1), None, None, 4 * SMALL).await.map(drop);
        assert_eq!((crowded, begun.elapsed().as_secs()), (Err(Unread::Crowded), 2 + PATIENCE.permit.as_secs()));
        drop(held);
        assert!(super::read(system, PATIENCE, slow(1), None, None, 4 * SMALL).await.is_ok());
    }

    #[test]
    fn a_buffer_at_its_limit_has_not_doubled() {
        let mut buffer = Buffer { bytes: Vec::new(), limit: 16 << 20 };
        while buffer.write(&[0; 9000]).is_ok() {}
        assert!(buffer.bytes.len() > (16 << 20) - 9000 && buffer.bytes.capacity() <= 20 << 20, "{}", buffer.bytes.capacity());
    }
}
