//! The matrix: instance types or their families as rows, rules as columns, and how each came out.

use std::collections::BTreeMap;

use crate::cli::output::{Screen, Tone, Word, word};
use crate::client::pb;

/// What the codes of rules end with, which says nothing in a column's head.
const ENDINGS: [&str; 6] =
    ["_MISMATCH", "_REQUIRED", "_NOT_SUPPORTED", "_NOT_ALLOWED", "_NOT_AVAILABLE", "_NOT_OFFERED"];

/// The matrix. Rules that hold everywhere are a line under it, or columns too with `all_rules`.
pub(super) fn matrix(verdicts: &[pb::InstanceTypeVerdict], by_family: bool, all_rules: bool, screen: Screen) -> String {
    let rules = rules(verdicts);
    let is_shown = |rule: &&Rule<'_>| all_rules || !rule.holds;
    let shown: Vec<&str> = rules.iter().filter(is_shown).map(|rule| rule.code).collect();
    let heads = shown.iter().map(|code| head(code));
    let table = if by_family {
        let header: Vec<String> =
            ["FAMILY", "TYPES", "COMPATIBLE"].map(str::to_owned).into_iter().chain(heads).collect();
        screen.table(&header, families(verdicts).into_iter().map(|(name, types)| family_row(name, &types, &shown)))
    } else {
        let header: Vec<String> = ["TYPE", "VERDICT"].map(str::to_owned).into_iter().chain(heads).collect();
        screen.table(&header, verdicts.iter().map(|judged| type_row(judged, &shown)))
    };
    let held: Vec<String> =
        rules.iter().filter(|rule| !is_shown(rule)).map(|rule| head(rule.code).to_lowercase()).collect();
    if held.is_empty() || verdicts.is_empty() {
        table
    } else {
        format!("{table}\n\nHolds for every type: {}.", held.join(", "))
    }
}

/// A rule that was looked at.
struct Rule<'a> {
    code: &'a str,
    /// Whether it holds for every type.
    holds: bool,
}

/// The rules in the order in which they were looked at.
fn rules(verdicts: &[pb::InstanceTypeVerdict]) -> Vec<Rule<'_>> {
    let mut rules: Vec<Rule<'_>> = Vec::new();
    for finding in verdicts.iter().flat_map(|judged| &judged.findings) {
        let holds = finding.outcome() == pb::Outcome::Pass;
        match rules.iter_mut().find(|rule| rule.code == finding.code) {
            Some(rule) => rule.holds &= holds,
            None => rules.push(Rule { code: &finding.code, holds }),
        }
    }
    rules
}

/// Rules whose code says too little, or says the opposite, once its end is off.
const NAMES: [(&str, &str); 9] = [
    ("INSTANCE_STORE_NOT_ATTACHED", "INSTANCE STORE"),
    ("EBS_ATTACHMENT_LIMIT", "EBS ATTACHMENTS"),
    ("NOT_OFFERED_IN_REGION", "OFFERED IN REGION"),
    ("NOT_OFFERED_IN_ZONE", "OFFERED IN ZONE"),
    ("HIBERNATION_MEMORY_LIMIT", "HIBERNATION MEMORY"),
    ("HIBERNATION_WITH_ENCLAVE", "NO ENCLAVE BESIDE"),
    ("IMAGE_NOT_AVAILABLE", "IMAGE STATE"),
    ("NOT_A_MACHINE_IMAGE", "IMAGE TYPE"),
    ("INSTANCE_TYPE_NOT_ALLOWED", "TYPE LIST"),
];

/// A column's head: `NITRO_TPM_REQUIRED` is `NITRO TPM`.
fn head(code: &str) -> String {
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == code) {
        return (*name).to_owned();
    }
    let stem = ENDINGS.iter().find_map(|ending| code.strip_suffix(ending)).unwrap_or(code);
    stem.replace('_', " ")
}

/// The types of each family, by the family's name.
fn families(verdicts: &[pb::InstanceTypeVerdict]) -> BTreeMap<&str, Vec<&pb::InstanceTypeVerdict>> {
    let mut families: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for judged in verdicts {
        let family = judged.instance_type.split('.').next().unwrap_or_default();
        families.entry(family).or_default().push(judged);
    }
    families
}

fn type_row(judged: &pb::InstanceTypeVerdict, rules: &[&str]) -> Vec<Word> {
    let tone = match judged.verdict() {
        pb::CompatibilityVerdict::Compatible => Tone::Good,
        pb::CompatibilityVerdict::Incompatible => Tone::Bad,
        pb::CompatibilityVerdict::Unknown => Tone::Warn,
        pb::CompatibilityVerdict::Unspecified => Tone::Plain,
    };
    let verdict = Word { text: word!(pb::CompatibilityVerdict, judged.verdict), tone };
    let mut row = vec![judged.instance_type.clone().into(), verdict];
    row.extend(rules.iter().map(|rule| mark(outcome(judged, rule), None)));
    row
}

fn family_row(name: &str, types: &[&pb::InstanceTypeVerdict], rules: &[&str]) -> Vec<Word> {
    let compatible = types.iter().filter(|judged| judged.verdict() == pb::CompatibilityVerdict::Compatible).count();
    let tone = if compatible == types.len() {
        Tone::Good
    } else if compatible == 0 {
        Tone::Bad
    } else {
        Tone::Warn
    };
    let mut row: Vec<Word> = vec![name.to_owned().into(), types.len().to_string().into()];
    row.push(Word { text: compatible.to_string(), tone });
    row.extend(rules.iter().map(|rule| {
        let outcomes: Vec<_> = types.iter().map(|judged| outcome(judged, rule)).collect();
        let worst = outcomes.iter().copied().max_by_key(|outcome| outcome.map_or(0, severity)).flatten();
        let of_it = outcomes.iter().filter(|outcome| **outcome == worst).count();
        mark(worst, (of_it < types.len()).then_some(of_it))
    }));
    row
}

/// How a rule came out for a type: the worst, where it has several findings.
fn outcome(judged: &pb::InstanceTypeVerdict, rule: &str) -> Option<pb::Outcome> {
    let of_rule = judged.findings.iter().filter(|finding| finding.code == rule);
    of_rule.map(pb::Finding::outcome).max_by_key(|outcome| severity(*outcome))
}

/// FAIL outweighs UNKNOWN, which outweighs the rest.
pub(super) fn severity(outcome: pb::Outcome) -> u8 {
    match outcome {
        pb::Outcome::Unspecified => 0,
        pb::Outcome::Pass => 1,
        pb::Outcome::Warn => 2,
        pb::Outcome::Unknown => 3,
        pb::Outcome::Fail => 4,
    }
}

/// The mark of an outcome, with the number of types it is true of if not of all.
fn mark(outcome: Option<pb::Outcome>, types: Option<usize>) -> Word {
    let (text, tone) = match outcome {
        None | Some(pb::Outcome::Unspecified) => ("-", Tone::Plain),
        Some(pb::Outcome::Pass) => ("ok", Tone::Good),
        Some(pb::Outcome::Warn) => ("warn", Tone::Warn),
        Some(pb::Outcome::Unknown) => ("?", Tone::Warn),
        Some(pb::Outcome::Fail) => ("FAIL", Tone::Bad),
    };
    let text = match types {
        Some(types) if outcome.is_some() => format!("{text} {types}"),
        Some(_) | None => text.to_owned(),
    };
    Word { text, tone }
}
