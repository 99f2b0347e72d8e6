//! Texts and questions, and what comes of them.

mod facts;
mod shipped;
mod texts;

use cedar_policy::{Entities, Request, Schema};

use super::*;
use facts::{Case, full_image, full_spec, full_type, good_image, good_type, least_spec};

fn compile(text: &str) -> Policy {
    Policy::compile(text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn rule(text: &str, case: &Case) -> Ruling {
    compile(text).rule(&case.launch())
}

#[test]
fn what_is_asked_fits_the_schema_with_every_fact_and_with_none() {
    let (schema, warnings) = Schema::from_cedarschema_str(SCHEMA_TEXT).unwrap();
    assert_eq!(warnings.count(), 0);
    let full = Case { image: full_image(), spec: full_spec(), instance_type: full_type(), ..Case::good() };
    let least = Case {
        image: crate::ec2::facts::Image::unknown("ami-00000001".parse().unwrap()),
        spec: least_spec(),
        instance_type: serde_json::from_str(r#"{"instance_type": "m7i.large"}"#).unwrap(),
        reason: String::new(),
        ..Case::good()
    };
    let launch = facts::launch();
    let principal = "local".parse().unwrap();
    let call = |action| service_call(&principal, action, "ImageService", "ListImages", facts::NOON);
    let questions = [
        full.launch(),
        full.break_glass(),
        least.launch(),
        call(Action::Query),
        call(Action::ReadAudit),
        call(Action::Administer),
        launch_call(&principal, Action::Terminate, &launch, "TerminateLaunch", facts::NOON),
    ];
    for question in &questions {
        let (request, entities) = question.parts().unwrap();
        Entities::from_entities(entities.iter().cloned(), Some(&schema)).unwrap();
        Request::new(
            request.principal().unwrap().clone(),
            request.action().unwrap().clone(),
            request.resource().unwrap().clone(),
            request.context().unwrap().clone(),
            Some(&schema),
        )
        .unwrap();
    }
    // Every attribute that the schema has is set somewhere.
    let said = serde_json::to_string(&questions[0].parts().unwrap().1.to_json_value().unwrap()).unwrap();
    let optional = SCHEMA_TEXT.lines().filter_map(|line| line.trim().split_once("?:").map(|(name, _)| name));
    for name in optional {
        assert!(said.contains(&format!("\"{name}\"")), "{name} is in the schema and is never set");
    }
}

#[test]
fn a_policy_that_cannot_be_evaluated_denies() {
    let permit = r#"@id("all") permit (principal, action, resource);"#;
    let overflows = r#"
        @id("overflows") @reason("r") @remedy("m")
        forbid (principal, action == Action::"launch", resource)
        when { context.spec.max_count + 9223372036854775807 > 0 };"#;
    let case = Case::good();
    assert!(rule(permit, &case).permitted);
    let ruling = rule(&format!("{permit}{overflows}"), &case);
    assert!(!ruling.permitted, "Cedar alone would let it pass");
    let [denial] = ruling.denials.as_slice() else { panic!("{ruling:?}") };
    assert_eq!(
        (denial.policy_id.as_str(), ruling.determining.as_slice()),
        ("overflows", &["overflows".to_owned()][..])
    );
    assert!(denial.reason.contains("overflow"), "{}", denial.reason);
    // A permit that fails beside one that holds denies as well, and a forbid that holds is named beside it.
    let both = r#"@id("odd") permit (principal, action == Action::"launch", resource)
        when { context.spec.max_count - 9223372036854775807 - 9 < 0 };
        @id("never") @reason("Never.") @remedy("None.") forbid (principal, action == Action::"launch", resource);"#;
    let ruling = rule(&format!("{permit}{both}"), &case);
    assert_eq!((ruling.permitted, ruling.determining), (false, vec!["odd".to_owned(), "never".to_owned()]));
}

#[test]
fn without_a_permit_nothing_is_permitted_and_it_is_said() {
    let case = Case::good();
    for text in ["", r#"@id("q") permit (principal, action == Action::"query", resource);"#] {
        let ruling = rule(text, &case);
        assert_eq!((ruling.permitted, ruling.denials[0].policy_id.as_str()), (false, NO_PERMIT));
        assert!(ruling.determining.is_empty() && !ruling.denials[0].remedy.is_empty());
    }
}

#[test]
fn every_forbid_that_applies_is_named_in_the_order_of_the_text() {
    let forbid = |id: &str| {
        format!(r#"@id("{id}") @reason("No {id}.") @remedy("Not {id}.") forbid (principal, action, resource);"#)
    };
    let ids = ["zebra", "ant", "mouse"];
    let text: String = ids.iter().map(|id| forbid(id)).collect();
    let ruling = rule(&text, &Case::good());
    assert_eq!(ruling.determining, ids);
    let reasons: Vec<_> = ruling.denials.iter().map(|denial| denial.reason.as_str()).collect();
    assert_eq!(reasons, ["No zebra.", "No ant.", "No mouse."]);
}

#[test]
fn times_are_cedars_and_the_week_begins_on_monday() {
    let text = |condition: &str| format!(r#"@id("t") permit (principal, action, resource) when {{ {condition} }};"#);
    let launch = format!("context has spec && {}", r#"context.time == datetime("2026-07-01T12:00:00.123Z")"#);
    for (condition, holds) in [
        (launch.as_str(), true),
        ("context.weekday == 3", true),
        ("context.weekday == 4", false),
        (r#"context.time.toTime() >= duration("12h")"#, true),
    ] {
        assert_eq!(rule(&text(condition), &Case::good()).permitted, holds, "{condition}");
    }
    let before_christ = Case { time: "-000043-03-15T12:00:00Z".parse().unwrap(), ..Case::good() };
    let ruling = rule(&text(r#"context.time < datetime("2000-01-01")"#), &before_christ);
    assert!(!ruling.permitted, "what Cedar cannot say is not permitted");
}

#[test]
fn what_of_a_launch_decides_about_its_root_is_the_launch_over_the_image() {
    let text = r#"@id("e") permit (principal, action, resource)
        when { context has spec && context.spec has root_encrypted && context.spec.root_encrypted };"#;
    let mut case = Case::good();
    for (image, launch, permitted) in [
        (None, None, false),
        (Some(false), None, false),
        (Some(true), None, true),
        (Some(false), Some(true), true),
        (None, Some(true), true),
        (Some(true), Some(false), true),
        (Some(false), Some(false), false),
    ] {
        case.image.block_device_mappings[0].ebs.as_mut().unwrap().encrypted = image;
        case.spec.block_device_mappings = vec![crate::record::BlockDeviceSpec {
            device_name: "/dev/xvda".to_owned(),
            virtual_name: None,
            no_device: false,
            ebs: Some(crate::record::EbsSpec { encrypted: launch, ..Default::default() }),
        }];
        assert_eq!(rule(text, &case).permitted, permitted, "image {image:?}, launch {launch:?}");
    }
}

#[test]
fn a_case_is_asked_type_by_type() {
    let text = r#"@id("small") permit (principal, action == Action::"launch", resource)
        when { context.instance_type has vcpus && context.instance_type.vcpus < 8 };"#;
    let policy = compile(text);
    let mut big = good_type();
    big.instance_type = "m7i.48xlarge".parse().unwrap();
    big.vcpus = Some(192);
    let types = [good_type(), big];
    let (principal, spec, image) = ("local".parse().unwrap(), least_spec(), good_image());
    let facts = LaunchFacts {
        principal: &principal,
        spec: &spec,
        reason: "r",
        image: &image,
        types: &types,
        time: facts::NOON,
    };
    let case = LaunchCase::new(&facts);
    assert!(policy.rule(&case.launch(&types[0].instance_type)).permitted);
    assert!(!policy.rule(&case.launch(&types[1].instance_type)).permitted);
    assert!(!policy.rule(&case.break_glass(&types[0].instance_type)).permitted);
    // A type whose facts are not there is an error of the policy's, and denied.
    assert!(!policy.rule(&case.launch(&"x9.huge".parse().unwrap())).permitted);
}

#[test]
fn every_answer_is_the_one_of_cedars_own_authorizer() {
    let odd = r#"
        @id("odd") permit (principal, action in [Action::"launch", Action::"query"], resource)
        when { context has spec && context.spec.max_count + 9223372036854775806 > 0 };
        @id("any") @reason("r") @remedy("m") forbid (principal == Principal::"local", action, resource)
        when { context.weekday > 3 } unless { context has spec && context.instance_type.family == "m7i" };"#;
    let mut cases = vec![Case::good()];
    cases.push(Case { image: full_image(), spec: full_spec(), instance_type: full_type(), ..Case::good() });
    cases.push(Case { reason: String::new(), time: "2026-07-04T03:00:00Z".parse().unwrap(), ..Case::good() });
    let principal = "local".parse().unwrap();
    let mut questions: Vec<Question> = cases.iter().flat_map(|case| [case.launch(), case.break_glass()]).collect();
    questions.extend(
        [Action::Query, Action::ReadAudit, Action::Administer]
            .map(|action| service_call(&principal, action, "AnyService", "Any", facts::NOON)),
    );
    questions.push(launch_call(&principal, Action::Terminate, &facts::launch(), "CancelLaunch", facts::NOON));
    for text in EXAMPLES.iter().map(|(_, text)| *text).chain([DEFAULT_TEXT, odd]) {
        let policy = compile(text);
        let set: cedar_policy::PolicySet = text.parse().unwrap();
        for question in &questions {
            let (request, entities) = question.parts().unwrap();
            let answer = cedar_policy::Authorizer::new().is_authorized(request, &set, entities);
            let failed: Vec<_> = answer.diagnostics().errors().map(ToString::to_string).collect();
            let allowed = answer.decision() == cedar_policy::Decision::Allow && failed.is_empty();
            let ruling = policy.rule(question);
            assert_eq!(ruling.permitted, allowed, "{text}\n{request}");
            if failed.is_empty() {
                let name = |id| set.annotation(id, "id").unwrap().to_owned();
                let mut reasons: Vec<_> = answer.diagnostics().reason().map(name).collect();
                let mut ours = ruling.determining;
                reasons.sort();
                ours.sort();
                assert_eq!(ours, reasons, "{text}\n{request}");
            }
        }
    }
}
