//! Why: the findings behind the matrix, each told once for all types it is true of, and a summary.

use std::collections::BTreeMap;

use super::matrix::severity;
use crate::cli::describe;
use crate::cli::output::Screen;
use crate::cli::output::amounts::thousands;
use crate::client::pb;

/// Types that are named under a finding; the others are counted.
const TYPES_NAMED: usize = 4;

/// Findings that are told; the table has the others.
const FINDINGS_SHOWN: usize = 30;

/// Reasons that the summary names.
const FREQUENT_SHOWN: usize = 4;

/// Types that share a finding, which differs only in its message: that may name the type.
struct Shared<'a> {
    finding: &'a pb::Finding,
    types: Vec<&'a str>,
}

/// The findings, worst and most frequent first; those of rules that hold only with `all_findings`.
pub(super) fn reasons(verdicts: &[pb::InstanceTypeVerdict], all_findings: bool, screen: Screen) -> String {
    let mut shared: BTreeMap<_, Shared<'_>> = BTreeMap::new();
    for judged in verdicts {
        for finding in judged.findings.iter().filter(|finding| all_findings || finding.outcome() != pb::Outcome::Pass) {
            let pb::Finding { code, outcome, field, observed, expected, message: _, remedy, ec2_error_code } = finding;
            shared
                .entry((*outcome, code, field, observed, expected, remedy, ec2_error_code))
                .or_insert_with(|| Shared { finding, types: Vec::new() })
                .types
                .push(&judged.instance_type);
        }
    }
    let mut shared: Vec<Shared<'_>> = shared.into_values().collect();
    // The sort is stable: equals stay in the order of their codes.
    shared.sort_by_key(|shared| {
        (std::cmp::Reverse(severity(shared.finding.outcome())), std::cmp::Reverse(shared.types.len()))
    });
    let more = shared.len().saturating_sub(FINDINGS_SHOWN);
    let mut told: Vec<String> =
        shared.iter().take(FINDINGS_SHOWN).map(|shared| told(shared, verdicts.len(), screen)).collect();
    if more > 0 {
        told.push(format!("  {more} more kinds of findings; name fewer --types to see them"));
    }
    told.join("\n")
}

fn told(shared: &Shared<'_>, all: usize, screen: Screen) -> String {
    let block = describe::finding_block(shared.finding, screen);
    let count = shared.types.len();
    let types = if count == all && count > 1 {
        format!("all {} types", thousands(all))
    } else {
        let named = shared.types.iter().take(TYPES_NAMED).copied().collect::<Vec<_>>().join(", ");
        match count.saturating_sub(TYPES_NAMED) {
            0 => named,
            more => format!("{named} and {} more", thousands(more)),
        }
    };
    // The types go under the first line, before what the finding means.
    match block.split_once('\n') {
        Some((first, rest)) => format!("{first}\n        {types}\n{rest}"),
        None => format!("{block}\n        {types}"),
    }
}

/// `812 compatible, 561 incompatible, 22 unknown`, and what most often stands in the way.
pub(super) fn summary(verdicts: &[pb::InstanceTypeVerdict]) -> String {
    let count = |wanted| thousands(verdicts.iter().filter(|judged| judged.verdict() == wanted).count());
    let mut text = format!(
        "{} compatible, {} incompatible, {} unknown",
        count(pb::CompatibilityVerdict::Compatible),
        count(pb::CompatibilityVerdict::Incompatible),
        count(pb::CompatibilityVerdict::Unknown),
    );
    let mut types_of: BTreeMap<&str, usize> = BTreeMap::new();
    for judged in verdicts {
        let mut codes: Vec<&str> = judged
            .findings
            .iter()
            .filter(|finding| matches!(finding.outcome(), pb::Outcome::Fail | pb::Outcome::Unknown))
            .map(|finding| finding.code.as_str())
            .collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            *types_of.entry(code).or_default() += 1;
        }
    }
    let mut frequent: Vec<_> = types_of.into_iter().collect();
    frequent.sort_by_key(|(_, types)| std::cmp::Reverse(*types));
    if !frequent.is_empty() {
        let named = frequent.iter().take(FREQUENT_SHOWN).map(|(code, types)| format!("{code} {}", thousands(*types)));
        text.push_str(&format!("; most often {}", named.collect::<Vec<_>>().join(", ")));
    }
    text
}
