//! Nodes: the processes that serve one installation.

use crate::tenant::words;

words! {
    /// How a node is.
    NodeStatus {
        /// It gives signs of life.
        Alive = "alive",
        /// It gives none and has not said goodbye: killed, stalled, or cut off from the database.
        Silent = "silent",
        /// It has said goodbye.
        Stopped = "stopped",
    }
}
