//! What the paths mean: parameters in, JSON out.

mod chat;
mod generation;
mod metrics;
mod pages;
mod parameters;
mod reply;
mod route;

pub(crate) use generation::{Generation, Kind, Options, chat_completion, completion};
pub(crate) use metrics::{Totals, metrics};
pub(crate) use pages::{Page, apply_template, detokenize, health, model, models, props, root, tokenize};
pub(crate) use reply::{Answer, Ending, Identity, Progress, TokenDetail, Usage, WireTimings, milliseconds};
pub(crate) use route::{Route, find};
