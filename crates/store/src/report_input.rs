//! What a report is made from, over both time axes.
