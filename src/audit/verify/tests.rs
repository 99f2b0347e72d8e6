//! What a verification finds, and that it finds nothing in what Gantry writes.

mod heads;
mod random;
mod reading;
mod retention;
mod rules;
mod tamper;
mod world;
