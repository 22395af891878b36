//! An engine grows inputs by what they reach: libFuzzer, or AFL++.
//!
//! [`Checkout`] is where things lie, [`Engine`] a target that was built, [`Campaign`] what to run it on. A campaign runs
//! the built target itself, not `cargo fuzz run`: so its processes are our children, and they end with us.

mod afl;
mod build;
mod campaign;
mod checkout;
mod libfuzzer;
mod live;
mod process;
mod status;
mod tools;

pub(crate) use build::{Engine, Feedback, Install, Kind};
pub(crate) use campaign::{Campaign, Ended, Input};
pub(crate) use checkout::Checkout;
