//! Gantry stands between a company's systems and Amazon EC2 whenever a machine image (AMI) is
//! looked up, judged or launched.
//!
//! `ARCHITECTURE.md` is the map. In short: `ec2` says what EC2 said, `ami` says what that means,
//! `launch` decides and acts, `boot` watches, `audit` remembers, `api` speaks gRPC, `server` wires
//! them together, and `sandbox` is an EC2 to try it all against.

pub mod ami;
pub mod api;
pub mod audit;
pub mod boot;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod crash;
pub mod ec2;
pub mod ids;
pub mod launch;
pub mod policy;
pub mod record;
pub mod sandbox;
pub mod server;
pub mod telemetry;
