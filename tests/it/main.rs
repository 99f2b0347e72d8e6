//! The integration tests: one binary, because each one more links aws-sdk-ec2 again.
//!
//! Every test has a world of its own: a server in this process with a sandbox on a simulated clock,
//! and real sockets in between. Tests of crashes start the real binary.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod attempts;
mod audit;
mod audit_proofs;
mod audit_retention;
mod bad_input;
mod boot_failure;
mod boots;
mod budget;
mod catalogue;
mod compatibility;
mod crash;
mod denial;
mod golden;
mod images;
mod launch;
mod model;
mod orphans;
mod policy;
mod privacy;
mod quotas;
mod resolve;
mod restore;
mod statistics;
mod surface;
mod switch;
mod templates;
mod tidy;
mod tls;
mod watch;
mod whole_requests;
mod witness;
mod witness_double;
mod world;
