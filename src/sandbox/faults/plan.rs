//! The plan of faults: a TOML file, taken as a whole or refused with everything that is wrong with
//! it.
//!
//! What a plan's faults do is not known here. The format is described in
//! `docs/examples/faults.toml`.

use std::fmt;
use std::time::Duration;

use serde::Deserialize as _;
use toml::{Table, Value};

use super::keys::{Errors, Keys, NAME_CHARS_MAX, suggestion};
use super::kinds::{self, Kind, Shape, Stage};
use super::throttle::Rates;
use crate::ids::{ImageId, Region};
use crate::sandbox::account::Account;
use crate::sandbox::actions;
use crate::sandbox::wire::pattern::Pattern;

/// Bytes of a plan.
const PLAN_BYTES_MAX: usize = 64 * 1024;
/// Faults of a plan.
const FAULTS_MAX: usize = 1000;
/// How often a fault may strike.
const COUNT_MAX: i64 = 1_000_000_000;

/// Misbehaviour that is planned, and what the account is allowed.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    text: String,
    pub(super) seed: Option<u64>,
    account: Account,
    pub(super) throttle: Option<Rates>,
    pub(super) faults: Vec<Planned>,
}

/// One fault and what limits it.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) name: &'static str,
    pub(super) stage: Stage,
    pub(super) kind: Kind,
    pub(super) limits: Limits,
}

/// When a fault strikes. All that is named must hold; an empty list does not limit.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) actions: Vec<String>,
    pub(super) regions: Vec<String>,
    pub(super) zones: Vec<String>,
    pub(super) instance_types: Vec<Pattern>,
    pub(super) images: Vec<String>,
    pub(super) probability: f64,
    pub(super) count: Option<u64>,
    /// From when the plan was loaded, in sandbox time.
    pub(super) after: Duration,
    pub(super) lasting: Option<Duration>,
}

/// Everything that is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanErrors(Vec<String>);

impl PlanErrors {
    /// One text for each, with its place in the file.
    pub fn errors(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the plan of faults cannot be used")?;
        self.0.iter().try_for_each(|error| write!(f, "\n  {error}"))
    }
}

impl std::error::Error for PlanErrors {}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PlanErrors> {
        if text.len() > PLAN_BYTES_MAX {
            return Err(PlanErrors(vec![format!("the plan has {} bytes, more than {PLAN_BYTES_MAX}", text.len())]));
        }
        let table: Table = text.parse().map_err(|error: toml::de::Error| PlanErrors(vec![syntax(&error, text)]))?;
        let errors = Errors::default();
        let mut root = Keys::new("", &table, &errors);
        let seed = root.integer("seed", 0..=i64::MAX);
        let account = root.table("account").map(|table| account(table, &errors)).unwrap_or_default();
        let throttle = root.table("throttle").map(|table| Rates::read(table, &errors));
        let tables = root.tables("fault");
        if tables.len() > FAULTS_MAX {
            root.report(format!("the plan has {} faults, more than {FAULTS_MAX}", tables.len()));
        }
        root.finish(&[]);
        let faults: Vec<Planned> =
            (1..).zip(tables).take(FAULTS_MAX).filter_map(|(number, table)| fault(number, table, &errors)).collect();
        let errors = errors.into_inner();
        if errors.is_empty() {
            Ok(Self { text: text.to_owned(), seed, account, throttle, faults })
        } else {
            Err(PlanErrors(errors))
        }
    }

    /// What the account is allowed while the plan is in force.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The file as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// TOML's own complaint, in one line.
fn syntax(error: &toml::de::Error, text: &str) -> String {
    let before = &text.as_bytes()[..error.span().map_or(0, |span| span.start).min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    format!("line {line}: {}", error.message().replace('\n', ", "))
}

/// The account, key by key, so that one wrong key does not hide the next.
fn account(table: &Table, errors: &Errors) -> Account {
    let read = |place: &str, part: Table| {
        if let Err(error) = Account::deserialize(part) {
            errors.borrow_mut().push(format!("{place}: {}", error.message().replace('\n', ", ")));
        }
    };
    for (key, value) in table {
        match value {
            Value::Table(inner) if key == "vcpus" => {
                for (group, limit) in inner {
                    let vcpus = Table::from_iter([(group.clone(), limit.clone())]);
                    read("account.vcpus", Table::from_iter([(key.clone(), Value::Table(vcpus))]));
                }
            }
            _ => read("account", Table::from_iter([(key.clone(), value.clone())])),
        }
    }
    Account::deserialize(table.clone()).unwrap_or_default()
}

fn fault(number: usize, table: &Table, errors: &Errors) -> Option<Planned> {
    let name = table.get("kind").and_then(Value::as_str).unwrap_or_default();
    let Some(shape) = kinds::shape_of(name) else {
        let mut keys = Keys::new(format!("fault {number}"), table, errors);
        keys.require("kind");
        keys.choice("kind", &kinds::names());
        return None;
    };
    let mut keys = Keys::new(format!("fault {number} ({name})"), table, errors);
    keys.choice("kind", &kinds::names());
    let kind = kinds::read(shape, &mut keys);
    let limits = limits(shape, &mut keys);
    let elsewhere: Vec<&str> = kinds::all_keys().chain(LIMITS).collect();
    keys.finish(&elsewhere);
    Some(Planned { name: shape.name, stage: shape.stage, kind: kind?, limits })
}

/// The keys that limit a fault.
const LIMITS: [&str; 9] =
    ["actions", "regions", "zones", "instance_types", "images", "probability", "count", "after", "for"];

fn limits(shape: &Shape, keys: &mut Keys<'_>) -> Limits {
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<String>>();
    let zones = owned(keys.names("zones"));
    let after = keys.duration("after", Duration::ZERO).unwrap_or_default();
    let lasting = keys.duration("for", Duration::from_millis(1));
    let mut limits = Limits {
        actions: Vec::new(),
        regions: Vec::new(),
        zones,
        instance_types: Vec::new(),
        images: Vec::new(),
        probability: 1.0,
        count: None,
        after,
        lasting,
    };
    if shape.stage == Stage::Cloud {
        // An outage does not depend on who calls.
        keys.require("zones");
        return limits;
    }
    limits.actions = owned(keys.names("actions"));
    limits.actions.iter().for_each(|action| check_action(shape.stage, action, keys));
    limits.regions = owned(keys.names("regions"));
    for region in limits.regions.iter().filter(|region| region.parse::<Region>().is_err()) {
        keys.report(format!("regions: {region:?} is not the name of a Region"));
    }
    limits.instance_types = keys.names("instance_types").into_iter().map(Pattern::new).collect();
    limits.images = owned(keys.names("images"));
    for image in limits.images.iter().filter(|image| image.parse::<ImageId>().is_err()) {
        keys.report(format!("images: {image:?} is not the id of an image"));
    }
    limits.probability = keys.number("probability", 0.0..=1.0).unwrap_or(1.0);
    limits.count = keys.integer("count", 1..=COUNT_MAX);
    limits
}

/// Says so if a fault of this stage can never meet the action.
fn check_action(stage: Stage, action: &str, keys: &Keys<'_>) {
    let served: Vec<&str> = match stage {
        Stage::Call | Stage::Cloud => actions::served().collect(),
        Stage::Read => actions::served().filter(|name| name.starts_with("Describe")).collect(),
        Stage::Launch => vec!["RunInstances", "StartInstances"],
        Stage::Instance => vec!["RunInstances"],
    };
    if served.contains(&action) {
        return;
    }
    let shown: String = action.chars().take(NAME_CHARS_MAX).collect();
    if actions::served().any(|name| name == action) {
        keys.report(format!("actions: the kind does not happen to {shown}"));
    } else {
        keys.report(format!("actions: {shown} is not an action that is served{}", suggestion(&shown, &served)));
    }
}

#[cfg(test)]
mod tests;
