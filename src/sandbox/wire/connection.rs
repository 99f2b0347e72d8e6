//! Connections that can be cut.
//!
//! A reply that is lost after the effect is the failure that client tokens exist for, so the
//! sandbox must be able to close a connection without a byte of answer, or reset it in the middle
//! of one. HTTP servers do not let a handler do that; the socket underneath does.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// What [`Cut::reset_after`] holds while the connection is not to be reset.
const NO_RESET: u64 = u64::MAX;

/// The switch of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    cut: Arc<AtomicBool>,
    /// Bytes that may still be written before the connection is reset.
    reset_after: Arc<AtomicU64>,
    /// Whether a whole request has been read and is being answered.
    answering: Arc<AtomicBool>,
    shutdown: CancellationToken,
}

impl Cut {
    /// The switch of a connection of a server that stops at `shutdown`.
    pub(crate) fn new(shutdown: CancellationToken) -> Self {
        Self {
            cut: Arc::default(),
            reset_after: Arc::new(AtomicU64::new(NO_RESET)),
            answering: Arc::default(),
            shutdown,
        }
    }

    /// Closes the connection before anything more is written to it.
    pub(crate) fn now(&self) {
        self.cut.store(true, Ordering::Release);
    }

    /// Resets the connection once so many more bytes are written to it, and more are to come.
    pub(crate) fn reset_after(&self, bytes: u64) {
        self.reset_after.store(bytes.min(NO_RESET - 1), Ordering::Release);
    }

    /// Says whether a request is being answered.
    pub(crate) fn set_answering(&self, answering: bool) {
        self.answering.store(answering, Ordering::Release);
    }

    /// Completes once the server stops: whoever holds an answer back stops doing so then.
    pub(crate) async fn shutdown(&self) {
        self.shutdown.cancelled().await;
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }
}

impl Connected<IncomingStream<'_, Doorman>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Doorman>) -> Self {
        stream.io().cut.clone()
    }
}

/// Accepts connections and gives each its switch.
#[derive(Debug)]
pub(crate) struct Doorman {
    pub(crate) listener: TcpListener,
    pub(crate) shutdown: CancellationToken,
}

impl Listener for Doorman {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Answers are small and clients wait for them: Nagle's algorithm only adds delay.
        let _ = stream.set_nodelay(true);
        let shutdown = Box::pin(self.shutdown.clone().cancelled_owned());
        (Connection { stream, cut: Cut::new(self.shutdown.clone()), shutdown }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A TCP connection with a switch. After shutdown it reads as ended unless a request is being
/// answered, so that a client that stopped halfway through a request cannot hold the server up.
pub(crate) struct Connection {
    stream: TcpStream,
    cut: Cut,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("stream", &self.stream).field("cut", &self.cut).finish_non_exhaustive()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.cut.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => match self.shutdown.as_mut().poll(cx) {
                Poll::Ready(()) if !self.cut.answering.load(Ordering::Acquire) => Poll::Ready(Ok(())),
                Poll::Ready(()) | Poll::Pending => Poll::Pending,
            },
            ready => ready,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.cut.is_cut() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let left = self.cut.reset_after.load(Ordering::Acquire);
        if left == NO_RESET {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        }
        if left == 0 {
            // Closing without lingering sends a reset instead of an end. If the system refuses, the
            // client sees an answer that ends too early, which is nearly as bad.
            let _ = self.stream.set_zero_linger();
            self.cut.now();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let part = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &bytes[..part]))?;
        self.cut.reset_after.fetch_sub(u64::try_from(written).unwrap_or(left), Ordering::AcqRel);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A proper end before the reset would look like one.
        if self.cut.reset_after.load(Ordering::Acquire) == 0 {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
