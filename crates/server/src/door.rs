//! The way in: a listener that can be closed before the server stops.

use std::future::pending;
use std::io;

use axum::serve::Listener;
use tokio_util::sync::CancellationToken;

/// A listener that takes no connection any more once it is told to close. The server goes on with those it has; the
/// socket is given back at once, so that the next process gets the connections that come, or they are refused.
#[derive(Debug)]
pub struct Door<L> {
    listener: Option<L>,
    closing: CancellationToken,
}

impl<L> Door<L> {
    /// Open until `closing`.
    pub const fn new(listener: L, closing: CancellationToken) -> Self {
        Self { listener: Some(listener), closing }
    }
}

impl<L: Listener> Listener for Door<L> {
    type Io = L::Io;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        if let Some(listener) = &mut self.listener {
            tokio::select! {
                accepted = listener.accept() => return accepted,
                () = self.closing.cancelled() => {}
            }
            self.listener = None;
        }
        pending().await
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        match &self.listener {
            Some(listener) => listener.local_addr(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}
