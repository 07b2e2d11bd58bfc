//! The socket in front of the HTTP service: one current request per connection, no reading while an answer is not read, and a time limit
//! for each.
//!
//! The HTTP service decodes up to sixteen requests ahead and stores their answers in memory, whether or not anybody reads them. Here the
//! next request is passed on when the answer to the one before was sent, and a little later if it arrived before that.

mod connection_limit;
mod framing;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_rt::net::{ActixStream, Ready};
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::web::{Buf, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

pub(super) use self::connection_limit::ConnectionLimit;
use self::connection_limit::{ConnectionState, MOST, Permit, Slot, Waits};
use self::framing::Framing;

/// How many connections a worker of the server may accept at once: those with a slot and those that wait for one.
pub(super) const PER_WORKER: usize = 2 * MOST;
/// The time limit for a head, from its first byte to its last.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The time limit for a client to read [`WRITE_STEP`] bytes, or the rest.
const WRITE_TIME: Duration = Duration::from_secs(20);
/// A client that reads this many bytes in time counts as reading.
const WRITE_STEP: usize = 16 << 10;
/// Bytes read from the socket at once.
const READ_STEP: usize = 8 << 10;
/// The most unread bytes of an answer that the system buffers; it doubles the value, and without a limit it would buffer megabytes.
const SEND_BUFFER: usize = 64 << 10;
/// How much longer a request waits that arrived before the earlier answer was sent: a client that reads its answers does not send that
/// early, and each such request causes work.
const SENT_AHEAD: Duration = Duration::from_secs(1);
/// What a connection of the reserve may request.
const FOR_HEALTH: &[u8] = b"GET /health/";

/// An accepted socket with its slot.
pub(super) struct Admitted {
    socket: TcpStream,
    permit: Permit,
}

/// Gives an accepted socket its slot.
///
/// # Errors
/// When there is none; the socket is closed.
pub(super) async fn accept(socket: TcpStream, limit: &Arc<ConnectionLimit>) -> io::Result<Admitted> {
    let address = socket.peer_addr()?.ip();
    SockRef::from(&socket).set_send_buffer_size(SEND_BUFFER)?;
    match limit.come(address).await {
        Some(permit) => Ok(Admitted { socket, permit }),
        None => Err(io::Error::new(io::ErrorKind::ConnectionRefused, "too many connections at once")),
    }
}

/// The error of a connection that has lost its slot; its waiting task is woken.
fn keep_place(state: &ConnectionState, cx: &Context<'_>) -> io::Result<()> {
    if state.is_displaced(cx) {
        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "another connection has its slot"));
    }
    Ok(())
}

impl AsyncRead for Admitted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // also during a handshake
        keep_place(&self.permit.state, cx)?;
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Admitted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    // the alert that ends a handshake is written once, in several pieces
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

impl ActixStream for Admitted {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.socket, cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.socket, cx)
    }
}

/// Passes the requests of one connection on, one after another. `T`: the socket, or TLS over it.
pub(super) struct OneAtATime<T> {
    stream: T,
    slot: Slot,
    state: Arc<ConnectionState>,
    framing: Framing,
    /// Bytes that were read, and not passed on yet.
    held: BytesMut,
    /// The first bytes of the current head; only for a connection of the reserve.
    begin: Vec<u8>,
    /// Whether some answer was read completely.
    served: bool,
    /// Whether some bytes of the answer were read.
    answered: bool,
    /// Whether all written bytes were sent.
    flushed: bool,
    /// The task that waits to read the next request.
    reader: Option<Waker>,
    head: Option<Pin<Box<Sleep>>>,
    /// Until when a request that arrived early waits.
    ahead: Option<Pin<Box<Sleep>>>,
    write: Option<(Pin<Box<Sleep>>, usize)>,
}

/// A stream over a socket with a slot.
pub(super) trait OverAdmitted {
    fn admitted(&self) -> &Admitted;
}

impl OverAdmitted for Admitted {
    fn admitted(&self) -> &Admitted {
        self
    }
}

impl OverAdmitted for TlsStream<Admitted> {
    fn admitted(&self) -> &Admitted {
        self.get_ref().0
    }
}

/// A connection for the HTTP service: the stream, and the client's address.
pub(super) fn one_at_a_time<T: OverAdmitted>(stream: T) -> (OneAtATime<T>, Option<SocketAddr>) {
    let admitted = stream.admitted();
    let (peer, slot, state) = (admitted.socket.peer_addr().ok(), admitted.permit.slot, admitted.permit.state.clone());
    (OneAtATime::new(stream, slot, state), peer)
}

impl<T> OneAtATime<T> {
    fn new(stream: T, slot: Slot, state: Arc<ConnectionState>) -> Self {
        Self {
            stream,
            slot,
            state,
            served: false,
            framing: Framing::new(),
            held: BytesMut::new(),
            begin: Vec::new(),
            answered: false,
            flushed: true,
            reader: None,
            head: None,
            ahead: None,
            write: None,
        }
    }
}

impl<T> OneAtATime<T> {
    /// Updates who waits for whom.
    fn tell(&self) {
        let answered = self.answered && self.flushed;
        self.state.set_waits(if self.ahead.is_some() {
            Waits::InVain
        } else if self.write.is_some() {
            Waits::Service
        } else if self.framing.is_whole() {
            if answered { Waits::Nobody } else { Waits::Client }
        } else if self.served && self.framing.is_new() {
            Waits::Nobody
        } else {
            Waits::Service
        });
    }

    /// Ends the connection when a head takes too long.
    fn head_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !self.framing.is_in_head() {
            self.head = None;
            return Ok(());
        }
        let sleep = self.head.get_or_insert_with(|| Box::pin(sleep(HEAD_TIME)));
        match sleep.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::Error::new(io::ErrorKind::TimedOut, "the head of a request took too long")),
            Poll::Pending => Ok(()),
        }
    }

    /// Ends the connection when an answer is not read.
    fn write_time(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let (sleep, _) = self.write.get_or_insert_with(|| (Box::pin(sleep(WRITE_TIME)), 0));
        match sleep.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client did not read the answer")),
            Poll::Pending => Ok(()),
        }
    }

    fn has_written(&mut self, bytes: &[u8]) {
        // a 100 (Continue) is not the answer
        self.answered |= self.framing.is_whole() || !bytes.starts_with(b"HTTP/1.1 100");
        self.flushed = false;
        if let Some((_, taken)) = &mut self.write {
            *taken += bytes.len();
            if *taken >= WRITE_STEP {
                self.write = None;
            }
        }
    }

    fn has_flushed(&mut self) {
        (self.write, self.flushed) = (None, true);
        self.served |= self.answered && self.framing.is_whole();
        if self.may_read() {
            self.reader.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Whether more may be passed on: of the current request or, once its answer was sent, of the next.
    fn may_read(&mut self) -> bool {
        if self.write.is_some() {
            return false;
        }
        if self.framing.is_whole() {
            if !self.answered || !self.flushed || !self.framing.next() {
                return false;
            }
            self.answered = false;
            self.begin.clear();
            self.ahead = (!self.held.is_empty()).then(|| Box::pin(sleep(SENT_AHEAD)));
        }
        true
    }

    /// Passes on the bytes of the current request.
    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        let most = self.held.len().min(buf.remaining());
        let taken = self.framing.take(&self.held[..most]);
        if self.slot == Slot::Reserved {
            let missing = FOR_HEALTH.len() - self.begin.len();
            self.begin.extend_from_slice(&self.held[..taken.min(missing)]);
            if !FOR_HEALTH.starts_with(&self.begin) {
                return Err(io::Error::new(
                    io::ErrorKind::ConnectionRefused,
                    "too many connections at once: this one is only for health requests",
                ));
            }
        }
        buf.put_slice(&self.held[..taken]);
        self.held.advance(taken);
        Ok(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for OneAtATime<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        keep_place(&this.state, cx)?;
        let may_read = this.may_read();
        this.tell();
        // an unread or unfinished answer blocks the next request
        if !may_read {
            this.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if let Some(ahead) = &mut this.ahead {
            if ahead.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.ahead = None;
        }
        if this.held.is_empty() {
            let mut piece = [0; READ_STEP];
            let mut piece = ReadBuf::new(&mut piece);
            if Pin::new(&mut this.stream).poll_read(cx, &mut piece)?.is_pending() {
                this.head_time(cx)?;
                return Poll::Pending;
            }
            if piece.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.held.extend_from_slice(piece.filled());
        }
        this.hand_on(buf)?;
        this.tell();
        this.head_time(cx)?;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for OneAtATime<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        keep_place(&this.state, cx)?;
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes)?;
        match written {
            Poll::Ready(written) => this.has_written(&bytes[..written]),
            Poll::Pending => this.write_time(cx)?,
        }
        this.tell();
        written.map(Ok)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        keep_place(&this.state, cx)?;
        let flushed = Pin::new(&mut this.stream).poll_flush(cx)?;
        match flushed {
            Poll::Ready(()) => this.has_flushed(),
            Poll::Pending => this.write_time(cx)?,
        }
        this.tell();
        flushed.map(Ok)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.state.set_waits(Waits::InVain);
        let shut = Pin::new(&mut this.stream).poll_shutdown(cx)?;
        if shut.is_pending() {
            this.write_time(cx)?;
        }
        shut.map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    const REQUEST: &str = "GET /a HTTP/1.1\r\n\r\n";

    fn pair(slot: Slot) -> (DuplexStream, OneAtATime<DuplexStream>) {
        let (client, server) = duplex(1 << 20);
        (client, OneAtATime::new(server, slot, ConnectionState::new()))
    }

    /// Everything that is passed on until nothing more is.
    async fn handed_on(server: &mut OneAtATime<DuplexStream>) -> String {
        let mut all = Vec::new();
        while let Ok(read) = timeout(2 * SENT_AHEAD, server.read_buf(&mut all)).await {
            if read.unwrap() == 0 {
                break;
            }
        }
        String::from_utf8(all).unwrap()
    }

    async fn answer(server: &mut OneAtATime<DuplexStream>, text: &str) {
        server.write_all(text.as_bytes()).await.unwrap();
        server.flush().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_handed_on_when_the_answer_to_the_one_before_has_left() {
        let (mut client, mut server) = pair(Slot::Ordinary);
        client.write_all(REQUEST.repeat(3).as_bytes()).await.unwrap();
        assert_eq!(handed_on(&mut server).await, REQUEST);
        assert_eq!(handed_on(&mut server).await, "", "the second waits");
        server.write_all(b"HTTP/1.1 200 OK").await.unwrap();
        assert_eq!(handed_on(&mut server).await, "", "its answer has not left");
        server.flush().await.unwrap();
        assert_eq!(handed_on(&mut server).await, REQUEST);
        answer(&mut server, "HTTP/1.1 200 OK").await;
        assert_eq!(handed_on(&mut server).await, REQUEST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_was_sent_ahead_waits_a_little_longer() {
        let (mut client, mut server) = pair(Slot::Ordinary);
        client.write_all(REQUEST.repeat(2).as_bytes()).await.unwrap();
        let mut all = Vec::new();
        server.read_buf(&mut all).await.unwrap();
        answer(&mut server, "HTTP/1.1 200 OK").await;
        let began = tokio::time::Instant::now();
        server.read_buf(&mut all).await.unwrap();
        assert!(began.elapsed() >= SENT_AHEAD && all.len() == 2 * REQUEST.len());
        answer(&mut server, "HTTP/1.1 200 OK").await;
        client.write_all(REQUEST.as_bytes()).await.unwrap();
        let began = tokio::time::Instant::now();
        server.read_buf(&mut all).await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO, "one that comes after its answer is taken up at once");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_comes_after_the_word_to_go_on_and_also_after_an_early_answer() {
        for (said, next) in [("HTTP/1.1 100 Continue\r\n\r\n", ""), ("HTTP/1.1 413 Payload Too Large\r\n\r\n", REQUEST)] {
            let (mut client, mut server) = pair(Slot::Ordinary);
            client.write_all(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n").await.unwrap();
            assert!(handed_on(&mut server).await.starts_with("POST"));
            answer(&mut server, said).await;
            client.write_all(format!("body{REQUEST}").as_bytes()).await.unwrap();
            assert_eq!(handed_on(&mut server).await, format!("body{next}"), "{said}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_and_an_answer_have_their_time() {
        let (mut client, mut server) = pair(Slot::Ordinary);
        client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let mut all = Vec::new();
        server.read_buf(&mut all).await.unwrap();
        assert_eq!(server.read_buf(&mut all).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // the client does not read
        let (_client, mut server) = pair(Slot::Ordinary);
        let unread = server.write_all(&vec![0; 2 << 20]).await.unwrap_err();
        assert_eq!(unread.kind(), io::ErrorKind::TimedOut);
        // the HTTP service handles an idle connection
        let (_client, mut server) = pair(Slot::Ordinary);
        assert!(timeout(10 * HEAD_TIME, server.read_buf(&mut all)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_of_the_reserve_is_for_health() {
        for (asked, given) in [("GET /health/live HTTP/1.1\r\n\r\n", true), ("GET /healthy HTTP/1.1\r\n\r\n", false), ("POST /", false)] {
            let (mut client, mut server) = pair(Slot::Reserved);
            let mut all = Vec::new();
            let mut taken = Ok(0);
            for byte in asked.as_bytes() {
                client.write_all(&[*byte]).await.unwrap();
                taken = server.read_buf(&mut all).await;
                if taken.is_err() {
                    break;
                }
            }
            assert_eq!(taken.is_ok(), given, "{asked}");
        }
    }
}
