//! A verb is one thing that `racewalk` can be asked to do; each has its file, its arguments and its `run`.

pub(crate) mod ablate;
pub(crate) mod bisect;
pub(crate) mod check;
pub(crate) mod corpus;
pub(crate) mod coverage;
pub(crate) mod explore;
pub(crate) mod fuzz;
pub(crate) mod list;
pub(crate) mod measure;
pub(crate) mod minimise;
pub(crate) mod oss_check;
pub(crate) mod pack;
pub(crate) mod replay;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod triage;
pub(crate) mod zoo;
