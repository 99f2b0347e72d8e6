//! Connections that can be cut.
//!
//! A reply that is lost after the effect is the failure that client tokens exist for, so the
//! sandbox must be able to close a connection without a byte of answer. HTTP servers do not let a
//! handler do that; the socket underneath does.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The switch of one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cut {
    cut: Arc<AtomicBool>,
    /// Whether a whole request has been read and is being answered.
    answering: Arc<AtomicBool>,
}

impl Cut {
    /// Closes the connection before anything more is written to it.
    pub(crate) fn now(&self) {
        self.cut.store(true, Ordering::Release);
    }

    /// Says whether a request is being answered.
    pub(crate) fn set_answering(&self, answering: bool) {
        self.answering.store(answering, Ordering::Release);
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
        (Connection { stream, cut: Cut::default(), shutdown }, address)
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
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
