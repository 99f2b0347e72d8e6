//! `docs/findings.md`: every finding code, what it means and what to do, written from the tables
//! that the findings themselves come from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::ami::classify::{Conclusion, FINDING_GROUPS};
use crate::ami::compatibility::{RULES, RuleDoc};
use crate::ami::finding_rule::{FindingGroup, FindingRule};
use crate::launch::decide::LAUNCH_FINDINGS;
use crate::record::Outcome;

/// A chapter of the page: the codes of one judgment.
struct Part {
    title: &'static str,
    about: &'static str,
    groups: Vec<Group>,
}

/// Codes that belong together.
struct Group {
    title: &'static str,
    about: &'static str,
    entries: Vec<Entry>,
}

/// What the page says of one code.
struct Entry {
    code: &'static str,
    outcome: &'static str,
    field: &'static str,
    expected: &'static str,
    means: &'static str,
    remedy: &'static str,
    source: &'static str,
    /// What EC2 answers RunInstances with, where that is known for certain.
    ec2_error_code: Option<&'static str>,
}

impl From<&RuleDoc> for Entry {
    fn from(rule: &RuleDoc) -> Self {
        let RuleDoc { code, field, means, remedy, ec2_error_code, source } = *rule;
        Self { code, outcome: "", field, expected: "", means, remedy, source, ec2_error_code }
    }
}

impl From<&FindingRule> for Entry {
    fn from(rule: &FindingRule) -> Self {
        let FindingRule { code, outcome, field, expected, means, remedy, source } = *rule;
        Self { code, outcome: word(outcome), field, expected, means, remedy, source, ec2_error_code: None }
    }
}

impl From<&FindingGroup> for Group {
    fn from(group: &FindingGroup) -> Self {
        let FindingGroup { title, about, rules } = group;
        Self { title, about, entries: rules.iter().map(|rule| Entry::from(*rule)).collect() }
    }
}

/// Every part of the page. Another judgment with codes of its own is another part.
fn parts() -> Vec<Part> {
    let compatibility = Group {
        title: "Compatibility",
        about: "Every rule is evaluated, also where another one fails already.",
        entries: RULES.iter().map(Entry::from).collect(),
    };
    let image = Part {
        title: "Findings about an image",
        about: "`ClassifyImages`, `GetImage` and `ListImages` give these in `classification.findings`, before the \
                conclusions. They hold whatever the instance type.",
        groups: FINDING_GROUPS.iter().map(Group::from).collect(),
    };
    let pair = Part {
        title: "Findings about an image and an instance type",
        about: "`CheckCompatibility` gives these, and a launch judges by them too. PASS means that the rule \
                holds; what the text says is what a FAIL means, or a WARN where the rule never fails.",
        groups: vec![compatibility],
    };
    let launch = Part {
        title: "Findings about a launch",
        about: "`LaunchInstances` gives these beside those about the image and each of its types, and so does a \
                preview. Every rule is evaluated before anything is refused.",
        groups: vec![Group::from(&LAUNCH_FINDINGS)],
    };
    vec![image, pair, launch]
}

/// The whole page, in Markdown.
pub fn findings_page() -> String {
    let mut page = String::from(
        "# Findings\n\n\
         A finding is what one rule concluded about one field: a stable code, an outcome, the field, what was observed, \
         what it means and what to do.\n\n\
         | outcome | means |\n|---|---|\n\
         | PASS | The rule holds. |\n\
         | WARN | It can be used, and somebody should know something. |\n\
         | FAIL | It cannot be used like this. |\n\
         | UNKNOWN | A fact that the rule needs is missing. Nothing is guessed; the field says which. |\n\n\
         Codes never change their meaning and are never taken away, because they are in logs. This page is written from \
         the program's own tables; `UPDATE_DOCS=1 cargo test --lib finding_page` writes it anew.\n",
    );
    // Writing to a String cannot fail; so below.
    let parts = parts();
    let _ = contents(&mut page, &parts);
    for Part { title, about, groups } in &parts {
        let _ = write!(page, "\n## {title}\n\n{about}\n");
        for Group { title, about, entries } in groups {
            let _ = write!(page, "\n### {title}\n\n{about}\n");
            for entry in entries {
                let _ = section(&mut page, entry);
            }
        }
    }
    let _ = conclusions(&mut page);
    page
}

/// All codes, with links. A code of two parts has two headings, of which the second has a number in
/// its link, as GitHub makes them.
fn contents(page: &mut String, parts: &[Part]) -> std::fmt::Result {
    let mut seen = BTreeMap::new();
    for Part { title, about: _, groups } in parts {
        write!(page, "\n**{title}**\n\n| | |\n|---|---|\n")?;
        for Group { title, about: _, entries } in groups {
            let link = |entry: &Entry| {
                let before = seen.entry(entry.code).or_insert(0);
                let number = if *before > 0 { format!("-{before}") } else { String::new() };
                *before += 1;
                format!("[{}](#{}{number})", entry.code, entry.code.to_ascii_lowercase())
            };
            writeln!(page, "| {title} | {} |", entries.iter().map(link).collect::<Vec<_>>().join(" "))?;
        }
    }
    Ok(())
}

fn section(page: &mut String, entry: &Entry) -> std::fmt::Result {
    let Entry { code, outcome, field, expected, means, remedy, source, ec2_error_code } = entry;
    write!(page, "\n#### {code}\n\n{means}\n\n**What to do:** {remedy}\n\n")?;
    if let Some(ec2_error_code) = ec2_error_code {
        write!(page, "EC2 answers RunInstances with `{ec2_error_code}`; a finding says so where it is certain.\n\n")?;
    }
    if outcome.is_empty() {
        write!(page, "| field | source |\n|---|---|\n")?;
        return writeln!(page, "| `{field}` | {source} |");
    }
    write!(page, "| outcome | field | expected | source |\n|---|---|---|---|\n")?;
    let expected = if expected.is_empty() { "–" } else { expected };
    writeln!(page, "| {outcome} | `{field}` | {expected} | {source} |")
}

fn conclusions(page: &mut String) -> std::fmt::Result {
    write!(
        page,
        "\n## Conclusions\n\n\
         After these, a classification has at least one finding for each of its conclusions, with the field it rests \
         on: PASS, or UNKNOWN where the field is missing or holds something new.\n\n\
         | code | says |\n|---|---|\n"
    )?;
    for conclusion in Conclusion::ALL {
        writeln!(page, "| {} | {} |", conclusion.code(), conclusion.about())?;
    }
    Ok(())
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "PASS",
        Outcome::Warn => "WARN",
        Outcome::Unknown => "UNKNOWN",
        Outcome::Fail => "FAIL",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_page_in_docs_is_written_from_these_tables() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/findings.md");
        let page = findings_page();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == page,
            "docs/findings.md is not what the tables say: UPDATE_DOCS=1 cargo test --lib finding_page"
        );
    }

    #[test]
    fn every_rule_says_all_of_it_and_no_code_is_given_twice() {
        for Part { title, groups, .. } in parts() {
            let mut codes = BTreeSet::new();
            for entry in groups.iter().flat_map(|group| &group.entries) {
                let Entry { code, outcome, field, expected, means, remedy, source, ec2_error_code: _ } = entry;
                assert!(codes.insert(*code), "{code} twice in {title}");
                assert!(code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'));
                assert_ne!(*outcome, "PASS", "{code}");
                for text in [field, means, remedy, source] {
                    assert!(!text.is_empty() && !text.contains('|'), "{code}: {text}");
                }
                assert!(!expected.contains('|') && means.ends_with('.') && remedy.ends_with('.'), "{code}");
            }
            for conclusion in Conclusion::ALL {
                assert!(codes.insert(conclusion.code()), "{conclusion:?} twice in {title}");
            }
        }
    }
}
