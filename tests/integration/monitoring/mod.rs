//! What a monitoring system sees, and what is found out when something is wrong.

pub(crate) mod check;
mod doctor;
mod doctor_cases;
mod metrics;
