//! A theme bends bytes towards the operations of one subject, before they are decoded.
//!
//! A theme's own operations keep their tags. Every other tag stands for one of them, the more often the more weight it
//! has, perhaps with an argument held fast. So bytes stay *total* and *local*, and a program of the theme's operations
//! has the bytes that it has without the theme: bent bytes are bytes of the very same program for everybody
//! ([`Theme::bend`] twice is once).

mod bend;
mod tables;

pub use bend::{Motif, Theme};
pub use tables::{ABORT, COLLAPSE, FAULT};
