//! A connection that fails where the other end is silent for too long while something is expected of it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::Patience;

/// What a client that speaks HTTP/2 from the start begins with (RFC 9113, 3.4). Until it is clear whether this comes, the
/// bytes are with nobody who has a limit of his own.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

type Deadline = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) struct Watched {
    stream: TcpStream,
    patience: Patience,
    /// How much of the preface has come, and until when it must be clear; `None` once it is.
    beginning: Option<(usize, Deadline)>,
    /// Until when the other end must take something; `None` while nothing waits for it.
    taking: Option<Deadline>,
    /// Whether the other end was too slow: TLS would still say goodbye to it.
    is_over: bool,
}

impl Watched {
    pub(super) fn new(stream: TcpStream, patience: Patience) -> Self {
        let deadline: Deadline = Box::pin(app::clock::patience(patience.head));
        Self { stream, patience, beginning: Some((0, deadline)), taking: None, is_over: false }
    }

    /// Takes note of what has come.
    fn came(&mut self, bytes: &[u8]) {
        let Some((before, _)) = &mut self.beginning else { return };
        let awaited = PREFACE.get(*before..).unwrap_or_default();
        *before += bytes.len();
        // Nothing at all is the end of the connection.
        let is_open = !bytes.is_empty() && awaited.len() > bytes.len() && awaited.starts_with(bytes);
        if !is_open {
            self.beginning = None;
        }
    }

    /// Fails where what was written waits for too long.
    fn written<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.taking = None;
            return written;
        }
        let limit = self.patience.answer;
        let deadline = self.taking.get_or_insert_with(|| Box::pin(app::clock::patience(limit)));
        ready!(deadline.as_mut().poll(cx));
        self.end()
    }

    fn end<T>(&mut self) -> Poll<io::Result<T>> {
        self.is_over = true;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over {
            return self.end();
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending => {
                let Some((_, deadline)) = &mut self.beginning else { return Poll::Pending };
                ready!(deadline.as_mut().poll(cx));
                self.end()
            }
            read @ Poll::Ready(_) => {
                self.came(buf.filled().get(before..).unwrap_or_default());
                read
            }
        }
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_over {
            return self.end();
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_over {
            return self.end();
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
