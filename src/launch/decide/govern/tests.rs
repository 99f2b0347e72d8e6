//! Policies over launches, and recorded decisions under the same policy again.

use proptest::prelude::*;

use super::*;
use crate::launch::decide::tests::{at, facts, instance_type, spec};
use crate::launch::entry::decision_entry;
use crate::launch::redact::Redaction;
use crate::launch::tests::request_of;
use crate::launch::{LaunchError, LaunchRequest};
use crate::policy::{Rerun, Skipped};
use crate::record::{Entry, Verdict};

const PERMIT: &str = r#"@id("permit") permit (principal, action == Action::"launch", resource);"#;

fn forbid(id: &str, condition: &str) -> String {
    format!(
        r#"@id("{id}") @reason("No {id}.") @remedy("Not {id}.")
        forbid (principal, action == Action::"launch", resource) when {{ {condition} }};"#
    )
}

fn policy(more: &[String]) -> Policy {
    Policy::compile(&format!("{PERMIT}\n{}", more.join("\n"))).unwrap()
}

fn govern(policy: Option<&Policy>, spec: &Spec, facts: &Facts, break_glass: bool) -> Governed {
    let principal = "local".parse().unwrap();
    let governing = Governing { policy, principal: &principal, reason: "test", break_glass };
    decide_governed(spec, facts, &governing, at(0))
}

fn of_policy(governed: &Governed) -> Vec<(String, Outcome, String, String)> {
    let findings = match &governed.decision {
        Decision::Admit(plan) => plan.findings(),
        Decision::Refuse(findings) => findings,
    };
    let of_policy = |finding: &&Finding| finding.field.ends_with("policy") || finding.field == "break_glass";
    let shown = |finding: &Finding| {
        (finding.code.to_string(), finding.outcome, finding.field.clone(), finding.observed.clone())
    };
    findings.iter().filter(of_policy).map(shown).collect()
}

fn three_types() -> (Spec, Facts) {
    let mut facts = facts();
    facts.types.push(instance_type("c7i.large", "x86_64"));
    (spec(&["m7g.large", "m7i.large", "c7i.large"]), facts)
}

#[test]
fn types_that_policy_denies_are_struck_and_one_finding_stands_for_all() {
    let (wanted, facts) = three_types();
    let no_m7i = policy(&[forbid("m7i", r#"context.instance_type.family == "m7i""#)]);
    let governed = govern(Some(&no_m7i), &wanted, &facts, false);
    let Decision::Admit(plan) = &governed.decision else { panic!("c7i.large is left") };
    assert_eq!(plan.candidates()[0].instance_type.as_str(), "c7i.large");
    assert_eq!(governed.types.len(), 2, "m7g.large is struck by the facts");
    let denied = |field: &str, id: &str| ("POLICY_DENIED".to_owned(), Outcome::Fail, field.to_owned(), id.to_owned());
    assert_eq!(of_policy(&governed), [denied("instance_types[m7i.large].policy", "m7i")]);
    assert_eq!(governed.stamp.determining_policy_ids, ["m7i", "permit"]);
    assert_eq!(governed.stamp.hash, Some(no_m7i.hash()));

    let none = policy(&[
        forbid("m7i", r#"context.instance_type.family == "m7i""#),
        forbid("all", "context.spec.max_count > 0"),
    ]);
    let governed = govern(Some(&none), &wanted, &facts, false);
    let Decision::Refuse(findings) = &governed.decision else { panic!("nothing is left") };
    assert_eq!(of_policy(&governed), [denied("instance_types[m7i.large].policy", "m7i"), denied("policy", "all")]);
    assert_eq!(denying_policies(findings), Some(vec!["m7i".to_owned(), "all".to_owned()]));
    let finding = findings.iter().find(|finding| finding.observed == "all").unwrap();
    assert_eq!((finding.message.as_str(), finding.remedy.as_str()), ("No all.", "Not all."));
    assert!(matches!(LaunchError::refused(None, findings.clone()), LaunchError::PolicyDenied { .. }));

    let governed = govern(None, &wanted, &facts, false);
    assert_eq!((governed.types.len(), governed.stamp), (2, PolicyStamp::default()), "recorded without a policy too");
}

#[test]
fn what_the_facts_refuse_is_refused_for_the_facts() {
    let never = policy(&[forbid("never", "context.spec.max_count > 0")]);
    let governed = govern(Some(&never), &spec(&["m7g.large"]), &facts(), false);
    let Decision::Refuse(findings) = &governed.decision else { panic!("it cannot boot") };
    assert_eq!((denying_policies(findings), governed.types.len()), (None, 0));
    assert_eq!(governed.stamp.hash, Some(never.hash()));
    // Policy struck one type, and then something else refused the launch: EC2's dry run.
    let (wanted, facts) = three_types();
    let no_m7i = policy(&[forbid("m7i", r#"context.instance_type.family == "m7i""#)]);
    let Decision::Admit(plan) = govern(Some(&no_m7i), &wanted, &facts, false).decision else { panic!() };
    let mut findings = plan.findings().to_vec();
    findings.push(Finding { field: "spec".to_owned(), ..POLICY_DENIED.finding("x") });
    findings.last_mut().unwrap().code = "DRY_RUN_FAILED".into();
    assert_eq!(denying_policies(&findings), None);
}

#[test]
fn the_glass_is_broken_by_those_who_may_and_the_record_says_so() {
    let never = forbid("never", "context.spec.max_count > 0");
    let glass = |who: &str| {
        format!(r#"@id("glass") permit (principal == Principal::"{who}", action == Action::"break_glass", resource);"#)
    };
    let may = policy(&[never.clone(), glass("local")]);
    let may_not = policy(&[never, glass("somebody")]);
    let wanted = spec(&["m7i.large"]);

    let governed = govern(Some(&may), &wanted, &facts(), true);
    assert!(matches!(governed.decision, Decision::Admit(_)));
    let overridden = ("POLICY_OVERRIDDEN".to_owned(), Outcome::Warn, "policy".to_owned(), "never".to_owned());
    assert_eq!(of_policy(&governed), [overridden]);
    assert!(governed.stamp.overridden);
    assert_eq!(governed.stamp.determining_policy_ids, ["never", "glass"]);

    let governed = govern(Some(&may_not), &wanted, &facts(), true);
    let Decision::Refuse(findings) = &governed.decision else { panic!("not permitted") };
    let codes: Vec<_> = findings.iter().map(|finding| finding.code.as_ref()).collect();
    assert_eq!(codes, ["POLICY_DENIED", "BREAK_GLASS_DENIED"]);
    assert_eq!(denying_policies(findings), Some(vec!["never".to_owned()]));
    assert!(!governed.stamp.overridden);

    assert!(matches!(govern(Some(&may), &wanted, &facts(), false).decision, Decision::Refuse(_)), "it must be asked");
    let nothing_to_override = govern(Some(&policy(&[])), &wanted, &facts(), true);
    assert_eq!((of_policy(&nothing_to_override).len(), nothing_to_override.stamp.overridden), (0, false));
}

/// The decision of a request as it comes back from the log.
fn recorded(request: &LaunchRequest, redact: &[String], policy: Option<&Policy>, facts: &Facts) -> Entry {
    let dir = tempfile::tempdir().unwrap();
    let redaction = Redaction::open(dir.path(), redact, at(0)).unwrap();
    let LaunchRequest { spec, principal, reason, break_glass, .. } = request;
    let governing = Governing { policy, principal, reason, break_glass: *break_glass };
    let governed = decide_governed(spec, facts, &governing, at(0));
    let launch_id = crate::ids::LaunchId::new(at(0));
    let entry = decision_entry(request, &redaction.prepare(request), &governed, facts, at(0), Some(launch_id));
    Entry::from_leaf(&entry.to_leaf()).unwrap()
}

#[test]
fn what_a_record_does_not_hold_is_skipped() {
    let reads_tags = policy(&[forbid("tag", r#"context.spec.hasTag("e") && context.spec.getTag("e") == "x""#)]);
    let knows_tags = policy(&[forbid("tag", r#"context.spec.hasTag("e")"#)]);
    let mut wanted = spec(&["m7i.large"]);
    wanted.tags.insert("e".to_owned(), "x".to_owned());
    let entry = recorded(&request_of(wanted.clone()), &["e".to_owned()], None, &facts());
    assert_eq!(reads_tags.rerule(&entry), Some(Rerun::Skipped(Skipped::Redacted)));
    let Some(Rerun::Decided(rerule)) = knows_tags.rerule(&entry) else { panic!("keys are not redacted") };
    assert_eq!((rerule.recorded, rerule.verdict), (Verdict::Admitted, Verdict::Refused));

    let mut thin = recorded(&request_of(wanted.clone()), &[], None, &facts());
    assert!(matches!(reads_tags.rerule(&thin), Some(Rerun::Decided(_))));
    let crate::record::Event::Decision(decision) = &mut thin.event else { panic!() };
    decision.governed_types.clear();
    assert!(matches!(reads_tags.rerule(&thin), Some(Rerun::Decided(_))), "a record from before there were policies");
    let crate::record::Event::Decision(decision) = &mut thin.event else { panic!() };
    decision.type_facts.clear();
    assert_eq!(reads_tags.rerule(&thin), Some(Rerun::Skipped(Skipped::Thin)));
}

/// Conditions that look at all kinds of facts.
const CONDITIONS: [&str; 10] = [
    r#"context.instance_type.family == "m7i""#,
    r#"context.instance_type has vcpus && context.instance_type.vcpus > 1"#,
    r#"context.spec.max_count > 2"#,
    r#"context.spec.hasTag("a") && context.spec.getTag("a") like "*b*""#,
    r#"resource has creation_date"#,
    r#"resource.findings.contains("LEGACY_BIOS") || resource.source == "unknown""#,
    r#"context.time >= datetime("1970-01-02") || context.weekday == 5"#,
    r#"context.reason like "*x*""#,
    r#"!context.spec.imdsv2_required"#,
    r#"context.spec.max_count + 9223372036854775806 > 0"#,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_recorded_decision_is_the_same_under_the_same_policy(
        chosen in proptest::sample::subsequence((0..CONDITIONS.len()).collect::<Vec<_>>(), 0..4),
        permits in any::<bool>(),
        glass in any::<bool>(),
        types in proptest::sample::subsequence(vec!["m7g.large", "m7i.large", "c7i.large"], 1..=3),
        max_count in 1_u32..4,
        tag in proptest::option::of("[abc\"\\\\é]{0,3}"),
        reason in "[xy]{0,2}",
        imdsv2 in any::<bool>(),
        break_glass in any::<bool>(),
        redacted in any::<bool>(),
    ) {
        let mut more: Vec<String> =
            chosen.iter().map(|number| forbid(&format!("c{number}"), CONDITIONS[*number])).collect();
        if glass {
            more.push(r#"@id("glass") permit (principal, action == Action::"break_glass", resource);"#.to_owned());
        }
        let text = if permits { format!("{PERMIT}{}", more.concat()) } else { more.concat() };
        let policy = Policy::compile(&text).unwrap();
        let (_, facts) = three_types();
        let mut wanted = spec(&types);
        wanted.max_count = max_count;
        wanted.metadata_options.tokens_required = imdsv2;
        wanted.tags = tag.into_iter().map(|value| ("a".to_owned(), value)).collect();
        let has_tag = !wanted.tags.is_empty();
        let request = LaunchRequest { reason, break_glass, ..request_of(wanted) };
        let redact: Vec<String> = redacted.then(|| "a".to_owned()).into_iter().collect();
        let entry = recorded(&request, &redact, Some(&policy), &facts);
        let crate::record::Event::Decision(decision) = &entry.event else { panic!("it is a decision") };
        match policy.rerule(&entry).unwrap() {
            Rerun::Decided(rerule) => {
                prop_assert_eq!(rerule.verdict, decision.verdict);
                prop_assert_eq!(rerule.recorded, decision.verdict);
                prop_assert_eq!(&rerule.determining, &decision.policy.determining_policy_ids);
            }
            Rerun::Skipped(why) => {
                prop_assert_eq!(why, Skipped::Redacted);
                prop_assert!(redacted && has_tag && policy.reads_tag_values() && !decision.governed_types.is_empty());
            }
        }
    }
}
