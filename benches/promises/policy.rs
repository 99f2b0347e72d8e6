//! Putting a launch's question about one type to a policy of fifty takes less than 50 µs at the median, and a whole
//! launch of twenty types less than a millisecond. What does not look at the type is evaluated with the first question
//! only: the median does not show that, so the whole launch is measured too, and the first question by itself against
//! the same question to a policy of one permit.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use gantry::ec2::facts::{Image, InstanceTypeFacts};
use gantry::ids::Principal;
use gantry::policy::{LaunchCase, LaunchFacts, Policy};
use gantry::record::Spec;
use serde_json::json;

use super::{Effort, Measured, median};

const LIMIT: Duration = Duration::from_micros(50);

/// Policies in the text, with the one permit.
const POLICIES: usize = 50;

/// Questions to one case, as of a launch that names so many types.
const TYPES: usize = 20;

/// How much longer fifty policies may take than one.
const TIMES_ONE_MAX: f64 = 40.0;

const PERMIT: &str = r#"@id("permit") permit (principal, action == Action::"launch", resource);"#;

pub(super) fn measure(effort: Effort) -> Vec<Measured> {
    let spec: Spec = serde_json::from_value(json!({
        "account_id": "111111111111",
        "region": "us-east-1",
        "image": {"image_id": "ami-00000001"},
        "instance_types": ["m7i.large"],
        "min_count": 1,
        "max_count": 1,
        "ready_timeout": {"secs": 600, "nanos": 0},
        "tags": {"team": "web", "cost-centre": "cc-1"},
    }))
    .unwrap();
    let image: Image = serde_json::from_value(json!({
        "image_id": "ami-00000001",
        "name": "al2023-ami-2023.1",
        "owner_id": "137112412989",
        "image_owner_alias": "amazon",
        "architecture": "x86_64",
        "state": "available",
        "creation_date": "2026-06-01T00:00:00Z",
        "root_device_type": "ebs",
        "root_device_name": "/dev/xvda",
        "virtualization_type": "hvm",
        "public": true,
    }))
    .unwrap();
    let types: Vec<InstanceTypeFacts> = (0..TYPES)
        .map(|number| {
            let name = format!("m{number}i.large");
            serde_json::from_value(json!({"instance_type": name, "vcpus": 2, "memory_mib": 8192})).unwrap()
        })
        .collect();
    let principal: Principal = "bench".parse().unwrap();
    let time = "2026-07-01T12:00:00Z".parse().unwrap();
    let facts = LaunchFacts { principal: &principal, spec: &spec, reason: "bench", image: &image, types: &types, time };
    let (fifty, one) = (Policy::compile(&text()).unwrap(), Policy::compile(PERMIT).unwrap());
    assert_eq!(fifty.len(), POLICIES);
    let ask = |policy: &Policy| {
        let (mut cases, mut firsts, mut times, mut wholes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..effort.repetitions.div_ceil(20) {
            let begun = Instant::now();
            let case = LaunchCase::new(&facts);
            cases.push(begun.elapsed());
            let mut whole = begun.elapsed();
            for (number, facts) in types.iter().enumerate() {
                let begun = Instant::now();
                let ruling = policy.rule(&case.launch(&facts.instance_type));
                let took = begun.elapsed();
                times.push(took);
                whole += took;
                if number == 0 {
                    firsts.push(took);
                }
                assert!(ruling.permitted, "{ruling:?}");
            }
            wholes.push(whole);
        }
        [cases, firsts, times, wholes].map(median)
    };
    let [_, first_of_one, ..] = ask(&one);
    let [case, first, each, whole] = ask(&fifty);
    let whole_limit = LIMIT * u32::try_from(TYPES).unwrap();
    vec![
        Measured {
            promise: "put the question about one type of a launch to fifty policies",
            measured: format!("{each:.1?}, the median of {TYPES} types, of which one is the first"),
            against: format!("limit {LIMIT:?}"),
            ratio: each.div_duration_f64(LIMIT),
            limit: 1.0,
        },
        Measured {
            promise: "put a whole launch of twenty types to fifty policies",
            measured: format!("{whole:.1?} with making the case"),
            against: format!("limit {TYPES} × {LIMIT:?}"),
            ratio: whole.div_duration_f64(whole_limit),
            limit: 1.0,
        },
        Measured {
            promise: "put the first question about a launch to fifty policies",
            measured: format!("{first:.1?}, and {case:.1?} to make the case"),
            against: format!("{first_of_one:.1?} with one permit"),
            ratio: first.div_duration_f64(first_of_one),
            limit: TIMES_ONE_MAX,
        },
    ]
}

/// One permit and 49 forbids of the kinds that people write, none of which applies.
pub(super) fn text() -> String {
    let conditions = [
        r#"!(resource has virtualization_type && resource.virtualization_type == "hvm")"#,
        r#"!(["owned", "amazon", "marketplace"].contains(resource.source))"#,
        r#"context.spec.max_count > 100 || !context.spec.imdsv2_required"#,
        r#"!(context.spec.hasTag("cost-centre") && context.spec.getTag("cost-centre") like "cc-*")"#,
        r#"["p5", "p4d", "trn1"].contains(context.instance_type.family)"#,
        r#"resource has creation_date && context.time.durationSince(resource.creation_date) > duration("90d")"#,
        r#"context.region like "ap-*" && context.weekday > 5"#,
    ];
    let mut text = PERMIT.to_owned();
    for (number, condition) in (1..POLICIES).zip(conditions.iter().cycle()) {
        write!(
            text,
            "\n@id(\"forbid-{number}\") @reason(\"r\") @remedy(\"m\")\n\
             forbid (principal, action == Action::\"launch\", resource) when {{ {condition} }};"
        )
        .unwrap();
    }
    text
}
