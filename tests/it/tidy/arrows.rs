//! Who may name whom: the arrows of ARCHITECTURE.md, as tables.

use super::paths::{Named, is_within, module_of, paths};
use super::source::{Source, Violation};

/// A module and what it may name beside itself. Where several rows fit a file, the one with the
/// longest module counts.
const MODULES: &[(&str, &[&str])] = &[
    ("ids", &[]),
    ("clock", &[]),
    ("telemetry", &[]),
    // Named crash points: they abort the process in debug builds and know nothing.
    ("crash", &[]),
    ("config", &["ids"]),
    ("record", &["ids"]),
    ("ec2", &["ids", "clock", "telemetry"]),
    ("ami", &["record", "ec2::facts", "ids", "clock"]),
    // The one part of `ami` that asks EC2.
    ("ami::catalog", &["record", "ec2", "ids", "clock", "telemetry"]),
    ("policy", &["record", "ami", "ec2::facts", "ids"]),
    // It stores and proves; it decides nothing.
    ("audit", &["record", "ids", "clock", "crash"]),
    ("launch", &["record", "ami", "policy", "ec2", "audit", "ids", "clock", "crash"]),
    // Never `launch`: the server hands it new instances on a channel.
    ("boot", &["record", "ami", "ec2", "audit", "ids", "clock"]),
    ("api", &["record", "ami", "policy", "ec2", "audit", "launch", "boot", "ids", "clock", "telemetry"]),
    // The clock, because it waits between two tries to take a stream up again.
    ("client", &["api::pb", "ids", "clock"]),
    // Never `ami`, `ec2` or `record`: it must not share their mistakes.
    ("sandbox", &["ids", "clock"]),
    (
        "server",
        &[
            "record",
            "ami",
            "policy",
            "ec2",
            "audit",
            "launch",
            "boot",
            "api",
            "client",
            "sandbox",
            "config",
            "ids",
            "clock",
            "telemetry",
            "crash",
        ],
    ),
    // Ids and the clock, because it parses the ones and hands out the other.
    ("cli", &["server", "client", "config", "telemetry", "sandbox", "ami", "policy", "audit", "ids", "clock"]),
];

/// What the binary may name: it parses, runs and exits.
const MAIN: &[&str] = &["cli", "server", "client", "config", "telemetry", "sandbox", "ami", "policy", "audit"];

/// Crates that only some modules may name. A name that ends in `*` stands for all that begin so.
const CRATES: &[(&str, &[&str])] = &[
    ("tonic", &["api", "client"]),
    ("tonic_*", &["api", "client"]),
    ("prost", &["api", "client"]),
    ("prost_*", &["api", "client"]),
    ("aws_config", &["ec2"]),
    ("aws_credential_types", &["ec2"]),
    ("aws_types", &["ec2"]),
    ("aws_smithy_*", &["ec2"]),
    ("aws_sdk_dynamodb", &["audit::store::dynamo"]),
    ("aws_sdk_*", &["ec2"]),
    ("sled", &["audit::store::sled"]),
    ("cedar_policy", &["policy"]),
    ("anyhow", &["cli"]),
];

/// Generated code, which only these modules may name.
const PB: (&str, &[&str]) = ("api::pb", &["api", "client"]);

/// What breaks the tables in one file. Only what is under `src` has a place in them.
pub(super) fn check(source: &Source) -> Vec<Violation> {
    if !source.path.starts_with("src/") {
        return Vec::new();
    }
    let module = module_of(&source.path);
    let named = paths(source);
    // A module of the same name hides the crate.
    let declared: Vec<&str> =
        source.tokens.windows(2).filter(|pair| pair[0].text == "mod").map(|pair| pair[1].text.as_str()).collect();
    let mut found = Vec::new();
    for path in &named {
        let broken = if path.in_crate {
            room_rule(&source.path, &module, path)
        } else if declared.contains(&path.segments[0].as_str()) {
            None
        } else {
            crate_rule(&source.path, &module, path)
        };
        found.extend(broken.map(|rule| source.violation(path.line, rule)));
    }
    found
}

fn room_rule(file: &str, module: &[String], path: &Named) -> Option<String> {
    let (Some(target), text) = (path.segments.first(), path.text()) else {
        // `pub(crate)` and the like.
        return None;
    };
    let (name, allowed): (&str, &[&str]) = if file == "src/main.rs" {
        ("main", MAIN)
    } else if file == "src/lib.rs" {
        // It declares the rooms.
        return None;
    } else {
        let row = MODULES.iter().filter(|(row, _)| is_within(module, row)).max_by_key(|(row, _)| row.len());
        let Some((row, allowed)) = row else {
            return Some(format!("module `{}` has no row in the table of arrows (tests/it/tidy/arrows.rs)", module[0]));
        };
        (row, allowed)
    };
    if path.is_within(PB.0) && !PB.1.iter().any(|room| is_within(module, room)) {
        return Some(format!("only {} may name generated code, and this names `{text}`", PB.1.join(" and ")));
    }
    let own = module.first() == Some(target);
    if own || allowed.iter().any(|prefix| path.is_within(prefix)) {
        return None;
    }
    Some(format!("`{name}` may not name `{text}`; it may name {}", list(allowed)))
}

fn crate_rule(file: &str, module: &[String], path: &Named) -> Option<String> {
    let krate = path.segments[0].as_str();
    if path.segments.len() == 1 && !path.whole_use {
        return None;
    }
    let is_meant = |row: &str| row.strip_suffix('*').map_or(row == krate, |prefix| krate.starts_with(prefix));
    let (_, rooms) = CRATES.iter().find(|(row, _)| is_meant(row))?;
    let main_may = file == "src/main.rs" && rooms.contains(&"cli");
    if main_may || rooms.iter().any(|room| is_within(module, room)) {
        return None;
    }
    Some(format!("only {} may name crate `{krate}`", list(rooms)))
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_arrow_is_found_with_its_line() {
        let found = check(&Source::new("src/sandbox/cloud.rs", "//! x\n\nuse crate::ec2::facts;\n"));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "src/sandbox/cloud.rs:3: `sandbox` may not name `ec2::facts`; it may name ids, clock"
        );
    }

    #[test]
    fn arrows_and_what_breaks_them() {
        #[rustfmt::skip]
        let table: &[(&str, &str, usize)] = &[
            ("src/ids.rs", "use crate::clock::Clock;", 1),
            ("src/ids.rs", "use crate::ids::x; use super::ids::y; use self::z;", 0),
            ("src/record/launch.rs", "use crate::ids::LaunchId; use super::entry::Entry;", 0),
            ("src/record/launch.rs", "use crate::{ids::LaunchId, clock::Clock};", 1),
            ("src/record/launch/tests.rs", "use super::super::super::ec2::Client;", 1),
            ("src/ami/classify.rs", "use crate::ec2::facts::Image;", 0),
            ("src/ami/classify.rs", "use crate::ec2::Client;", 1),
            ("src/ami/classify.rs", "use crate::ec2::*;", 1),
            ("src/ami/catalog.rs", "use crate::ec2::Client;", 0),
            ("src/ami/catalog/crawl.rs", "use crate::ec2::Client;", 0),
            ("src/ami/catalogue.rs", "use crate::ec2::Client;", 1),
            ("src/audit.rs", "use crate::crash;", 0),
            ("src/boot/tracker.rs", "fn f(x: &crate::launch::Plan) {}", 1),
            ("src/sandbox.rs", "use crate::record::Entry; use crate::ami; use crate::ec2;", 3),
            ("src/sandbox.rs", "use super::record::Entry;", 1),
            ("src/client.rs", "use crate::api::pb; use crate::api::pb::Image;", 0),
            ("src/client.rs", "use crate::api::serve;", 1),
            ("src/server.rs", "use crate::api::serve;", 0),
            ("src/server.rs", "use crate::api::pb;", 1),
            ("src/cli/images.rs", "use crate::launch::Plan;", 1),
            ("src/newroom.rs", "use crate::ids;", 1),
            ("src/main.rs", "fn main() { gantry::cli::run() }", 0),
            ("src/main.rs", "fn main() { gantry::launch::run() }", 1),
            ("src/lib.rs", "pub mod ids; pub use crate::record::Entry;", 0),
        ];
        for (path, text, expected) in table {
            let found = check(&Source::new(path, text));
            assert_eq!(found.len(), *expected, "{path}: {text}: {found:?}");
        }
    }

    #[test]
    fn crates_and_who_names_them() {
        #[rustfmt::skip]
        let table: &[(&str, &str, usize)] = &[
            ("src/api/status.rs", "use tonic::Status; tonic_types::x(); prost::y();", 0),
            ("src/client.rs", "use tonic::transport::Channel;", 0),
            ("src/server.rs", "use tonic::transport::Server;", 1),
            ("src/server.rs", "fn f() { ::tonic::x() }", 1),
            ("src/server.rs", "use {std::fmt, prost_types::Any};", 1),
            ("src/server.rs", "use tonic;", 1),
            ("src/ec2/client.rs", "use aws_sdk_ec2::Client; use aws_config::x; use aws_smithy_types::y;", 0),
            ("src/ami/catalog.rs", "use aws_sdk_ec2::Client;", 1),
            ("src/launch.rs", "use aws_smithy_types::DateTime; use aws_config::x;", 2),
            ("src/audit/store/sled.rs", "use sled::Db;", 0),
            ("src/audit/store/sled/keys.rs", "use sled::Db;", 0),
            ("src/audit/log.rs", "use sled::Db;", 1),
            ("src/audit/store.rs", "mod sled; fn f() { sled::SledStore::open() }", 0),
            ("src/launch.rs", "use anyhow::Context;", 1),
            ("src/cli/images.rs", "use anyhow::Context;", 0),
            ("src/main.rs", "fn main() -> anyhow::Result<()> { gantry::cli::run() }", 0),
            ("src/ids.rs", "// tonic::Status\nfn f(tonic: u8) { x.tonic() }", 0),
        ];
        for (path, text, expected) in table {
            let found = check(&Source::new(path, text));
            assert_eq!(found.len(), *expected, "{path}: {text}: {found:?}");
        }
    }
}
