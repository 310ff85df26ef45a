//! What nearly every command is written with.

pub(super) use super::app::{self, App, As};
pub(super) use crate::context::Context;
pub(super) use crate::error::{Error, Result};
pub(super) use crate::json::Json;
pub(super) use crate::output::Report;
pub(super) use crate::text::printable;
